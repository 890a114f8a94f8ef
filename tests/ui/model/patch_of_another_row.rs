use catena::{Ctx, Result, model, procedure};
use diesel::QueryDsl as _;

diesel::table! {
    tasks (id) {
        id -> Integer,
        title -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Integer,
        name -> Text,
    }
}

#[model(table = tasks, patch)]
pub struct EditTask {
    pub title: Option<String>,
}

#[model(table = users)]
pub struct User {
    pub id: i32,
    pub name: String,
}

#[model(table = tasks)]
pub struct Task {
    pub id: i32,
    pub title: String,
}

#[procedure(tier = "public")]
pub async fn another_table(ctx: &Ctx, input: EditTask) -> Result<Task> {
    Ok(input.apply(users::table.find(1), &mut ctx.db().await?).await?)
}

#[procedure(tier = "public")]
pub async fn another_model(ctx: &Ctx, input: EditTask) -> Result<User> {
    Ok(input.apply(tasks::table.find(1), &mut ctx.db().await?).await?)
}

fn main() {}

// 2 mistakes, 3 messages
// Mend: `input.apply(tasks::table.find(id), &mut db)`: a query of the patch's own table, and a model that is read from it.
