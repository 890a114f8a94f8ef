use catena::{Ctx, Result, procedure};

#[procedure(tier = "public", id = "tasks/edit", tag = "")]
async fn edit(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 2 mistakes
