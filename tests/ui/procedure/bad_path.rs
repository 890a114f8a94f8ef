use catena::{Ctx, Result, procedure, types::Uuid};

#[procedure(tier = "public", path = "api/tasks")]
async fn no_slash(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks/:id")]
async fn colon(ctx: &Ctx, id: Uuid) -> Result<()> {
    let _ = (ctx, id);
    Ok(())
}

#[procedure(tier = "public", path = "/api/{id}/{id}")]
async fn twice(ctx: &Ctx, id: Uuid) -> Result<()> {
    let _ = (ctx, id);
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks/")]
async fn slash_at_the_end(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", path = "/api//tasks")]
async fn nothing_between(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks?all/{1}/v{id}/*")]
async fn many(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    Ok(())
}

fn main() {}

// 9 mistakes
// Mend: `path = "/api/tasks/{id}"`: names of letters, digits, `-`, `_`, `.` and `~`, and parameters in braces.
