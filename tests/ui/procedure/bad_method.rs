use catena::{Ctx, Result, model, procedure};

#[model]
pub struct EditTask {
    title: String,
}

#[procedure(tier = "public", method = "PTACH")]
async fn misspelt(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", method = "LINK")]
async fn unknown(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(query, tier = "public", method = "POST")]
async fn query_by_post(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", method = "GET")]
async fn get_without_query(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", method = "DELETE")]
async fn delete_with_input(ctx: &Ctx, input: EditTask) -> Result<()> {
    let _ = (ctx, input.title);
    Ok(())
}

fn main() {}

// 5 mistakes
