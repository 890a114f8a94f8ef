use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
fn create(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}
