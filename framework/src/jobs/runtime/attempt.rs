//! One attempt of a job.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Crew, blocking::Handled};
use crate::{
    db::{Access, Scope},
    error::{Code, Error, Result, panic_text},
    jobs::{
        Args, Course, Job, JobCtx, JobId,
        retry::{self, Next},
        scheduler::fire_time,
        store::{self, Claimed, Completion, Lease},
    },
    metrics::AttemptEnd,
};

/// An attempt that has ended.
pub(in crate::jobs) struct Attempt {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) lease: Lease,
    pub(in crate::jobs) outcome: Outcome,
}

/// How an attempt ended.
pub(in crate::jobs) enum Outcome {
    /// The handler is done; the completion is to be written.
    Completed(Completion),
    /// The handler is done, and its transaction held the completion.
    Committed,
    /// The handler was done when the job was no longer this process's; its transaction is undone.
    Lost,
    /// The handler failed; `None` gives the job up.
    Failed { error: String, delay_ms: Option<i64> },
    /// The handler wants to run later, as if it had not begun.
    Snoozed { delay_ms: i64 },
    /// The job was stopped for good, by somebody or by itself.
    Cancelled { error: Option<String> },
    /// The handler was stopped half way.
    Interrupted,
}

impl Outcome {
    fn end(&self) -> AttemptEnd {
        match self {
            Self::Completed(_) | Self::Committed => AttemptEnd::Completed,
            Self::Failed { delay_ms: Some(_), .. } => AttemptEnd::Failed,
            Self::Failed { delay_ms: None, .. } => AttemptEnd::Discarded,
            Self::Snoozed { .. } => AttemptEnd::Snoozed,
            Self::Cancelled { .. } => AttemptEnd::Cancelled,
            Self::Lost | Self::Interrupted => AttemptEnd::Interrupted,
        }
    }
}

/// The longest text of an error that is kept.
const LONGEST_ERROR: usize = 8 * 1024;

/// The longest delay before the next attempt: ten years.
pub(in crate::jobs) const LONGEST_DELAY: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

impl Crew {
    /// Runs one attempt of a job to its end. It does not panic, whatever the handler does.
    pub(in crate::jobs) async fn attempt(
        self: Arc<Self>,
        claimed: Claimed,
        cancel: CancellationToken,
    ) -> Attempt {
        let (id, lease) = (claimed.id, claimed.lease);
        let outcome = match self.jobs.get_key_value(claimed.kind.as_str()) {
            Some((name, job)) => {
                let began = Instant::now();
                let outcome = self.outcome(job, &claimed, &cancel).await;
                self.attempts[name].count(name, outcome.end(), began.elapsed());
                outcome
            }
            // Never so: only known kinds are claimed.
            None => Outcome::Interrupted,
        };
        Attempt { id, lease, outcome }
    }

    async fn outcome(
        self: &Arc<Self>,
        job: &'static Job,
        claimed: &Claimed,
        cancel: &CancellationToken,
    ) -> Outcome {
        let course = Course::new(claimed.stepped);
        let result = if job.blocking {
            let told = cancel.child_token();
            let (crew, claimed, course) = (self.clone(), claimed.clone(), course.clone());
            let (id, tokens) = (claimed.id, (cancel.clone(), told.clone()));
            let handler = async move { crew.bounded(job, &claimed, (&tokens.0, &tokens.1), &course).await };
            self.on_a_thread((job, id), (cancel, &told), handler).await
        } else {
            self.bounded(job, claimed, (cancel, cancel), &course).await
        };
        if !matches!(result, Ok(Ok(Outcome::Committed | Outcome::Lost))) {
            course.progress.settle(&self.services.database.jobs, (claimed.id, claimed.lease)).await;
        }
        result
            .unwrap_or_else(|panic| Err(Error::internal(format!("panicked: {}", panic_text(&*panic)))))
            .unwrap_or_else(|error| failed(job, claimed, &error, cancel.is_cancelled()))
    }

    /// Runs the handler, and drops it where it waits when it must stop. Of the two tokens the first says that somebody
    /// has cancelled the job, the second is for the handler.
    async fn bounded(
        &self,
        job: &Job,
        claimed: &Claimed,
        (cancel, told): (&CancellationToken, &CancellationToken),
        course: &Arc<Course>,
    ) -> Handled {
        let stop = self.worker.token();
        let handled = AssertUnwindSafe(async {
            tokio::select! {
                biased;
                () = stop.cancelled() => Ok(Outcome::Interrupted),
                result = self.handle(job, claimed, (cancel, told), course) => result,
            }
        });
        handled.catch_unwind().await
    }

