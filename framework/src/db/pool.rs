//! Connections and pools of them.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use deadpool::managed::{self, Manager, Metrics, Object, RecycleError, RecycleResult, Timeouts};
use diesel_async::{AsyncPgConnection, pooled_connection::PoolableConnection as _};

use super::{
    SetupError,
    connector::{Connector, UNREACHABLE},
};
use crate::error::{Error, Result};

/// How long a request waits for a free connection before it is answered with 503.
const WAIT: Duration = Duration::from_secs(5);

/// What the server itself puts an end to, should nobody be left to tell it: so locks never outlive by much whoever took
/// them. A role or a URL that has its own limits (`ALTER ROLE .. SET statement_timeout = '5s'`) keeps them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The longest statement, if there is a limit.
    pub(crate) statement: Option<Duration>,
    /// How long a transaction may be open without doing anything.
    pub(crate) idle: Duration,
}

impl Limits {
    /// The statement that sets them.
    fn sql(&self, is_local: bool) -> String {
        let statement = self.statement.unwrap_or_default().as_millis();
        let idle = self.idle.as_millis();
        format!(
            "SELECT set_config(name, value, {is_local})
             FROM (VALUES ('statement_timeout', '{statement}'), ('idle_in_transaction_session_timeout', '{idle}'))
                 AS limits (name, value)
             WHERE current_setting(name) = '0'"
        )
    }
}

/// The statement that has `pg_stat_activity` show which process a session belongs to: others end the sessions of one that
/// stands still. A name that the URL gives comes first.
fn signature(process: &str, is_local: bool) -> String {
    format!(
        "SELECT set_config('application_name', left(coalesce(nullif(current_setting('application_name'), ''),
             'catena jobs'), {}) || ' {process}', {is_local})",
        LONGEST_NAME - process.len() - 1
    )
}

/// The longest name of an application that PostgreSQL does not cut off.
const LONGEST_NAME: usize = 63;

/// How busy a pool is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolStatus {
    pub(crate) in_use: usize,
    pub(crate) idle: usize,
    pub(crate) waiting: usize,
}

/// Opens the connections of a pool.
pub(crate) struct Opener {
    connector: Connector,
    /// What each begins with.
    opening: String,
    /// What each transaction begins with, behind BEGIN.
    local: String,
}

/// A connection of a pool, and what is known of it.
pub(crate) struct PooledConnection {
    connection: AsyncPgConnection,
    /// The statements that it has been seen to have prepared.
    prepared: Mutex<Vec<&'static str>>,
}

impl PooledConnection {
    /// Whether the statement is known to be prepared: it then leaves when it is asked for, and not only once the server has
    /// answered.
    pub(super) fn has_prepared(&self, sql: &'static str) -> bool {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).contains(&sql)
    }

    /// Notes that the statement has been executed, and so prepared, for as long as the connection lasts.
    pub(super) fn note_prepared(&self, sql: &'static str) {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner).push(sql);
    }
}

impl Deref for PooledConnection {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}

impl Manager for Opener {
    type Type = PooledConnection;
    type Error = SetupError;

    async fn create(&self) -> Result<PooledConnection, SetupError> {
        // It is large, and part of every future that asks for a connection.
        let connection = Box::pin(self.connector.connect_with(&self.opening)).await?;
        Ok(PooledConnection { connection, prepared: Mutex::default() })
    }

    /// One that is known to have ended is replaced before anything is sent. The rest is found by the first statement: a
    /// `SELECT 1` a checkout would cost a round trip.
    async fn recycle(&self, pooled: &mut PooledConnection, _: &Metrics) -> RecycleResult<SetupError> {
        if pooled.connection.is_broken() { Err(RecycleError::message("it has ended")) } else { Ok(()) }
    }
}

/// A pool of connections of one role.
#[derive(Clone)]
pub(crate) struct Pool {
    connections: managed::Pool<Opener>,
    /// How long to wait for a free connection; as long as it takes if nothing else is said.
    wait: Option<Duration>,
}

impl Pool {
    /// Returns a pool of at most `size` connections. Nothing is connected yet.
    pub(crate) fn new(connector: Connector, size: usize, limits: Limits) -> Self {
        Self::opened_with(
            Opener { connector, opening: limits.sql(false), local: String::new() },
            size,
            Some(WAIT),
        )
    }

    /// Returns a pool whose users wait for a free connection as long as they like: jobs have limits of their own, and
    /// more of them run at once than there are connections. Its sessions bear the name of the process, or only its
    /// transactions where sessions are shared.
    pub(crate) fn patient(connector: Connector, size: usize, limits: Limits, process: &str) -> Self {
        let is_local = connector.is_shared();
        let settings = limits.sql(is_local) + ";" + &signature(process, is_local);
        let opener = if is_local {
            Opener { connector, opening: String::new(), local: format!(";{settings}") }
        } else {
            Opener { connector, opening: settings, local: String::new() }
        };
        Self::opened_with(opener, size, None)
    }

    /// A pool of a test, of web requests.
    #[cfg(test)]
    pub(crate) fn of_test(url: &str, size: usize) -> Self {
        let minute = Duration::from_secs(60);
        Self::new(Connector::of_test(url), size, Limits { statement: Some(minute), idle: minute })
    }

    fn opened_with(opener: Opener, size: usize, wait: Option<Duration>) -> Self {
        let connections = managed::Pool::builder(opener)
            .max_size(size)
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .expect("a pool with timeouts and a runtime is always built");
        Self { connections, wait }
    }

    /// The same connections for a request, which does not wait for them as a job does.
    pub(crate) fn for_requests(&self) -> Self {
        Self { wait: Some(WAIT), ..self.clone() }
    }

    /// Takes a connection.
    ///
    /// # Errors
    /// `unavailable` when none is free in time, or the database cannot be reached.
    pub(crate) async fn get(&self) -> Result<Object<Opener>> {
        let timeouts = Timeouts { wait: self.wait, ..Timeouts::default() };
        let taken = if self.opens_next() {
            // Whoever asked may go away while it is opened. The next one then finds it in the pool: clients that hang
            // up and come back at a pool that is not full yet would have the server open one after the other.
            let connections = self.connections.clone();
            let opening = tokio::spawn(async move { connections.timeout_get(&timeouts).await });
            opening.await.map_err(|error| Error::unavailable(UNREACHABLE).because(error))?
        } else {
            self.connections.timeout_get(&timeouts).await
        };
        taken.map_err(|error| match error {
            managed::PoolError::Timeout(_) => {
                Error::unavailable("no database connection became free in time").because(error)
            }
            managed::PoolError::Backend(why) => Error::unavailable(UNREACHABLE).because(why),
            other => Error::unavailable(UNREACHABLE).because(other),
        })
    }

    /// Whether the next to take a connection has to open it, as far as can be told.
    fn opens_next(&self) -> bool {
        let status = self.connections.status();
        status.available == 0 && status.size < status.max_size
    }

    /// What each transaction begins with, behind BEGIN: nothing, or statements that follow a semicolon.
    pub(super) fn local(&self) -> &str {
        &self.connections.manager().local
    }

    /// How its connections are opened.
    pub(super) fn connector(&self) -> &Connector {
        &self.connections.manager().connector
    }

    /// How many connections are used, and who waits for one.
    pub(crate) fn status(&self) -> PoolStatus {
        let status = self.connections.status();
        let idle = status.available.min(status.size);
        PoolStatus { in_use: status.size - idle, idle, waiting: status.waiting }
    }

    /// Closes every connection; later calls of [`Pool::get`] fail.
    pub(crate) fn close(&self) {
        self.connections.close();
    }
}
