use catena::{Ctx, Result, procedure};

#[procedure(tier = "protcted", method = "PTCH")]
async fn edit(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
