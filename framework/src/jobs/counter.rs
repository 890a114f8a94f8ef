//! Adds up which jobs of batches have ended, and how many jobs of each queue wait and were given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    join,
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

/// The loops that add up what has ended, and free the jobs that wait for that, and what has changed of the counts of queues.
/// Every process does so for all.
pub(super) struct Counter {
    crew: Arc<Crew>,
}

impl Counter {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        Self { crew }
    }

    pub(super) async fn run(self: Arc<Self>) {
        join!(self.count_ends(), self.fold_counts());
    }

    /// Adds up what has changed of the counts, the dearer that is, the more seldom: while another transaction keeps old
    /// rows, all those that were ever taken are in the way.
    async fn fold_counts(&self) {
        loop {
            let folded = timeout(PATIENCE, self.fold()).await;
            let took = folded.unwrap_or_else(|_| Err(no_answer())).unwrap_or_else(|error| {
                tracing::error!(
                    error = error.chain(),
                    "the counts of queues could not be added up; trying again"
                );
                SWEEP
            });
            tokio::time::sleep((20 * took).max(SWEEP)).await;
        }
    }

    /// Adds up what has changed of the counts; returns how long that took.
    async fn fold(&self) -> Result<Duration> {
        let mut turn = self.crew.line.open().await?;
        let began = Instant::now();
        store::fold_counts(&mut turn).await?;
        turn.keep();
        Ok(began.elapsed())
    }

    async fn count_ends(&self) {
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