    /// Resolves when a cancelled job has had its time to stop by itself.
    async fn cancelled_for_too_long(&self, cancel: &CancellationToken) {
        cancel.cancelled().await;
        tokio::time::sleep(self.settings.cancel_grace).await;
    }

    async fn handle(
        &self,
        job: &Job,
        claimed: &Claimed,
        (cancel, told): (&CancellationToken, &CancellationToken),
        course: &Arc<Course>,
    ) -> Result<Outcome> {
        let scope = Scope::new(self.services.database.jobs.clone(), Access::ReadWrite);
        let ctx = JobCtx {
            services: self.services.clone(),
            scope: scope.clone(),
            course: course.clone(),
            id: claimed.id,
            lease: claimed.lease,
            batch: claimed.batch,
            attempt: u16::try_from(claimed.attempt).unwrap_or(0),
            cancel: told.clone(),
            fire_time: job.schedule.and_then(|_| fire_time(&claimed.args)),
        };
        let args = Args { text: claimed.args.clone(), version: u16::try_from(claimed.version).unwrap_or(0) };
        let limit = job.timeout.unwrap_or(self.settings.timeout);
        let handler = timeout(limit, course.steps.run((job.run)(ctx, args)));
        // Once the handler has returned, what it returned counts.
        let ended = tokio::select! {
            biased;
            ended = handler => ended,
            () = self.cancelled_for_too_long(cancel) => return Ok(Outcome::Cancelled { error: None }),
        };
        let ended = ended.map_err(|_| Error::new(Code::TIMEOUT, format!("took longer than {limit:?}")))??;
        if let Some(outcome) = ended {
            return Ok(outcome);
        }
        let (kept, secret) = (job.keep.keeps(claimed.attempt), self.secret.contains(job.name));
        if !scope.begun() {
            return Ok(Outcome::Completed(Completion {
                kept,
                stepped: course.steps.may_have_rows(),
                secret,
            }));
        }
        // Effects and completion commit together, or neither does.
        let mut db = scope.db().await?;
        let settled = course.progress.settle_in(&mut db, (claimed.id, claimed.lease)).await;
        let completion = Completion { kept, stepped: claimed.stepped, secret };
        let ended = scope.commit_with(store::complete_one(completion, claimed)).await;
        if ended.as_ref().is_err_and(store::is_lost) {
            return Ok(Outcome::Lost);
        }
        // After a statement that failed and was ignored, the completion fails too; its error says why.
        ended?;
        settled?;
        Ok(Outcome::Committed)
    }
}

/// What follows an error of the handler. One from a job that somebody cancelled is its way of stopping.
fn failed(job: &Job, claimed: &Claimed, error: &Error, cancelled: bool) -> Outcome {
    let attempt = u16::try_from(claimed.attempt).unwrap_or(u16::MAX);
    let max_attempts = u16::try_from(claimed.max_attempts).unwrap_or(0);
    let next = if cancelled {
        Next::Cancel
    } else {
        retry::next(error.verdict(), job.backoff, attempt, max_attempts, random())
    };
    let error = error_text(error);
    match next {
        Next::Retry(delay) => {
            tracing::warn!(job = job.name, id = claimed.id, attempt, error, again_in = ?delay, "job failed");
            Outcome::Failed { error, delay_ms: Some(delay_ms(delay)) }
        }
        Next::Snooze(delay) => {
            tracing::debug!(job = job.name, id = claimed.id, again_in = ?delay, "job snoozed");
            Outcome::Snoozed { delay_ms: delay_ms(delay) }
        }
        Next::Cancel => {
            tracing::info!(job = job.name, id = claimed.id, attempt, error, "job cancelled");
            Outcome::Cancelled { error: Some(error) }
        }
        Next::Discard => {
            tracing::error!(job = job.name, id = claimed.id, attempt, error, "job discarded");
            Outcome::Failed { error, delay_ms: None }
        }
    }
}

fn delay_ms(delay: Duration) -> i64 {
    i64::try_from(delay.min(LONGEST_DELAY).as_millis()).unwrap_or(i64::MAX)
}

/// The error as it is recorded: with its sources, cut at a limit, without what PostgreSQL cannot store.
fn error_text(error: &Error) -> String {
    let mut text = error.chain().replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(LONGEST_ERROR));
    text
}

/// A number from 0.0 to 1.0; 0.0 where the system has no randomness to give.
fn random() -> f64 {
    getrandom::u32().map_or(0.0, |number| f64::from(number) / f64::from(u32::MAX))
}
