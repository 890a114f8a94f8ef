use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx) -> Result<(), std::io::Error> {
    let _ = ctx;
    Ok(())
}

fn main() {}
