use catena::{Ctx, Result, User, procedure};

#[procedure(tier = "protected")]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public")]
async fn list(ctx: &Ctx<User>) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
