//! What asks for a page, and what a page is.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::cursor::CursorKey;
use crate::{
    ctx::Ctx,
    error::{Error, Failure, Place, Result},
    macros::model,
    model::Schema,
    procedure::{Procedure, Tier},
};

/// Which page of a list to answer with: the input of a query, or a part of it.
///
/// ```
/// use catena::{Ctx, Page, PageQuery, Result, User, model, procedure, row, types::{DateTime, Utc, Uuid}};
/// use diesel::{ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
/// use diesel_async::RunQueryDsl as _;
///
/// diesel::table! {
///     tasks (id) {
///         id -> Uuid,
///         created_at -> Timestamptz,
///     }
/// }
///
/// #[model(table = tasks)]
/// pub struct Task {
///     pub id: Uuid,
///     pub created_at: DateTime<Utc>,
/// }
///
/// /// Lists tasks, newest first.
/// #[procedure(query, tier = "protected")]
/// pub async fn list(ctx: &Ctx<User>, input: PageQuery) -> Result<Page<Task>> {
///     let paging = input.paging(ctx)?;
///     let mut tasks = tasks::table
///         .select(Task::as_select())
///         .order((tasks::created_at.desc(), tasks::id.desc()))
///         .limit(paging.fetch())
///         .into_boxed();
///     if let Some(last) = paging.after() {
///         tasks = tasks.filter(row((tasks::created_at, tasks::id)).lt(last));
///     }
///     let tasks = tasks.load(&mut ctx.db().await?).await?;
///     paging.page(tasks, |task: &Task| (task.created_at, task.id))
/// }
/// ```
#[model]
#[derive(Clone, Debug)]
pub struct PageQuery {
    /// The `next` of the page before; absent for the first page.
    #[check(len = 1..=2000)]
    pub after: Option<String>,
    /// How many items the page has at most.
    #[model(default = 20)]
    #[check(range = 1..=100)]
    pub limit: i32,
}

/// Some items of a list, in its order.
#[model]
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins: its `after`. Absent on the last page.
    pub next: Option<String>,
}

/// A page that is being put together: where it begins and how long it is. `K` is the key of a row: the values that the
/// list is ordered by, which together no other row has, such as `(created_at, id)`.
pub struct Paging<K> {
    after: Option<K>,
    limit: usize,
    key: CursorKey,
    procedure: &'static Procedure,
    user: Option<Uuid>,
}

impl PageQuery {
    /// Reads where the page begins. A cursor is good for the procedure that gave it out, and where somebody must be
    /// signed in for that user.
    ///
    /// # Errors
    /// `invalid_input` at `/after`, with the code `cursor`, for one that was not given out for this list.
    pub fn paging<K, U>(&self, ctx: &Ctx<U>) -> Result<Paging<K>>
    where
        K: Serialize + DeserializeOwned,
    {
        let request = &ctx.request;
        let procedure = request.procedure;
        let (key, id) = (&request.services.cursor_key, procedure.id());
        // Elsewhere a user may be known, or not, by the time the cursor is read, and known when it is written.
        let user = request.standing.acting().filter(|_| procedure.tier == Tier::Protected);
        let after = match &self.after {
            None => None,
            Some(cursor) => Some(key.open(&id, user, cursor).ok_or_else(|| refused(procedure))?),
        };
        let limit = usize::try_from(self.limit).unwrap_or(1);
        Ok(Paging { after, limit, key: key.clone(), procedure, user })
    }
}

fn refused(procedure: &Procedure) -> Error {
    Error::invalid(vec![Failure {
        place: if procedure.is_query() { Place::Query } else { Place::Body },
        pointer: "/after".to_owned(),
        code: "cursor".into(),
        message: "is not the `next` of a page of this list: leave it out to begin at the first page".into(),
        expected: None,
    }])
}

impl<K: Serialize + Clone> Paging<K> {
    /// The key of the last row that the caller has; `None` for the first page.
    #[must_use]
    pub fn after(&self) -> Option<K> {
        self.after.clone()
    }

    /// How many rows to fetch: one more than the page has, which tells whether there is another page.
    #[must_use]
    pub fn fetch(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Makes the page of the rows that were fetched, in their order.
    ///
    /// # Errors
    /// `internal` for a key that cannot be written as JSON.
    pub fn page<T: Schema>(&self, mut items: Vec<T>, key: impl FnOnce(&T) -> K) -> Result<Page<T>> {
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = match items.last().filter(|_| has_more) {
            None => None,
            Some(last) => {
                let sealed = self.key.seal(&self.procedure.id(), self.user, &key(last));
                Some(sealed.map_err(Error::internal)?)
            }
        };
        Ok(Page { items, next })
    }
}
