use catena::{Ctx, Result, procedure, types::Uuid};

#[procedure(tier = "public", path = "/api/tasks/{id}")]
async fn edit(id: Uuid, ctx: &Ctx) -> Result<()> {
    let _ = (ctx, id);
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks/{id}/notes")]
async fn notes(id: Uuid) -> Result<()> {
    let _ = id;
    Ok(())
}

fn main() {}

// 2 mistakes
