//! The one lazy transaction of a request or a job.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use deadpool::managed::Object;
use diesel::{
    QueryResult,
    result::{DatabaseErrorKind, Error as DieselError},
};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join, join3},
};
use tokio::{runtime::Handle, sync::OnceCell, time::timeout};
use uuid::Uuid;

use super::{
    Db, Detached, Pool,
    pool::{Opener, PooledConnection},
};
use crate::{
    error::{Error, Result},
    metrics::{TransactionEnd, count_transaction},
};

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads only; PostgreSQL refuses writes.
    ReadOnly,
    /// Reads and writes.
    ReadWrite,
}

/// One lazy transaction.
///
/// Nothing is taken from the pool before the first [`Scope::db`], and BEGIN leaves together with the first statement.
/// When the last clone is dropped while the transaction is open, it is rolled back in the background, even if a handle
/// is still held somewhere, and its connection goes back to the pool or is closed.
#[derive(Clone)]
pub(crate) struct Scope(Arc<Owner>);

struct Owner(Arc<Inner>);

/// What a scope shares with its handles.
pub(super) struct Inner {
    pool: Pool,
    connection: OnceCell<Object<Opener>>,
    /// Held while a statement is polled: BEGIN is sent before anything else of any thread, and nothing is sent after
    /// COMMIT. (The first use of a statement sends its text, waits, and only then executes it: behind a COMMIT it would
    /// run outside the transaction, as nobody.)
    gate: Mutex<()>,
    state: Mutex<State>,
}

struct State {
    access: Access,
    phase: Phase,
    /// What is sent ahead of the next statement, in one write with it.
    ahead: String,
    savepoints: u32,
    /// Whether a job was enqueued in it.
    enqueued: bool,
    /// Whether a statement outside the transaction was dropped, and may still be running.
    stray: bool,
    /// The first statement that failed, and whose effect on the transaction was not undone since.
    failure: Option<String>,
    /// Who the transaction acts for.
    identity: Option<Uuid>,
    after_commit: Vec<Box<dyn FnOnce() + Send>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// BEGIN has not been sent.
    Idle,
    /// BEGIN has been sent.
    Open,
    /// The end has been sent, or is about to be; no statement may follow.
    Ending,
    /// The end has been confirmed: the connection is as it was before.
    Ended,
}

impl Scope {
    /// Returns a scope over `pool` that has not begun.
    pub(crate) fn new(pool: Pool, access: Access) -> Self {
        let begin = match access {
            Access::ReadOnly => "BEGIN READ ONLY",
            Access::ReadWrite => "BEGIN",
        };
        let state = State {
            access,
            phase: Phase::Idle,
            ahead: [begin, pool.local()].concat(),
            savepoints: 0,
            enqueued: false,
            stray: false,
            failure: None,
            identity: None,
            after_commit: Vec::new(),
        };
        let inner =
            Inner { pool, connection: OnceCell::new(), gate: Mutex::default(), state: Mutex::new(state) };
        Self(Arc::new(Owner(Arc::new(inner))))
    }

    /// Returns a handle on the transaction; the first call takes a connection from the pool.
    ///
    /// # Errors
    /// `unavailable` when there is no connection to be had.
    pub(crate) async fn db(&self) -> Result<Db> {
        let inner = &self.0.0;
        // Handlers ask for handles in many places, and each would have the room for taking a connection.
        inner.connection.get_or_try_init(|| Box::pin(inner.pool.get())).await?;
        Ok(Db::new(inner.clone()))
    }

    /// Returns a handle whose statements stay outside the transaction as long as it has not begun: each takes effect
    /// at once, whatever becomes of the request.
    ///
    /// # Errors
    /// As [`Scope::db`].
    pub(crate) async fn aside(&self) -> Result<Db> {
        self.db().await?;
        Ok(Db::aside(self.0.0.clone()))
    }

    /// Whether a connection has been taken from the pool.
    pub(crate) fn is_connected(&self) -> bool {
        self.0.0.connection.initialized()
    }

    /// Whether a statement has been sent and the transaction has not ended.
    pub(crate) fn begun(&self) -> bool {
        self.0.0.state().phase == Phase::Open
    }

    /// Sets who the transaction acts for, for row-level security, from the next statement on.
    pub(crate) fn identify(&self, id: Uuid) {
        self.0.0.state().identity = Some(id);
        // A UUID has no character that needs quoting.
        self.0.0.send_ahead(&format!("SET LOCAL catena.user_id = '{id}'"));
    }

