use catena::{Ctx, Result, User, job};

#[job]
async fn send(ctx: &Ctx<User>) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}
