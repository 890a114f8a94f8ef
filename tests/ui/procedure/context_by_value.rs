use catena::{Ctx, Result, User, procedure};

#[procedure(tier = "protected")]
async fn create(ctx: Ctx<User>) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "protected")]
async fn edit(ctx: &mut Ctx<User>) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
