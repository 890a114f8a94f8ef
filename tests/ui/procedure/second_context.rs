use catena::{Ctx, Result, User, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx, user: &Ctx<User>) -> Result<()> {
    let _ = (ctx, user);
    Ok(())
}

fn main() {}
