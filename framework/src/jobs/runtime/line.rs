//! The connection on which the queue is kept in order, shared by the loops that do so.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use diesel_async::AsyncPgConnection;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    db::Connector,
    error::{Error, Result},
    jobs::store,
};

/// How long a piece of housekeeping may take, with the network, before it is given up.
pub(in crate::jobs) const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of a database that kept silent for too long.
pub(in crate::jobs) fn no_answer() -> Error {
    Error::unavailable("the database did not answer in time")
}

/// A connection that is opened when it is needed and used by one loop at a time.
pub(in crate::jobs) struct Line {
    connector: Connector,
    connection: Mutex<Option<AsyncPgConnection>>,
}

impl Line {
    pub(in crate::jobs) fn new(connector: Connector) -> Self {
        Self { connector, connection: Mutex::const_new(None) }
    }

    /// Waits for the connection, and opens it if there is none.
    ///
    /// # Errors
    /// `unavailable` when the database cannot be reached.
    pub(in crate::jobs) async fn open(&self) -> Result<Turn<'_>> {
        let mut slot = self.connection.lock().await;
        let connection = match slot.take() {
            Some(connection) => connection,
            None => store::open_housekeeping(&self.connector).await?,
        };
        Ok(Turn { slot, connection })
    }
}

/// The use of the connection. It is closed at the end unless it is [kept](Turn::keep), so whatever fails or is
/// dropped half way leaves nothing behind.
pub(in crate::jobs) struct Turn<'a> {
    slot: MutexGuard<'a, Option<AsyncPgConnection>>,
    connection: AsyncPgConnection,
}

impl Turn<'_> {
    /// Says that all went well: the next one uses the same connection.
    pub(in crate::jobs) fn keep(mut self) {
        *self.slot = Some(self.connection);
    }
}

impl Deref for Turn<'_> {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.connection
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.connection
    }
}
