use catena::{Ctx, Result, procedure};

#[procedure(tier = "public", timeout = "30", body_limit = "8kB")]
async fn units(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", timeout = "0s", body_limit = 8192)]
async fn zero(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(query, tier = "public", body_limit = "8KiB")]
async fn query(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 5 mistakes
