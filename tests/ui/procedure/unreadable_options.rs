use catena::{Ctx, Result, procedure, types::Uuid};

#[procedure(tier: "public", path = "/api/edit/{id}")]
async fn colon(ctx: &Ctx, id: Uuid, input: Vec<String>) -> Result<()> {
    let _ = (ctx, id, input);
    Ok(())
}

#[procedure(query tier = "public")]
async fn no_comma(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure("public")]
async fn no_name(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", path: "/api/move/{id}")]
async fn path_with_colon(ctx: &Ctx, id: Uuid, input: Vec<String>) -> Result<()> {
    let _ = (ctx, id, input);
    Ok(())
}

fn main() {}

// 4 mistakes
