use catena::{Ctx, Result, model, procedure, types::Uuid};

#[model]
pub struct EditTask {
    title: String,
}

#[procedure(tier = "public", path = "/api/tasks/{id}")]
async fn without_argument(ctx: &Ctx, input: EditTask) -> Result<()> {
    let _ = (ctx, input.title);
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks")]
async fn without_parameter(ctx: &Ctx, id: Uuid, input: EditTask) -> Result<()> {
    let _ = (ctx, id, input.title);
    Ok(())
}

#[procedure(tier = "public", path = "/api/tasks/{task_id}")]
async fn another_name(ctx: &Ctx, input: EditTask, id: Uuid) -> Result<()> {
    let _ = (ctx, id, input.title);
    Ok(())
}

fn main() {}

// 3 mistakes
