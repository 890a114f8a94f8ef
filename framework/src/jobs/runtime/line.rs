//! The connection on which the queue is kept in order, shared by the loops that do so.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
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

/// A connection, and what each transaction begins with.
type Opened = (AsyncPgConnection, String);

/// A connection that is opened when it is needed and used by one loop at a time.
pub(in crate::jobs) struct Line {
    connector: Connector,
    connection: Mutex<Option<Opened>>,
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
        let opened = match slot.take() {
            Some(opened) => opened,
            None => store::open_housekeeping(&self.connector).await?,
        };
        Ok(Turn { slot, opened })
    }
}

/// The use of the connection. It is closed at the end unless it is [kept](Turn::keep), so whatever fails or is
/// dropped half way leaves nothing behind.
pub(in crate::jobs) struct Turn<'a> {
    slot: MutexGuard<'a, Option<Opened>>,
    opened: Opened,
}

impl Turn<'_> {
    /// Begins a transaction.
    ///
    /// # Errors
    /// Those of the database.
    pub(in crate::jobs) async fn begin(&mut self) -> Result<()> {
        let (connection, begin) = &mut self.opened;
        Ok(connection.batch_execute(begin).await?)
    }

    /// Says that all went well: the next one uses the same connection.
    pub(in crate::jobs) fn keep(mut self) {
        *self.slot = Some(self.opened);
    }
}

impl Deref for Turn<'_> {
    type Target = AsyncPgConnection;

    fn deref(&self) -> &AsyncPgConnection {
        &self.opened.0
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        &mut self.opened.0
    }
}
