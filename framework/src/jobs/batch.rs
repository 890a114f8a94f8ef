//! Jobs that are enqueued together, and one that runs when all of them have ended.

use std::future::Future;

use super::{Enqueue, EnqueueOn, JobCtx, JobId, JobType, NewJob, Order, store};
use crate::{
    db::{Access, Scope},
    error::{Error, Result},
};

/// The number of a batch.
pub type BatchId = i64;

/// Jobs of any kinds about to be enqueued together, and perhaps one more that runs when all of them have ended.
///
/// ```
/// use catena::{Batch, JobCtx, Result, job, model};
///
/// #[model]
/// pub struct Mail {
///     pub to: String,
/// }
///
/// #[job(retries = 5, queue = "mail")]
/// pub async fn send_mail(job: &JobCtx, args: Mail) -> Result<()> {
///     Ok(())
/// }
///
/// #[model]
/// pub struct Issue {
///     pub number: i32,
/// }
///
/// /// Sends an issue to everybody.
/// #[job]
/// pub async fn send_issue(job: &JobCtx, args: Issue) -> Result<()> {
///     # let readers = vec![String::new()];
///     let mails = readers.into_iter().map(|to| send_mail::with(Mail { to }));
///     Batch::new().add_all(mails).then(issue_sent::with(args)).enqueue(job).await?;
///     Ok(())
/// }
///
/// /// Runs when every mail was sent, cancelled, or given up.
/// #[job]
/// pub async fn issue_sent(job: &JobCtx, args: Issue) -> Result<()> {
///     if let Some(mails) = job.batch().await? {
///         tracing::info!(args.number, sent = mails.completed, lost = mails.discarded, "issue sent");
///     }
///     Ok(())
/// }
/// ```
///
/// A job has ended when it is completed, cancelled, or given up; what it may become after that changes nothing: one that
/// was given up and is tried again by hand is no longer part of the batch. The completion job is freed once, whatever
/// processes die meanwhile, and is then a job as any other. When the last job has ended it starts within milliseconds; if
/// the process that ended it dies at that moment, within about two seconds. In a batch without jobs it runs at once.
///
/// - A job that a [`unique`](macro@crate::job) key keeps from being made is not waited for: it belongs to whoever enqueued
///   it first. If that befalls the completion job, the batch has none.
/// - No jobs can be added later. One that a job of the batch enqueues is not part of it.
/// - A delay of the completion job counts from now, not from the end of the others.
/// - The completion job can be cancelled and given up while it waits. `jobs retry` has it run at once then.
#[derive(Debug, Default)]
#[must_use = "nothing is enqueued before `.enqueue(ctx)`"]
pub struct Batch {
    jobs: Vec<NewJob>,
    then: Option<NewJob>,
    /// The first thing that is wrong.
    fault: Option<Error>,
}

/// The numbers of what was enqueued as a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EnqueuedBatch {
    /// Of the batch.
    pub id: BatchId,
    /// Of its jobs, in the order in which they were added.
    pub jobs: Vec<JobId>,
    /// Of the job that runs when all have ended.
    pub then: Option<JobId>,
}

/// How many jobs a batch has, and how many of them have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchCounts {
    /// All.
    pub jobs: u64,
    /// Those that are done.
    pub completed: u64,
    /// Those that somebody stopped, or that stopped themselves.
    pub cancelled: u64,
    /// Those that were given up.
    pub discarded: u64,
}

impl Batch {
    /// A batch without jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a job.
    #[expect(
        clippy::should_implement_trait,
        reason = "one adds a job to a batch; `batch + job` would say less"
    )]
    pub fn add<J: JobType>(mut self, job: Enqueue<J>) -> Self {
        if self.fault.is_none() {
            match job.describe() {
                Ok(job) => self.jobs.push(job),
                Err(error) => {
                    let (n, name) = (self.jobs.len(), J::job().name);
                    let fault = Error::internal(format!("element {n} of a batch of jobs, a `{name}`"));
                    self.fault = Some(fault.because(error));
                }
            }
        }
        self
    }

    /// Adds jobs of one kind, in their order.
    pub fn add_all<J: JobType>(self, jobs: impl IntoIterator<Item = Enqueue<J>>) -> Self {
        jobs.into_iter().fold(self, Self::add)
    }

    /// Has `job` run once all others have ended. [`JobCtx::batch`] tells it what became of them.
    pub fn then<J: JobType>(mut self, job: Enqueue<J>) -> Self {
        match job.describe() {
            Ok(job) => self.then = Some(job),
            Err(error) => {
                let fault = Error::internal(format!("the job `{}` that completes a batch", J::job().name));
                self.fault = self.fault.or(Some(fault.because(error)));
            }
        }
        self
    }

    /// Enqueues everything in the transaction of `on`: in one round trip, or one for every 10 000 jobs.
    ///
    /// # Errors
    /// As [`Enqueue::enqueue`]; `internal` says which job is at fault, and nothing is sent then.
    pub fn enqueue<On: EnqueueOn>(self, on: On) -> impl Future<Output = Result<EnqueuedBatch>> + Send {
        let Self { jobs, then, fault } = self;
        let has_completion = then.is_some();
        let put = match fault {
            Some(fault) => Err(fault),
            None => Ok(on.put(Order::Batch { jobs, then })),
        };
        async move {
            let mut numbers = put?.await?;
            let then = if has_completion { numbers.pop() } else { None };
            if numbers.is_empty() {
                return Err(Error::internal("the queue gave no number for a batch"));
            }
            Ok(EnqueuedBatch { id: numbers.remove(0), jobs: numbers, then })
        }
    }
}

impl JobCtx {
    /// What has become of the jobs of the batch that this one completes or is part of; `None` if there is no such batch.
    ///
    /// For the completion job these are all. For others they are those that have been added up, which lags behind a
    /// little. It reads on the connection of [`JobCtx::db`] if that is used, and otherwise on one of its own.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn batch(&self) -> Result<Option<BatchCounts>> {
        let Some(id) = self.batch.map(i64::abs) else { return Ok(None) };
        if self.scope.is_connected() {
            return Ok(store::batch(&mut self.db().await?, id).await?);
        }
        let scope = Scope::new(self.services.database.jobs.clone(), Access::ReadOnly);
        let counts = store::batch(&mut scope.db().await?, id).await?;
        scope.commit().await?;
        Ok(counts)
    }
}
