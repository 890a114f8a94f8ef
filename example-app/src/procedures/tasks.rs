//! Tasks of who is signed in. Row-level security keeps everybody else's out of sight, so no query names the owner.

use catena::{Created, Ctx, Error, Result, User, procedure, types::Uuid};
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, SelectableHelper as _};
use diesel_async::RunQueryDsl as _;

use crate::{
    models::task::{EditTask, NewTask, Task},
    schema::tasks,
};

/// Creates a task for the signed-in user.
#[procedure(tier = "protected")]
pub async fn create(ctx: &Ctx<User>, input: NewTask) -> Result<Created<Task>> {
    let task = diesel::insert_into(tasks::table)
        .values(input)
        .returning(Task::as_returning())
        .get_result(&mut ctx.db().await?)
        .await?;
    Ok(Created(task))
}

/// Lists the signed-in user's tasks, newest first.
#[procedure(query, tier = "protected")]
pub async fn list(ctx: &Ctx<User>) -> Result<Vec<Task>> {
    let tasks = tasks::table
        .select(Task::as_select())
        .order((tasks::created_at.desc(), tasks::id))
        .limit(500)
        .load(&mut ctx.db().await?)
        .await?;
    Ok(tasks)
}

/// Returns one of the signed-in user's tasks.
#[procedure(query, tier = "protected", path = "/api/tasks/{id}")]
pub async fn get(ctx: &Ctx<User>, id: Uuid) -> Result<Option<Task>> {
    let task =
        tasks::table.find(id).select(Task::as_select()).first(&mut ctx.db().await?).await.optional()?;
    Ok(task)
}

/// Changes one of the signed-in user's tasks.
#[procedure(tier = "protected", method = "PATCH", path = "/api/tasks/{id}")]
pub async fn edit(ctx: &Ctx<User>, id: Uuid, input: EditTask) -> Result<Task> {
    Ok(input.apply(tasks::table.find(id), &mut ctx.db().await?).await?)
}

/// Removes one of the signed-in user's tasks.
#[procedure(tier = "protected", method = "DELETE", path = "/api/tasks/{id}")]
pub async fn remove(ctx: &Ctx<User>, id: Uuid) -> Result<()> {
    match diesel::delete(tasks::table.find(id)).execute(&mut ctx.db().await?).await? {
        0 => Err(Error::not_found("there is no such task")),
        _ => Ok(()),
    }
}
