use catena::{Ctx, Result, procedure};

#[procedure(tier = "protect")]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "vip")]
async fn edit(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = public)]
async fn remove(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 3 mistakes
