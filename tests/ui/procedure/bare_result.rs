use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> Result {
    let _ = ctx;
    Ok(())
}

fn main() {}

// Mend: write what it returns, `Result<()>` for nothing.
