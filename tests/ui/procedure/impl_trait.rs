use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx, input: impl Into<String>) -> Result<()> {
    let _ = (ctx, input);
    Ok(())
}

#[procedure(tier = "public")]
async fn list(ctx: &Ctx) -> Result<Vec<impl Sized>> {
    let _ = ctx;
    Ok(vec![()])
}

fn main() {}

// 2 mistakes
