//! Enqueues the jobs that have a cron expression.

use std::{sync::Arc, time::Duration};

use diesel_async::SimpleAsyncConnection as _;
use tokio::time::timeout;

use super::{
    Job, NewJob,
    cron::Cron,
    runtime::{Crew, PATIENCE, no_answer},
    store,
};
use crate::error::{Error, Result};

/// How long the scheduler sleeps at most: times are the database's, and its clock may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How long it sleeps at least: another process may just be firing what is due.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// The loop that fires schedules.
///
/// A schedule is a row with the time at which it fires next, which is advanced in the transaction that enqueues: one
/// job a fire, however many processes there are. What fell due while no process was there fires once. A schedule
/// fires while a live process declares it.
pub(super) struct Scheduler {
    crew: Arc<Crew>,
    declared: Vec<Declared>,
}

/// A job of this process that has a cron expression.
struct Declared {
    job: &'static Job,
    expression: &'static str,
    cron: Cron,
}

impl Scheduler {
    /// Writes the expressions of this process into the rows; those that have not changed keep their time.
    ///
    /// # Errors
    /// `internal` for an expression that cannot be read or never fires, naming the job; those of the database.
    pub(super) async fn enter(crew: Arc<Crew>) -> Result<Self> {
        let mut declared = Vec::new();
        for &job in crew.jobs.values() {
            let Some(expression) = job.cron else { continue };
            let cron = Cron::parse(expression).map_err(|fault| {
                Error::internal(format!(
                    "the cron expression of job `{}` at {}: {fault}",
                    job.name,
                    job.location()
                ))
            })?;
            declared.push(Declared { job, expression, cron });
        }
        let mut turn = crew.line.open().await?;
        let now = store::now(&mut turn).await?;
        for Declared { job, expression, cron } in &declared {
            store::declare(&mut turn, job.name, expression, cron.next_after(now)).await?;
        }
        turn.keep();
        Ok(Self { crew, declared })
    }

    pub(super) async fn run(self: Arc<Self>) {
        let mut pause = SHORTEST_SLEEP;
        while !self.declared.is_empty() {
            let fired = timeout(PATIENCE, self.fire_due()).await;
            let sleep = match fired.unwrap_or_else(|_| Err(no_answer())) {
                Ok(next) => {
                    pause = SHORTEST_SLEEP;
                    next
                }
                Err(error) => {
                    tracing::error!(error = error.chain(), "schedules could not be fired; trying again");
                    pause = (pause * 2).min(LONGEST_SLEEP);
                    pause
                }
            };
            tokio::time::sleep(sleep).await;
        }
    }

    /// Fires what is due; returns how long to sleep before more may be.
    ///
    /// # Errors
    /// Those of the database; nothing has been fired then.
    pub(super) async fn fire_due(&self) -> Result<Duration> {
        if self.declared.is_empty() {
            return Ok(LONGEST_SLEEP);
        }
        let mut turn = self.crew.line.open().await?;
        turn.batch_execute("BEGIN").await?;
        let kinds: Vec<_> = self.declared.iter().map(|declared| declared.job.name).collect();
        let mut jobs = Vec::new();
        for due in store::lock_due(&mut turn, &kinds).await? {
            let Some(declared) = self.declared.iter().find(|declared| declared.job.name == due.kind) else {
                continue;
            };
            // The row's expression comes first: of two versions the one that started last decides.
            let cron = Cron::parse(&due.cron);
            let next_at = cron.as_ref().unwrap_or(&declared.cron).next_after(due.now);
            store::advance(&mut turn, &due.kind, next_at).await?;
            jobs.push(NewJob::of(declared.job));
        }
        let fired = !jobs.is_empty();
        if fired {
            store::enqueue(&mut *turn, jobs).await?;
        }
        turn.batch_execute("COMMIT").await?;
        let next = store::next_due_ms(&mut turn, &kinds).await?;
        turn.keep();
        if fired {
            self.crew.services.wake.wake();
        }
        let next = next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        Ok(next.unwrap_or(LONGEST_SLEEP).clamp(SHORTEST_SLEEP, LONGEST_SLEEP))
    }
}