    /// Transactions apart from this one, that may do the same and act for the same user.
    pub(crate) fn detach(&self) -> Detached {
        self.detach_to(self.0.0.pool.clone())
    }

    /// The same over another role's pool.
    pub(crate) fn detach_to(&self, pool: Pool) -> Detached {
        let state = self.0.0.state();
        Detached::new(pool, state.access, state.identity)
    }

    /// Who the transaction acts for.
    pub(crate) fn identity(&self) -> Option<Uuid> {
        self.0.0.state().identity
    }

    /// Runs `hook` once the transaction has committed, and never if it has not.
    pub(crate) fn after_commit(&self, hook: impl FnOnce() + Send + 'static) {
        self.0.0.state().after_commit.push(Box::new(hook));
    }

    /// Has the server give the transaction up when its end does not follow the next statement within seconds: for one
    /// that takes locks which others wait for, whatever becomes of this process.
    pub(crate) fn hasten(&self) {
        self.0.0.send_ahead("SET LOCAL idle_in_transaction_session_timeout = '5s'");
    }

    /// Whether a job was enqueued through one of its handles.
    pub(crate) fn has_enqueued(&self) -> bool {
        self.0.0.state().enqueued
    }

    /// Ends the transaction and keeps its effects. Once sent it is not cancelled, even if the caller goes away.
    ///
    /// # Errors
    /// `internal` when a statement outside a savepoint failed, whatever the handler made of it: everything is rolled
    /// back then. Those of a constraint that is checked at the end. `unavailable` when the connection was lost, and the
    /// outcome with it.
    pub(crate) async fn commit(&self) -> Result<()> {
        self.end(None).await
    }

    /// The same, with one more statement, which leaves in one write with COMMIT: one that fails if the effects must not be
    /// kept.
    ///
    /// # Errors
    /// As [`Scope::commit`], and that of the statement.
    pub(crate) async fn commit_with(&self, last: Last) -> Result<()> {
        self.end(Some(last)).await
    }

    async fn end(&self, last: Option<Last>) -> Result<()> {
        let inner = self.0.0.clone();
        match inner.end() {
            // What only reads has nothing to wait for: its caller is answered a round trip sooner.
            Phase::Open if last.is_none() && inner.has_only_read() => {
                tokio::spawn(commit(inner, last));
                Ok(())
            }
            Phase::Open => Unstoppable(Some(commit(inner, last).boxed())).await,
            Phase::Idle => {
                inner.run_hooks();
                Ok(())
            }
            Phase::Ending | Phase::Ended => Ok(()),
        }
    }
}

/// The last statement of a transaction that has begun.
pub(crate) struct Last {
    /// Its text, by which connections know whether they have prepared it.
    pub(crate) sql: &'static str,
    pub(crate) execute: Box<Execute>,
}

type Execute = dyn for<'a> FnOnce(&'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<()>> + Send;

/// Work that goes on in the background when whoever awaits it goes away. Until then it runs where it is awaited: a task of
/// its own for every commit would cost two changes of thread.
struct Unstoppable(Option<BoxFuture<'static, Result<()>>>);

impl Future for Unstoppable {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let work = self.0.as_mut().expect("nobody polls what is done");
        let result = ready!(work.poll_unpin(context));
        self.0 = None;
        Poll::Ready(result)
    }
}

impl Drop for Unstoppable {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work);
        }
    }
}

/// How long the end of a transaction may take. After that its connection is given up, and its outcome stays unknown.
const ENDING: Duration = Duration::from_secs(60);

async fn commit(inner: Arc<Inner>, last: Option<Last>) -> Result<()> {
    let silent = || Error::unavailable("the database did not say in time whether it has committed");
    timeout(ENDING, send_commit(inner, last)).await.unwrap_or_else(|_| Err(silent()))
}

