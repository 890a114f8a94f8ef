use catena::{Ctx, Result, model, procedure, types::Uuid};

#[model]
pub struct EditTask {
    title: String,
}

#[procedure(tier = "public", path = "/api/tasks/{id}")]
async fn edit(
    ctx: &Ctx,
    /// Which task.
    id: Uuid,
    /// What to change.
    input: EditTask,
) -> Result<()> {
    let _ = (ctx, id, input.title);
    Ok(())
}

fn main() {}
