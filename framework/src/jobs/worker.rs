//! This process among those that work on jobs: whether it is known to live, and what it must drop if it is not.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// How often a process says that it lives. Others declare it dead after 8 s, by the database's clock.
pub(super) const BEAT: Duration = Duration::from_secs(2);

/// How long after its last beat a process drops what it runs: before others may start it again.
const FENCE: Duration = Duration::from_secs(7);

/// The liveness of this process and the token that its running jobs listen to.
pub(super) struct Worker {
    beaten_at: watch::Sender<Instant>,
    running: Mutex<CancellationToken>,
}

impl Worker {
    pub(super) fn new() -> Self {
        Self { beaten_at: watch::Sender::new(Instant::now()), running: Mutex::default() }
    }

    /// Notes a beat that reached the database and was sent at `sent_at`.
    pub(super) fn beaten(&self, sent_at: Instant) {
        self.beaten_at.send_replace(sent_at);
    }

    /// Returns the token that tells a job which starts now to stop.
    pub(super) fn token(&self) -> CancellationToken {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells everything that runs now to stop; what starts later is not concerned.
    pub(super) fn interrupt(&self) {
        std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner)).cancel();
    }

    /// Interrupts what runs whenever the process has not been able to beat for too long. Never resolves.
    pub(super) async fn watch(&self) {
        let mut beats = self.beaten_at.subscribe();
        loop {
            let deadline = *beats.borrow_and_update() + FENCE;
            tokio::select! {
                _ = beats.changed() => {}
                () = tokio::time::sleep_until(deadline) => {
                    tracing::error!("no sign of life reached the database for {FENCE:?}; running jobs are dropped");
                    self.interrupt();
                    let _ = beats.changed().await;
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
