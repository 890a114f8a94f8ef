use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(input: String, ctx: &Ctx) -> Result<()> {
    let _ = (ctx, input);
    Ok(())
}

fn main() {}