async fn send_commit(inner: Arc<Inner>, last: Option<Last>) -> Result<()> {
    let session = inner.session();
    let mut connection: &AsyncPgConnection = session;
    let mut sql = std::mem::take(&mut inner.state().ahead);
    let ended = match last {
        None => {
            if !sql.is_empty() {
                sql.push(';');
            }
            // In a transaction that a failed statement has ended, PostgreSQL answers COMMIT with a silent ROLLBACK. The
            // empty SELECT before it is an error there, and keeps the COMMIT from being run.
            sql.push_str("SELECT;COMMIT");
            connection.batch_execute(&sql).await
        }
        Some(last) => commit_with(session, &sql, last).await,
    };
    let Err(error) = ended else {
        inner.state().phase = Phase::Ended;
        count_transaction(TransactionEnd::Committed);
        inner.run_hooks();
        return Ok(());
    };
    count_transaction(TransactionEnd::Refused);
    if connection.batch_execute("ROLLBACK").await.is_err() {
        return Err(Error::unavailable("the connection to the database was lost").because(error));
    }
    inner.state().phase = Phase::Ended;
    Err(inner.explain(error, "a failed statement was ignored, so nothing was written"))
}

/// Sends what is to be sent first, the last statement, and COMMIT: each runs only if the one before it did not fail.
async fn commit_with(session: &PooledConnection, ahead: &str, last: Last) -> QueryResult<()> {
    let (mut first, mut end): (&AsyncPgConnection, &AsyncPgConnection) = (session, session);
    let before = async { if ahead.is_empty() { Ok(()) } else { first.batch_execute(ahead).await } };
    let statement = (last.execute)(session);
    if session.has_prepared(last.sql) {
        // COMMIT is a ROLLBACK, and says nothing of it, if the statement fails.
        let (before, executed, ended) = join3(before, statement, end.batch_execute("COMMIT")).await;
        return before.and(executed).and(ended);
    }
    let (before, executed) = join(before, statement).await;
    before.and(executed)?;
    session.note_prepared(last.sql);
    end.batch_execute("COMMIT").await
}

impl Inner {
    /// The connection; a handle exists only once there is one.
    pub(super) fn connection(&self) -> &AsyncPgConnection {
        self.session()
    }

    fn session(&self) -> &PooledConnection {
        self.connection.get().expect("a handle is made after the connection")
    }

    /// Sends a statement, behind BEGIN if it is the first, and remembers its failure.
    pub(super) async fn run<T>(&self, statement: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        let sent = self.pass_gate(async {
            let ahead = self.open();
            if ahead.is_empty() {
                return statement.await;
            }
            let mut connection = self.connection();
            // Both leave in one write, in this order.
            let (before, result) = join(connection.batch_execute(&ahead), statement).await;
            before.and(result)
        });
        match sent.await {
            Ok(value) => Ok(value),
            Err(error) => Err(self.fail(error).await),
        }
    }

    /// Remembers a failed statement, and says whether its connection failed with it.
    pub(super) async fn fail(&self, error: DieselError) -> DieselError {
        self.record(&error);
        self.recognise(error).await
    }

