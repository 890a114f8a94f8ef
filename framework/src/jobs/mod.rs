//! Background jobs: a queue in PostgreSQL, shared by any number of processes.
//!
//! A job waits in `catena.jobs` until the dispatcher of some process claims it, with a fresh *lease*; whatever that
//! process writes about the job afterwards counts only while the lease is still the job's. Processes prove that they
//! live by one row each; the jobs of one that stops doing so go back to the queue.

mod alone;
mod announcer;
mod batch;
mod counter;
mod cron;
mod ctx;
mod dispatcher;
mod enqueue;
mod job;
mod keys;
mod kinds;
mod looks;
mod progress;
mod pruner;
mod queues;
mod rescuer;
mod retry;
mod runtime;
mod scheduler;
mod state;
mod statement;
mod steps;
pub(crate) mod store;
mod wake;
mod worker;

pub(crate) use announcer::Announcer;
pub use batch::{Batch, BatchCounts, BatchId, EnqueuedBatch};
pub(crate) use cron::Cron;
pub(crate) use ctx::Course;
pub use ctx::JobCtx;
pub use enqueue::{Delay, Enqueue, EnqueueOn, JobArgs, JobId, enqueue_many};
pub use job::{
    Args, Backoff, Entry, Job, JobType, Keep, Misfire, OldArgs, Schedule, args, finished, reads, upgraded,
};
pub use keys::{Key, Unique};
pub(crate) use runtime::Engine;
pub(crate) use state::State;
pub use steps::StepResult;
pub(crate) use wake::Wake;

use std::time::Duration;

use enqueue::{NewJob, Order};
use runtime::{LONGEST_DELAY, TIMEOUT};

/// Every job of this binary, by name.
pub(crate) fn all() -> Vec<&'static Job> {
    let mut jobs: Vec<_> = inventory::iter::<Entry>.into_iter().map(|entry| entry.0).collect();
    jobs.sort_by_key(|job| (job.name, job.location()));
    jobs
}

/// The longest time that an attempt of any job may take.
pub(crate) fn longest_attempt() -> Duration {
    longest(&all())
}

fn longest(jobs: &[&Job]) -> Duration {
    jobs.iter().map(|job| job.timeout.unwrap_or(TIMEOUT)).max().unwrap_or(TIMEOUT)
}

#[cfg(test)]
mod tests;
