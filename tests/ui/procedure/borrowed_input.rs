use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx, title: &String) -> Result<()> {
    let _ = (ctx, title);
    Ok(())
}

fn main() {}
