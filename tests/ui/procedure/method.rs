use catena::{Ctx, Result, procedure};

struct Tasks;

impl Tasks {
    #[procedure(tier = "public")]
    async fn create(&self, ctx: &Ctx) -> Result<()> {
        let _ = ctx;
        Ok(())
    }
}

fn main() {}
