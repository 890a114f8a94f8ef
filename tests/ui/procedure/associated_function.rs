use catena::{Ctx, Result, procedure};

struct Tasks;

impl Tasks {
    #[procedure(tier = "public")]
    async fn create(ctx: &Ctx) -> Result<()> {
        let _ = ctx;
        Ok(())
    }
}

fn main() {}

// 1 mistake, 4 messages
// Mend: a procedure is a free function: move it out of the `impl` block.
