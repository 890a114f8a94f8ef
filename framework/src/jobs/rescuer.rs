//! Takes jobs back from processes that vanished.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use diesel_async::SimpleAsyncConnection as _;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    kinds,
    looks::Looks,
    runtime::{Crew, PATIENCE, Turn, no_answer},
    store::{self, Sign},
};
use crate::error::Result;

/// How often a process looks for others that have vanished.
const SWEEP: Duration = Duration::from_secs(2);

/// The loop in which every process looks after all others; there is no leader to lose.
pub(super) struct Rescuer {
    crew: Arc<Crew>,
    /// What it has seen of the others. Whoever has it sweeps.
    looks: Mutex<Looks>,
    /// The last key by which it has looked for blocked jobs.
    blocked_after: Mutex<Vec<u8>>,
}

impl Rescuer {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        Self { crew, looks: Mutex::default(), blocked_after: Mutex::default() }
    }

    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let swept = timeout(PATIENCE, self.sweep()).await;
            let swept = swept.unwrap_or_else(|_| Err(no_answer()));
            if let Err(error) = swept {
                tracing::error!(error = error.chain(), "could not look for vanished processes; trying again");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Returns the jobs of processes that give no sign of life any more, each to run alone. The attempt that was lost does not
    /// count, the crash does.
    ///
    /// # Errors
    /// Those of the database; nothing has been taken back then.
    pub(super) async fn sweep(&self) -> Result<()> {
        let mut looks = self.looks.lock().await;
        let (mut turn, asked_at, now, signs) = self.look().await.inspect_err(|_| looks.interrupt())?;
        let dead = looks.dead(asked_at, now, &signs);
        if let Some(by) = looks.put_back() {
            let moved = store::follow_clock(&mut turn, by).await?;
            looks.followed();
            if moved > 0 {
                tracing::warn!(
                    seconds = by.num_seconds(),
                    moved,
                    "jobs follow the database's clock, which was put back"
                );
            }
        }
        if !dead.is_empty() {
            store::end_sessions(&mut turn, &dead).await?;
        }
        turn.begin().await?;
        let rescued = if dead.is_empty() { Vec::new() } else { store::rescue(&mut turn, &dead).await? };
        // Those that were cancelled while their process could not hear of it.
        store::cancel_waiting(&mut turn).await?;
        turn.batch_execute("COMMIT").await?;
        turn.keep();
        for job in &rescued {
            let store::Rescued { id, kind, worker, discarded } = job;
            tracing::warn!(id, kind, worker, discarded, "took a job back from a process that vanished");
        }
        if !rescued.is_empty() {
            self.crew.services.wake.wake();
        }
        self.unblock(!rescued.is_empty()).await
    }

    /// Looks at the next thousand keys for jobs that nobody has told that there is room for them; at `all` keys if jobs were
    /// taken back.
    async fn unblock(&self, all: bool) -> Result<()> {
        let limits = kinds::all_limits(&self.crew.jobs);
        let mut after = self.blocked_after.lock().await;
        if all {
            after.clear();
        }
        loop {
            let mut turn = self.crew.line.open().await?;
            let (last, unblocked) = store::sweep_blocked(&mut turn, &after, &limits).await?;
            turn.keep();
            if unblocked > 0 {
                tracing::debug!(unblocked, "jobs that waited for others with their key may run");
                self.crew.services.wake.wake();
            }
            let is_last = last.is_none();
            *after = last.unwrap_or_default();
            if is_last || !all {
                return Ok(());
            }
        }
    }

    /// Asks for the signs of life of all; with when, by our clock and by that of the database.
    async fn look(&self) -> Result<(Turn<'_>, Instant, DateTime<Utc>, Vec<Sign>)> {
        let mut turn = self.crew.line.open().await?;
        // Not while it waited for the connection: what passes until the answer seems to be the clock's doing.
        let asked_at = Instant::now();
        let (now, signs) = store::signs(&mut turn).await?;
        Ok((turn, asked_at, now, signs))
    }
}
