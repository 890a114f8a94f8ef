use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async unsafe fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public")]
async fn constant<const N: usize>(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public")]
async fn bounded(ctx: &Ctx) -> Result<()>
where
    String: Clone,
{
    let _ = ctx;
    Ok(())
}

fn main() {}

// 3 mistakes
