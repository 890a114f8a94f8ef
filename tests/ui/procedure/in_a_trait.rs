use catena::{Ctx, Result, procedure};

trait Tasks {
    #[procedure(tier = "public")]
    async fn create(ctx: &Ctx) -> Result<()>;
}

fn main() {}
