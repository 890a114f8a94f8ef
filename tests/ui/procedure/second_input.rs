use catena::{Ctx, Result, procedure};

#[procedure(tier = "public")]
async fn create(ctx: &Ctx, title: String, notes: String) -> Result<()> {
    let _ = (ctx, title, notes);
    Ok(())
}

fn main() {}
