//! The handle through which handlers use the transaction of their request or job.

use std::{future::Future, sync::Arc};

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AsQuery, QueryFragment, QueryId},
};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, future::BoxFuture, stream::BoxStream};

use super::scope::Inner;
use crate::error::{Error, Result};

type PgRow = <AsyncPgConnection as AsyncConnectionCore>::Row<'static, 'static>;

/// A handle on the transaction of a request or a job; cloning it is cheap and several may be used at once.
///
/// It stands where diesel-async wants a connection: `query.load(&mut ctx.db().await?)`. Statements of one transaction
/// run in the order in which they are sent. A statement that fails makes PostgreSQL refuse the rest of the
/// transaction, so the framework then never commits it; put statements that may fail into
/// [`Db::transaction`].
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
    /// Whether statements stay outside the transaction while it has not begun.
    aside: bool,
}

impl Db {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, aside: false }
    }

    pub(super) fn aside(inner: Arc<Inner>) -> Self {
        Self { inner, aside: true }
    }

    /// Notes that a job was enqueued: whoever commits the transaction may tell the workers.
    pub(crate) fn note_enqueued(&self) {
        self.inner.note_enqueued();
    }

    async fn run<T>(&self, statement: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        if self.aside { self.inner.run_aside(statement).await } else { self.inner.run(statement).await }
    }

    /// Runs `work` in a savepoint: what it wrote stays if it returns `Ok`, and is undone if it returns `Err` or is
    /// dropped half way, while the transaction around it goes on.
    ///
    /// Savepoints nest. While one is open, every statement of the transaction is inside it, whichever handle sends it:
    /// do not run two of them side by side.
    ///
    /// # Errors
    /// The error of `work`; `internal` when `work` returned `Ok` although one of its statements failed.
    pub async fn transaction<T, E: From<Error>>(
        &self,
        work: impl AsyncFnOnce(Db) -> Result<T, E>,
    ) -> Result<T, E> {
        let savepoint = Savepoint::begin(&self.inner);
        let value = work(Self::new(self.inner.clone())).await?;
        savepoint.keep().await?;
        Ok(value)
    }
}

/// An open savepoint: undone when it is dropped.
struct Savepoint<'a> {
    inner: &'a Inner,
    name: String,
    /// The failure that was known before, which going back does not undo.
    failure: Option<String>,
    kept: bool,
}

impl<'a> Savepoint<'a> {
    fn begin(inner: &'a Inner) -> Self {
        let name = inner.next_savepoint();
        inner.send_ahead(&format!("SAVEPOINT {name}"));
        Self { inner, name, failure: inner.failure(), kept: false }
    }

    async fn keep(mut self) -> Result<()> {
        let release = format!("RELEASE SAVEPOINT {}", self.name);
        let mut connection = self.inner.connection();
        let kept = self.inner.run(connection.batch_execute(&release)).await;
        kept.map_err(|error| {
            self.inner
                .explain(error, "a failed statement in a nested transaction was ignored, so it was undone")
        })?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.inner.set_failure(self.failure.take());
            let name = &self.name;
            self.inner.send_ahead(&format!("ROLLBACK TO SAVEPOINT {name};RELEASE SAVEPOINT {name}"));
        }
    }
}

impl SimpleAsyncConnection for Db {
    async fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        let mut connection = self.inner.connection();
        self.run(connection.batch_execute(query)).await
    }
}

impl AsyncConnectionCore for Db {
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Self::Stream<'conn, 'query>>>;
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type Stream<'conn, 'query> = BoxStream<'static, QueryResult<PgRow>>;
    type Row<'conn, 'query> = PgRow;
    type Backend = Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Pg> + QueryId + 'query,
    {
        let db: &'conn Self = self;
        let mut connection = db.inner.connection();
        let statement = AsyncConnectionCore::load(&mut connection, source);
        async move {
            let rows = db.run(statement).await?;
            // A stream of rows may outlive its transaction, and must not keep the connection.
            let inner = Arc::downgrade(&db.inner);
            let rows = rows.or_else(move |error| {
                let inner = inner.upgrade();
                async move {
                    Err(match inner {
                        Some(inner) => inner.fail(error).await,
                        None => error,
                    })
                }
            });
            Ok(rows.boxed())
        }
        .boxed()
    }

    fn execute_returning_count<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Pg> + QueryId + 'query,
    {
        let db: &'conn Self = self;
        let mut connection = db.inner.connection();
        let statement = connection.execute_returning_count(source);
        db.run(statement).boxed()
    }
}
