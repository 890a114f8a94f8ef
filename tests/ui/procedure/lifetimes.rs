use std::borrow::Cow;

use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn forever(ctx: &'static Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public")]
async fn borrows(ctx: &Ctx, title: Cow<'_, str>) -> Result<()> {
    let _ = (ctx, title);
    Ok(())
}

#[procedure(query, tier = "public")]
async fn titles(ctx: &Ctx) -> Result<Vec<&str>> {
    let _ = ctx;
    Ok(Vec::new())
}

fn main() {}

// 3 mistakes
