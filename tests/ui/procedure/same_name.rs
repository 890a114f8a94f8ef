use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "auth")]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 1 mistake, 3 messages
// Mend: give one of the two another name, or move it into a module of its own.
