use catena::{Ctx, Result, procedure};

pub struct Admin;

#[procedure(tier = "protected")]
async fn purge(ctx: &Ctx<Admin>) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}
