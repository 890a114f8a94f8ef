//! Tasks of who is signed in. Row-level security keeps everybody else's out of sight, so no query names the owner.

use catena::{Created, Ctx, Error, Page, PageQuery, Result, User, procedure, row, types::Uuid};
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
pub async fn list(ctx: &Ctx<User>, input: PageQuery) -> Result<Page<Task>> {
    let paging = input.paging(ctx)?;
    let mut tasks = tasks::table
        .select(Task::as_select())
        .order((tasks::created_at.desc(), tasks::id.desc()))
        .limit(paging.fetch())
        .into_boxed();
    if let Some(last) = paging.after() {
        tasks = tasks.filter(row((tasks::created_at, tasks::id)).lt(last));
    }
    let tasks = tasks.load(&mut ctx.db().await?).await?;
    paging.page(tasks, |task: &Task| (task.created_at, task.id))
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
