//! Deletes what is older than it is kept.

use std::{sync::Arc, time::Duration};

use tokio::{
    join,
    time::{Instant, timeout},
};

use super::{
    kinds,
    runtime::{Crew, PATIENCE, no_answer},
    store::{self, Rotated},
};
use crate::error::Result;

/// How often old jobs are deleted.
const PRUNE: Duration = Duration::from_secs(3600);

/// How soon it is tried again after a failure.
const AGAIN: Duration = Duration::from_secs(60);

/// How often, and how soon, something in the history that somebody reads is tried again, before that.
const TRIES: (usize, Duration) = (5, Duration::from_secs(1));

/// How often keys that hold nothing are looked for, at least.
const SWEEP: Duration = Duration::from_secs(60);

/// The loop that makes the history's partitions ahead of time and deletes old ones, old discarded jobs, old errors, what
/// jobs left that are gone, and the sessions and tokens that have expired.
pub(super) struct Pruner {
    crew: Arc<Crew>,
}

impl Pruner {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        Self { crew }
    }

    pub(super) async fn run(self) {
        join!(self.prune_old(), self.sweep_keys());
    }

    async fn prune_old(&self) {
        loop {
            let pruned = timeout(PATIENCE, self.prune()).await;
            let sleep = match pruned.unwrap_or_else(|_| Err(no_answer())) {
                Ok(true) => PRUNE,
                Ok(false) => {
                    tracing::info!(
                        "somebody reads the history of jobs, whose partitions could not be made or dropped; trying again"
                    );
                    AGAIN
                }
                Err(error) => {
                    tracing::error!(error = error.chain(), "old jobs could not be deleted; trying again");
                    AGAIN
                }
            };
            tokio::time::sleep(sleep).await;
        }
    }

    /// Deletes what is old; false if something of it must be tried again soon.
    async fn prune(&self) -> Result<bool> {
        let settings = &self.crew.settings;
        let (history_days, discarded_days) =
            (i32::from(settings.history_days), i32::from(settings.discarded_days));
        let is_rotated = self.rotate(history_days).await?;
        kinds::refresh(&self.crew.line, &self.crew.jobs, discarded_days).await?;
        self.move_strays().await?;
        // In small pieces, each a turn of its own, so that the other loops get theirs.
        while {
            let mut turn = self.crew.line.open().await?;
            let deleted = store::delete_discarded(&mut turn, discarded_days).await?
                + store::delete_errors(&mut turn, discarded_days).await?
                + store::delete_orphan_steps(&mut turn).await?
                + store::delete_progress(&mut turn, history_days).await?
                + store::delete_batches(&mut turn, discarded_days).await?
                + store::delete_stray_ends(&mut turn).await?
                + store::delete_expired_credentials(&mut turn).await?;
            turn.keep();
            deleted > 0
        } {}
        Ok(is_rotated)
    }

    /// Keeps the history in order; false if somebody reads it for too long.
    async fn rotate(&self, history_days: i32) -> Result<bool> {
        let (mut tries, rest) = TRIES;
        loop {
            let mut turn = self.crew.line.open().await?;
            let rotated = store::rotate_history(&mut turn, history_days).await?;
            turn.keep();
            match rotated {
                Rotated::Done => return Ok(true),
                Rotated::More => {}
                Rotated::Busy if tries == 0 => return Ok(false),
                Rotated::Busy => {
                    tries -= 1;
                    tokio::time::sleep(rest).await;
                }
            }
        }
    }

    /// Deletes unique keys that hold nothing any more: the more keys there are, the more seldom.
    async fn sweep_keys(&self) {
        loop {
            let began = Instant::now();
            if let Err(error) = self.sweep_all_keys().await {
                tracing::error!(error = error.chain(), "old unique keys could not be deleted; trying again");
            }
            tokio::time::sleep((20 * began.elapsed()).max(SWEEP)).await;
        }
    }

    async fn sweep_all_keys(&self) -> Result<()> {
        let mut after = Some(Vec::new());
        while let Some(last) = after {
            // Each piece a turn of its own, so that the other loops get theirs.
            let piece = async {
                let mut turn = self.crew.line.open().await?;
                let last = store::sweep_unique(&mut turn, &last).await?;
                turn.keep();
                Ok(last)
            };
            after = timeout(PATIENCE, piece).await.unwrap_or_else(|_| Err(no_answer()))?;
        }
        Ok(())
    }

    /// Finds jobs in queues that their kinds had in an older version.
    async fn move_strays(&self) -> Result<()> {
        let homes: Vec<_> = self.crew.jobs.values().map(|job| (job.name, job.queue)).collect();
        let mut moved = 0;
        while {
            let mut turn = self.crew.line.open().await?;
            let some = store::move_strays(&mut turn, &homes).await?;
            turn.keep();
            moved += some;
            some > 0
        } {}
        if moved > 0 {
            tracing::info!(
                moved,
                "jobs waited in queues that their kinds no longer have; they are in the new ones"
            );
            self.crew.services.wake.wake();
        }
        Ok(())
    }
}
