use catena::{Ctx, Result, procedure};

#[procedure(query, tier = "public", tier = "auth", query)]
async fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
