//! Tasks.

use catena::{
    Patch, model,
    types::{DateTime, Utc, Uuid},
};

use crate::schema::tasks;

/// A thing to do.
#[model(table = tasks, omit(owner_id))]
pub struct Task {
    /// The task's id.
    pub id: Uuid,
    /// What to do.
    pub title: String,
    /// More about it.
    pub notes: Option<String>,
    /// When it was done, if it is.
    pub done_at: Option<DateTime<Utc>>,
    /// When it should be done.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
}

/// A new task, of who is signed in.
#[model(table = tasks, insert, omit(id, owner_id, done_at, created_at))]
pub struct NewTask {
    /// What to do.
    #[check(len = 1..=200)]
    pub title: String,
    /// More about it.
    #[check(len = ..=10_000)]
    pub notes: Option<String>,
    /// When it should be done.
    pub due_at: Option<DateTime<Utc>>,
}

/// A change of a task: what is absent stays as it is, and what may be `null` is removed by it.
#[model(table = tasks, patch)]
pub struct EditTask {
    /// What to do.
    #[check(len = 1..=200)]
    pub title: Option<String>,
    /// More about it.
    #[check(len = ..=10_000)]
    pub notes: Patch<String>,
    /// When it was done; `null` if it is not done after all.
    pub done_at: Patch<DateTime<Utc>>,
    /// When it should be done.
    pub due_at: Patch<DateTime<Utc>>,
}
