//! Transactions apart from the one of a request or a job.

use uuid::Uuid;

use super::{Access, Db, Pool, Scope};
use crate::error::{Error, Result};

/// Transactions apart from the one of a request or a job, each by itself, as the same user and under row-level
/// security. [`Ctx::detach`](crate::Ctx::detach) and [`JobCtx::as_user`](crate::JobCtx::as_user) make it.
///
/// It holds no connection between two of them and may outlive where it came from, as in a stream or a task.
#[derive(Clone)]
pub struct Detached {
    pool: Pool,
    access: Access,
    identity: Option<Uuid>,
}

impl Detached {
    /// `identity` is who the transactions act for; `None` for nobody.
    pub(crate) fn new(pool: Pool, access: Access, identity: Option<Uuid>) -> Self {
        Self { pool, access, identity }
    }

    /// Runs `work` in a transaction of its own, which commits if it returns `Ok`, and is rolled back if it returns
    /// `Err`, panics or is dropped half way.
    ///
    /// # Errors
    /// The error of `work`; `unavailable` when there is no connection to be had; `internal` when `work` returned `Ok`
    /// although one of its statements failed.
    pub async fn transaction<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(Db) -> Result<T, E>,
    ) -> Result<T, E> {
        let scope = Scope::new(self.pool.clone(), self.access);
        if let Some(id) = self.identity {
            scope.identify(id);
        }
        let value = work(scope.db().await?).await?;
        scope.commit().await?;
        Ok(value)
    }
}
