//! Connections and pools of them.

use std::time::Duration;

use diesel_async::{
    AsyncConnection as _, AsyncPgConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{self as pooled, Object},
    },
};

use crate::error::{Error, Result};

/// How long a request waits for a free connection before it is answered with 503.
const WAIT: Duration = Duration::from_secs(5);

/// A pool of connections of one role.
#[derive(Clone)]
pub(crate) struct Pool(pooled::Pool<AsyncPgConnection>);

impl Pool {
    /// Returns a pool of at most `size` connections to `url`. Nothing is connected yet.
    pub(crate) fn new(url: &str, size: usize) -> Self {
        Self::with_wait(url, size, Some(WAIT))
    }

    /// Returns a pool whose users wait for a free connection as long as they like: jobs have limits of their own, and
    /// more of them run at once than there are connections.
    pub(crate) fn patient(url: &str, size: usize) -> Self {
        Self::with_wait(url, size, None)
    }

    fn with_wait(url: &str, size: usize, wait: Option<Duration>) -> Self {
        let mut config = ManagerConfig::<AsyncPgConnection>::default();
        // A dead connection is found by its first statement; a `SELECT 1` a checkout would cost a round trip.
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = pooled::Pool::builder(manager)
            .max_size(size)
            .wait_timeout(wait)
            .create_timeout(Some(WAIT))
            .recycle_timeout(Some(WAIT))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .expect("a pool with timeouts and a runtime is always built");
        Self(pool)
    }

    /// Takes a connection.
    ///
    /// # Errors
    /// `unavailable` when none is free in time, or the database cannot be reached.
    pub(crate) async fn get(&self) -> Result<Object<AsyncPgConnection>> {
        self.0.get().await.map_err(|error| {
            let detail = match &error {
                pooled::PoolError::Timeout(_) => "no database connection became free in time",
                _ => "the database cannot be reached",
            };
            Error::unavailable(detail).because(error)
        })
    }

    /// Closes every connection; later calls of [`Pool::get`] fail.
    pub(crate) fn close(&self) {
        self.0.close();
    }
}

/// Opens a single connection outside any pool.
///
/// # Errors
/// `unavailable` when the database cannot be reached or refuses the login.
pub(crate) async fn connect(url: &str) -> Result<AsyncPgConnection> {
    match tokio::time::timeout(WAIT, AsyncPgConnection::establish(url)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(Error::unavailable("the database cannot be reached").because(error)),
        Err(_) => Err(Error::unavailable("the database did not answer in time")),
    }
}
