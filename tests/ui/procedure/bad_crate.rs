use catena::{Ctx, Result, procedure};

#[procedure(tier = "public", crate = 5)]
pub async fn ping(_ctx: &Ctx) -> Result<()> {
    Ok(())
}

#[procedure(tier = "public", crate = catena, crate = catena)]
pub async fn pong(_ctx: &Ctx) -> Result<()> {
    Ok(())
}

fn main() {}

// 2 mistakes
