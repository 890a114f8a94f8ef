use catena::{Ctx, Result, procedure};

#[procedure(tier = "public", path = "/api/tasks/{share}")]
async fn number(ctx: &Ctx, share: f64) -> Result<()> {
    let _ = (ctx, share);
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks/{name}")]
async fn borrowed(ctx: &Ctx, name: &str) -> Result<()> {
    let _ = (ctx, name);
    Ok(())
}

fn main() {}

// 2 mistakes
// Mend: `share: i32` and `name: String`.
