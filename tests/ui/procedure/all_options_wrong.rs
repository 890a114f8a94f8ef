use catena::{Ctx, Result, procedure};

#[procedure(tier = "publc", method = "patch", path = "api/{id}", id = "", timeout = "soon", body_limit = "1GB")]
async fn edit(ctx: &Ctx, first: Input, second: Input) -> Result<()> {
    let _ = (ctx, first, second);
    Ok(())
}

struct Input;

fn main() {}

// 8 mistakes
