use catena::{JobCtx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &JobCtx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}
