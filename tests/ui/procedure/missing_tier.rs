use catena::{Ctx, Result, procedure};

#[procedure]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}
