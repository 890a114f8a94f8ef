//! Adds up which jobs of batches have ended.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{
    runtime::{Crew, PATIENCE, no_answer},
    store,
};
use crate::error::Result;

/// How often a process looks at what others may have left, that ended jobs and died.
const SWEEP: Duration = Duration::from_secs(2);

/// How long ends are gathered, at least.
const GATHER: Duration = Duration::from_millis(5);

/// What the loops of a process tell each other of batches.
#[derive(Default)]
pub(super) struct Ends {
    ended: Notify,
    freed: AtomicUsize,
}

impl Ends {
    /// Says that jobs of batches have ended, and that this is committed.
    pub(super) fn ended(&self) {
        self.ended.notify_one();
    }

    /// How many completion jobs this process has freed.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn freed(&self) -> usize {
        self.freed.load(Ordering::Relaxed)
    }
}

/// The loop that adds up what has ended, and frees the jobs that wait for that. Every process does so for all.
pub(super) struct Counter {
    crew: Arc<Crew>,
}

impl Counter {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        Self { crew }
    }

    pub(super) async fn run(self: Arc<Self>) {
        loop {
            // Whether something has ended or not: the time is up, too.
            let _ = timeout(SWEEP, self.crew.ends.ended.notified()).await;
            let began = Instant::now();
            let counted = timeout(PATIENCE, self.count()).await;
            if let Err(error) = counted.unwrap_or_else(|_| Err(no_answer())) {
                tracing::error!(error = error.chain(), "the ends of jobs could not be counted; trying again");
            }
            tokio::time::sleep((5 * began.elapsed()).max(GATHER)).await;
        }
    }

    /// Adds up what has ended so far.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn count(&self) -> Result<()> {
        let mut turn = self.crew.line.open().await?;
        let freed = store::fold(&mut turn).await?;
        self.crew.ends.freed.fetch_add(freed, Ordering::Relaxed);
        turn.keep();
        if freed > 0 {
            self.crew.services.wake.wake();
        }
        Ok(())
    }
}
