use catena::{Ctx, Result, procedure};

#[procedure(tier = "public", limit = "20")]
async fn no_window(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "auth", limit = "0/1m")]
async fn nothing(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(query, tier = "public", limit = 20)]
async fn number(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 3 mistakes