    /// Tells a lost connection from a failed statement: a server that shuts down and a division by zero are of one
    /// kind, and only the latter leaves somebody to answer.
    async fn recognise(&self, error: DieselError) -> DieselError {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::Unknown, said) if !self.is_over() => {
                let lost = self.connection().batch_execute("").await.is_err();
                let kind =
                    if lost { DatabaseErrorKind::ClosedConnection } else { DatabaseErrorKind::Unknown };
                DieselError::DatabaseError(kind, said)
            }
            other => other,
        }
    }

    /// Sends a statement by itself if the transaction has not begun.
    pub(super) async fn run_aside<T>(
        &self,
        statement: impl Future<Output = QueryResult<T>>,
    ) -> QueryResult<T> {
        if self.state().phase != Phase::Idle {
            return self.run(statement).await;
        }
        let unanswered = Unanswered(self);
        let result = self.pass_gate(statement).await;
        std::mem::forget(unanswered);
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(self.recognise(error).await),
        }
    }

    /// Polls `work` with the gate held, and no more once the transaction has ended.
    async fn pass_gate<T>(&self, work: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        let mut work = pin!(work);
        let gated = poll_fn(|context| {
            let _gate = lock(&self.gate);
            if self.is_over() { Poll::Ready(Err(over())) } else { work.as_mut().poll(context) }
        });
        gated.await
    }

    /// Remembers a failed statement, for the error of whoever ignores it.
    fn record(&self, error: &DieselError) {
        if let DieselError::DatabaseError(_, info) = error {
            self.state().failure.get_or_insert_with(|| info.message().to_owned());
        }
    }

    /// Says what an end that failed means: `ignored`, if a statement had failed before, or else the error itself.
    pub(super) fn explain(&self, error: DieselError, ignored: &'static str) -> Error {
        // The refusal to go on after a failure has no kind of its own.
        let refused = matches!(error, DieselError::DatabaseError(DatabaseErrorKind::Unknown, _));
        match self.failure() {
            Some(failure) if refused => {
                let advice =
                    "run statements that may fail inside `ctx.transaction(..)` and return their error";
                Error::internal(format!("{ignored}; {advice}")).because(failure)
            }
            _ => error.into(),
        }
    }

    /// Has `sql` sent ahead of the next statement.
    pub(super) fn send_ahead(&self, sql: &str) {
        let mut state = self.state();
        if !state.ahead.is_empty() {
            state.ahead.push(';');
        }
        state.ahead.push_str(sql);
    }

    /// A name for the next savepoint, unique in the transaction.
    pub(super) fn next_savepoint(&self) -> String {
        let mut state = self.state();
        state.savepoints += 1;
        format!("catena_{}", state.savepoints)
    }

    /// Notes that a job was enqueued.
    pub(super) fn note_enqueued(&self) {
        self.state().enqueued = true;
    }

    /// The first failure that was not undone.
    pub(super) fn failure(&self) -> Option<String> {
        self.state().failure.clone()
    }

    /// Goes back to what was known at a savepoint.
    pub(super) fn set_failure(&self, failure: Option<String>) {
        self.state().failure = failure;
    }

    /// Whether the end can change nothing: PostgreSQL refused writes, nothing failed, and nobody waits for the end.
    fn has_only_read(&self) -> bool {
        let state = self.state();
        state.access == Access::ReadOnly && state.failure.is_none() && state.after_commit.is_empty()
    }

    /// Whether no statement may be sent any more.
    fn is_over(&self) -> bool {
        matches!(self.state().phase, Phase::Ending | Phase::Ended)
    }

    /// Begins unless it has; returns what is to be sent first.
    fn open(&self) -> String {
        let mut state = self.state();
        state.phase = Phase::Open;
        std::mem::take(&mut state.ahead)
    }

    /// Lets no further statement be sent; returns the phase before. A connection with a statement that may still be
    /// running outside the transaction is treated as if it had begun one: its end waits for that statement.
    fn end(&self) -> Phase {
        let _gate = lock(&self.gate);
        let mut state = self.state();
        let before = match state.phase {
            Phase::Idle if state.stray => Phase::Open,
            phase => phase,
        };
        state.phase = match before {
            Phase::Idle | Phase::Ended => Phase::Ended,
            Phase::Open | Phase::Ending => Phase::Ending,
        };
        before
    }

    fn run_hooks(&self) {
        let hooks = std::mem::take(&mut self.state().after_commit);
        hooks.into_iter().for_each(|hook| hook());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A statement outside the transaction whose answer is awaited. Dropped before that, it may still be running.
struct Unanswered<'a>(&'a Inner);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.state().stray = true;
    }
}

/// A dropped scope: whatever made it go away (an error, a panic, a timeout, a client that hung up), its effects must
/// not stay, and its locks must not outlive it.
impl Drop for Owner {
    fn drop(&mut self) {
        if self.0.end() == Phase::Open
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(roll_back(self.0.clone()));
        }
    }
}

/// A connection that is not known to be as it was before is closed, not returned to the pool.
impl Drop for Inner {
    fn drop(&mut self) {
        let clean = matches!(self.state().phase, Phase::Idle | Phase::Ended);
        if let Some(connection) = self.connection.take()
            && !clean
        {
            drop(Object::take(connection));
        }
    }
}

/// How long a rollback may take before the server is taken to be busy with a statement that nobody waits for.
const PATIENCE: Duration = Duration::from_millis(100);

/// Rolls back what a dropped scope left open.
async fn roll_back(inner: Arc<Inner>) {
    count_transaction(TransactionEnd::RolledBack);
    let mut connection = inner.connection();
    match timeout(PATIENCE, connection.batch_execute("ROLLBACK")).await {
        Ok(Ok(())) => inner.state().phase = Phase::Ended,
        Ok(Err(_)) => {}
        // The connection is closed afterwards: a cancel request travels by itself, and may come so late that it would
        // hit the next user's statement.
        Err(_) => {
            inner.pool.connector().cancel(inner.connection().cancel_token()).await;
        }
    }
}

fn over() -> DieselError {
    let text = "this transaction has ended; a handle from `ctx.db()` does not outlive its request or job";
    DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
