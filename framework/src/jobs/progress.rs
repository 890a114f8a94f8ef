//! How far an attempt has come, as its handler says, written behind its back.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::{
    Course, JobCtx, JobId,
    store::{self, Lease},
};
use crate::{
    db::{Access, Db, Pool, Scope},
    error::Result,
};

/// How often it is written at most.
const EVERY: Duration = Duration::from_secs(1);

/// How long the last value may keep a job from ending.
const LAST: Duration = Duration::from_secs(1);

/// What the handler said, and how much of it is written.
#[derive(Default)]
pub(super) struct Progress {
    state: Mutex<State>,
    /// Held while something is written, so that nothing older comes after it.
    turn: tokio::sync::Mutex<()>,
}

/// How much is done, and of how much.
type Value = (i64, i64);

#[derive(Default)]
struct State {
    said: Option<Value>,
    written: Option<Value>,
    /// Whether a task writes what is said.
    has_writer: bool,
}

impl Progress {
    /// Writes the last value in the transaction that also completes the job.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn settle_in(&self, db: &mut Db, held: (JobId, Lease)) -> Result<()> {
        if self.unwritten().is_none() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        if let Some(value) = self.unwritten() {
            store::note_progress(db, held, value).await?;
        }
        Ok(())
    }

    /// Writes the last value, if that can be done in time.
    pub(super) async fn settle(&self, pool: &Pool, held: (JobId, Lease)) {
        if self.unwritten().is_some() {
            let _ = timeout(LAST, self.write(pool, held)).await;
        }
    }

    async fn write(&self, pool: &Pool, held: (JobId, Lease)) {
        if let Err(error) = self.try_write(pool, held).await {
            tracing::debug!(job = held.0, error = error.chain(), "the progress of a job was not written");
        }
    }

    async fn try_write(&self, pool: &Pool, held: (JobId, Lease)) -> Result<()> {
        let scope = Scope::new(pool.clone(), Access::ReadWrite);
        // The connection first: whoever has the turn does not wait for one.
        let mut db = scope.aside().await?;
        let _turn = self.turn.lock().await;
        let Some(value) = self.unwritten() else { return Ok(()) };
        store::note_progress(&mut db, held, value).await?;
        self.state().written = Some(value);
        Ok(())
    }

    fn unwritten(&self) -> Option<Value> {
        let state = self.state();
        state.said.filter(|said| state.written != Some(*said))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobCtx {
    pub(super) fn say_progress(&self, done: u64, total: u64) {
        let number = |number| i64::try_from(number).unwrap_or(i64::MAX);
        let mut state = self.course.progress.state();
        state.said = Some((number(done), number(total)));
        // On a thread without a runtime it is written by the next one who says something, or at the end.
        if !state.has_writer
            && let Ok(runtime) = Handle::try_current()
        {
            state.has_writer = true;
            let pool = self.services.database.jobs.clone();
            runtime.spawn(write_behind(Arc::downgrade(&self.course), pool, (self.id, self.lease)));
        }
    }
}

/// Writes what is said, until a second has passed in which nothing was, or the attempt is gone.
async fn write_behind(course: Weak<Course>, pool: Pool, held: (JobId, Lease)) {
    while let Some(going) = course.upgrade() {
        going.progress.write(&pool, held).await;
        drop(going);
        sleep(EVERY).await;
        let Some(going) = course.upgrade() else { return };
        let mut state = going.progress.state();
        if state.said == state.written {
            state.has_writer = false;
            return;
        }
    }
}
