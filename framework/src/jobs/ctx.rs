//! What a job sees of its surroundings.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::JobId;
use crate::{
    db::{Access, Db, Detached, Scope},
    error::Result,
    services::Services,
};

/// The context of one attempt of a job.
pub struct JobCtx {
    pub(crate) services: Arc<Services>,
    pub(crate) scope: Scope,
    pub(crate) id: JobId,
    pub(crate) attempt: u16,
    /// Cancelled with the job.
    pub(crate) cancel: CancellationToken,
}

impl JobCtx {
    /// Returns a handle on the job's transaction, with the elevated role: past row-level security.
    ///
    /// Its effects and the job's completion commit together. It is for jobs of seconds.
    ///
    /// # Errors
    /// `unavailable` when there is no connection to be had.
    pub async fn db(&self) -> Result<Db> {
        self.scope.db().await
    }

    /// Transactions under row-level security, as a user: for what a job does in somebody's name. They are apart from
    /// that of [`JobCtx::db`]: each commits by itself, and again when the job is tried again.
    #[must_use]
    pub fn as_user(&self, id: Uuid) -> Detached {
        Detached::new(self.services.database.web.clone(), Access::ReadWrite, Some(id))
    }

    /// The job's number, the same for every attempt: what happens outside the database can be told apart by it.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The time. In tests it moves on when the test says so.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u16 {
        self.attempt
    }

    /// Resolves once somebody cancels the job while it runs, within about two seconds; otherwise never.
    ///
    /// For handlers that have something to tidy up: what they return then, also an error, ends the job as cancelled, but
    /// for `Ok`, which completes it. A handler that goes on is dropped after 5 s, as one that does not listen is.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether somebody has cancelled the job, for handlers that work piece by piece.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Returns the application's value of type `T`.
    ///
    /// # Errors
    /// `internal` when the application was built without one.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        self.services.states.get()
    }
}
