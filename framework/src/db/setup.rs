//! What the parts that prepare a database share: a connection of their own, and taking turns.

use std::time::Duration;

use tokio_postgres::{Client, Row, types::ToSql};

use super::{Connector, SetupError, Url};

/// How often a lock that somebody else holds is tried.
const RETRY: Duration = Duration::from_millis(50);

/// One of the locks of a database under which it is prepared by one process at a time.
#[derive(Clone, Copy)]
#[repr(i64)]
pub(crate) enum Turn {
    /// Roles and databases are made.
    Roles = 0x6361_7465_6e61_0001,
    /// Migrations run, or rights are granted.
    Migrations = 0x6361_7465_6e61_0002,
    /// A template for tests is made.
    #[cfg(feature = "testing")]
    Template = 0x6361_7465_6e61_0003,
}

/// A connection for preparing a database; it ends when it is dropped.
pub(crate) struct Session(Client);

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// When the server is away or refuses the login.
    pub(crate) async fn open(url: &Url) -> Result<Self, SetupError> {
        let (client, connection) = Connector::new(url)?.open().await?;
        // An error of the connection is the error of the statement that waits for it.
        tokio::spawn(connection);
        Ok(Self(client))
    }

    /// Runs one or more statements that return nothing. `doing` is for the error: "cannot {doing}: …".
    pub(crate) async fn run(&self, doing: &str, sql: &str) -> Result<(), SetupError> {
        self.0.batch_execute(sql).await.map_err(SetupError::sql(doing))
    }

    /// Runs a statement that returns one row of one `bool`.
    pub(crate) async fn ask(
        &self,
        doing: &str,
        sql: &str,
        binds: &[&(dyn ToSql + Sync)],
    ) -> Result<bool, SetupError> {
        let row = self.0.query_one(sql, binds).await.map_err(SetupError::sql(doing))?;
        row.try_get(0).map_err(SetupError::sql(doing))
    }

    /// Runs a statement that returns rows of one text.
    pub(crate) async fn texts(
        &self,
        doing: &str,
        sql: &str,
        binds: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<String>, SetupError> {
        let rows = self.0.query(sql, binds).await.map_err(SetupError::sql(doing))?;
        rows.iter().map(|row| row.try_get(0).map_err(SetupError::sql(doing))).collect()
    }

    /// Runs a statement that returns rows.
    pub(crate) async fn rows(
        &self,
        doing: &str,
        sql: &str,
        binds: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, SetupError> {
        self.0.query(sql, binds).await.map_err(SetupError::sql(doing))
    }

    /// Runs a statement that returns one row.
    pub(super) async fn row(&self, doing: &str, sql: &str) -> Result<Row, SetupError> {
        self.0.query_one(sql, &[]).await.map_err(SetupError::sql(doing))
    }

    /// The driver's own connection.
    pub(super) fn client(&self) -> &Client {
        &self.0
    }

    /// Runs statements of others, whose error the caller explains.
    pub(super) async fn attempt(&self, sql: &str) -> Result<(), tokio_postgres::Error> {
        self.0.batch_execute(sql).await
    }

    /// Waits for its turn, which lasts until the session ends.
    ///
    /// It asks again and again instead of waiting in the database: a statement that waits holds a snapshot, for which
    /// a `CREATE INDEX CONCURRENTLY` of the one whose turn it is would wait in turn.
    pub(crate) async fn take_turn(&self, turn: Turn) -> Result<(), SetupError> {
        let key = turn as i64;
        while !self.ask("wait for another process", "SELECT pg_try_advisory_lock($1)", &[&key]).await? {
            tokio::time::sleep(RETRY).await;
        }
        Ok(())
    }
}

/// A name as it stands in SQL.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as it stands in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
