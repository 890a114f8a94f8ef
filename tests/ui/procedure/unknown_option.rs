use catena::{Ctx, Result, procedure};

#[procedure(teir = "public", qeury)]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
