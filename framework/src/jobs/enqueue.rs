//! Putting a job into the queue, in the caller's transaction.

use std::{fmt, future::Future, time::Duration};

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel_async::{AsyncConnection as _, AsyncConnectionCore, AsyncPgConnection};

use super::{
    Job, JobCtx, JobType, Wake,
    keys::{Digest, Key, concurrency_key, key_without_arguments, unique_key},
    store,
};
use crate::{
    ctx::Ctx,
    db::{Db, Scope},
    error::{Error, Result},
    model::{Schema, Shape, parse_body, write_body},
    units,
};

/// The number of a job in the queue.
pub type JobId = i64;

/// A job about to be enqueued.
#[must_use = "nothing is enqueued before `.enqueue(ctx)`"]
pub struct Enqueue<J: JobType> {
    args: J::Args,
    at: Option<DateTime<Utc>>,
    delay: Result<Duration>,
    priority: Option<u8>,
}

impl<J: JobType> Enqueue<J> {
    /// A job with these arguments, to be run as soon as possible.
    pub fn new(args: J::Args) -> Self {
        Self { args, at: None, delay: Ok(Duration::ZERO), priority: None }
    }

    /// Has the job wait: it runs no earlier than `delay` from now, or from the time given to [`Enqueue::at`]. The delay
    /// is a `Duration` or text such as `"10m"`: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
    pub fn delay(mut self, delay: impl Delay) -> Self {
        self.delay = delay.read();
        self
    }

    /// Has the job run no earlier than `time`.
    pub fn at(mut self, time: DateTime<Utc>) -> Self {
        self.at = Some(time);
        self
    }

    /// Ranks the job among the due ones of its queue: from 0, first, to 3, last. Without it, the job has the priority
    /// that `#[job]` gives it, or 0.
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Enqueues the job in the transaction of `on`.
    ///
    /// The future resolves to the number of the job, which exists for others once that transaction has committed.
    ///
    /// # Errors
    /// `internal` for a priority, a time or a delay out of range and for arguments that their own schema cannot express;
    /// otherwise those of the database.
    pub fn enqueue<On: EnqueueOn>(self, on: On) -> impl Future<Output = Result<JobId>> + Send {
        // The arguments need not be `Send`: they are text before the future begins.
        let put = self.describe().map(|job| on.put(Order::Jobs(vec![job])));
        async move {
            let ids = put?.await?;
            ids.first().copied().ok_or_else(|| Error::internal("the queue gave no number for a job"))
        }
    }

    pub(super) fn describe(self) -> Result<NewJob> {
        let mut new = NewJob::of(J::job());
        new.args = self.args.write()?;
        if let Some(unique) = &mut new.unique {
            unique.key = unique_key::<J>(&self.args, &new.args)?;
        }
        if let Some(key) = &mut new.concurrency_key {
            *key = concurrency_key::<J>(&self.args)?;
        }
        match self.priority {
            None => {}
            Some(priority @ 0..=3) => new.priority = i16::from(priority),
            Some(priority) => {
                let detail = format!("the priority of a job is 0, 1, 2 or 3, not {priority}");
                return Err(Error::internal(detail));
            }
        }
        new.run_at = self.at;
        new.delay_ms = i64::try_from(self.delay?.as_millis()).unwrap_or(i64::MAX);
        Ok(new)
    }
}

/// Enqueues a job for each of `args`, in their order, in the transaction of `on`.
///
/// # Errors
/// As [`Enqueue::enqueue`]; `internal` says which element is at fault, and nothing is sent then.
pub fn enqueue_many<J: JobType, On: EnqueueOn>(
    on: On,
    args: impl IntoIterator<Item = J::Args>,
) -> impl Future<Output = Result<Vec<JobId>>> + Send {
    let jobs = describe_all(args.into_iter().map(Enqueue::<J>::new));
    let put = jobs.map(|jobs| (!jobs.is_empty()).then(|| on.put(Order::Jobs(jobs))));
    async move {
        match put? {
            Some(put) => put.await,
            None => Ok(Vec::new()),
        }
    }
}

fn describe_all<J: JobType>(jobs: impl Iterator<Item = Enqueue<J>>) -> Result<Vec<NewJob>> {
    let described = jobs.enumerate().map(|(n, job)| {
        job.describe().map_err(|error| {
            let name = J::job().name;
            Error::internal(format!("element {n} of the jobs `{name}` that were to be enqueued"))
                .because(error)
        })
    });
    described.collect()
}

/// How long a job waits: a `Duration`, or text such as `"10m"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no delay",
    label = "not how long a job waits",
    note = "write `\"10m\"`, a whole number and `ms`, `s`, `m`, `h` or `d`, or a `Duration`; for a time there is `.at(..)`"
)]
pub trait Delay {
    /// The time itself.
    ///
    /// # Errors
    /// `internal` for text that is none.
    #[doc(hidden)]
    fn read(self) -> Result<Duration>;
}

impl Delay for Duration {
    fn read(self) -> Result<Duration> {
        Ok(self)
    }
}

impl Delay for &str {
    fn read(self) -> Result<Duration> {
        units::duration(self).ok_or_else(|| {
            Error::internal(format!(
                "`{self}` is no delay of a job: write a whole number and `ms`, `s`, `m`, `h` or `d`, as in `10m`"
            ))
        })
    }
}

/// What a job's arguments are: a model, or `()` for none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the arguments of a job",
    label = "not a model",
    note = "put `#[model]` above the definition of `{Self}`"
)]
pub trait JobArgs: Sized {
    /// What they look like; `None` for none.
    const SHAPE: Option<fn() -> Shape>;

    /// Reads the JSON text that stands in the queue.
    ///
    /// # Errors
    /// `malformed_json` or `invalid_input`.
    fn read(text: &str) -> Result<Self>;

    /// Writes the arguments as the JSON text that stands in the queue.
    ///
    /// # Errors
    /// `internal` for a value that its own schema cannot express.
    fn write(&self) -> Result<String>;
}

/// The arguments of a job that takes none, as they stand in the queue.
pub(super) const NO_ARGUMENTS: &str = "{}";

impl JobArgs for () {
    const SHAPE: Option<fn() -> Shape> = None;

    fn read(_: &str) -> Result<Self> {
        Ok(())
    }

    fn write(&self) -> Result<String> {
        Ok(NO_ARGUMENTS.to_owned())
    }
}

impl<T: Schema> JobArgs for T {
    const SHAPE: Option<fn() -> Shape> = Some(T::shape);

    fn read(text: &str) -> Result<Self> {
        parse_body(text.as_bytes())
    }

    fn write(&self) -> Result<String> {
        String::from_utf8(write_body(self)?).map_err(Error::internal)
    }
}

/// A row to be.
#[derive(Clone)]
pub struct NewJob {
    pub(super) kind: &'static str,
    pub(super) args: String,
    pub(super) queue: &'static str,
    pub(super) priority: i16,
    pub(super) max_attempts: i16,
    pub(super) run_at: Option<DateTime<Utc>>,
    pub(super) delay_ms: i64,
    /// Of its arguments.
    pub(super) version: i16,
    /// No more jobs with this key run at once than their kind allows.
    pub(super) concurrency_key: Option<Digest>,
    pub(super) unique: Option<UniqueKey>,
}

/// Without the arguments, which may hold what nobody should see.
impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJob").field("kind", &self.kind).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// A key that one job has at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct UniqueKey {
    pub(super) key: Digest,
    /// How long it is taken at least.
    pub(super) within_ms: Option<i64>,
    /// Whether it is taken until the job is first claimed; otherwise until it has ended.
    pub(super) until_start: bool,
    /// Whether a job that has it and still waits becomes the new one.
    pub(super) replaces: bool,
}

impl NewJob {
    /// A job without arguments, to be run as soon as possible.
    pub(super) fn of(job: &Job) -> Self {
        let unique = job.unique.map(|unique| UniqueKey {
            key: key_without_arguments(job),
            within_ms: unique.within_ms.and_then(|ms| i64::try_from(ms).ok()),
            until_start: unique.until_start,
            replaces: unique.replaces,
        });
        Self {
            kind: job.name,
            args: NO_ARGUMENTS.to_owned(),
            queue: job.queue,
            priority: i16::from(job.priority),
            max_attempts: i16::try_from(job.retries).unwrap_or(i16::MAX).saturating_add(1),
            run_at: None,
            delay_ms: 0,
            version: i16::try_from(job.version).unwrap_or(i16::MAX),
            concurrency_key: job.concurrency.map(|_| Key::new(job, "concurrency").finish()),
            unique,
        }
    }
}

/// What is put into the queue at once.
#[derive(Debug)]
pub enum Order {
    /// Jobs; their numbers are returned, in order.
    Jobs(Vec<NewJob>),
    /// Jobs, and the one that runs when they have ended; the number of the batch is returned, and then theirs.
    Batch {
        /// Those that are waited for.
        jobs: Vec<NewJob>,
        /// The one that waits.
        then: Option<NewJob>,
    },
}

impl Order {
    fn jobs(&self) -> usize {
        match self {
            Self::Jobs(jobs) => jobs.len(),
            Self::Batch { jobs, then } => jobs.len() + usize::from(then.is_some()),
        }
    }
}

/// Where a job can be enqueued: a context or a handle whose transaction the job joins. The job exists once that
/// transaction has committed, and never if it has not.
///
/// A context also tells the workers once it has committed; after a handle, they find the job by looking, within a
/// second.
#[diagnostic::on_unimplemented(
    message = "a job cannot be enqueued on `{Self}`",
    label = "not a place to enqueue a job",
    note = "pass `ctx` of a procedure, `job` of a job, `&mut Db` or `&mut AsyncPgConnection`"
)]
pub trait EnqueueOn {
    /// Writes the rows and returns their numbers.
    #[doc(hidden)]
    fn put(self, order: Order) -> impl Future<Output = Result<Vec<JobId>>> + Send;
}

impl<U> EnqueueOn for &Ctx<U> {
    fn put(self, order: Order) -> impl Future<Output = Result<Vec<JobId>>> + Send {
        put_and_wake(self.request.scope.clone(), self.request.services.wake.clone(), order)
    }
}

impl EnqueueOn for &JobCtx {
    fn put(self, order: Order) -> impl Future<Output = Result<Vec<JobId>>> + Send {
        let scope = self.own_scope().cloned();
        let wake = self.services.wake.clone();
        async move { put_and_wake(scope?, wake, order).await }
    }
}

impl EnqueueOn for &mut Db {
    async fn put(self, order: Order) -> Result<Vec<JobId>> {
        self.note_enqueued();
        put(self, order).await
    }
}

impl EnqueueOn for &mut AsyncPgConnection {
    async fn put(self, order: Order) -> Result<Vec<JobId>> {
        if order.jobs() <= store::PIECE {
            return put(self, order).await;
        }
        // All or none, also where there is no transaction yet.
        self.transaction(async |connection| put(connection, order).await).await
    }
}

async fn put_and_wake(scope: Scope, wake: Wake, order: Order) -> Result<Vec<JobId>> {
    let numbers = put(&mut scope.db().await?, order).await?;
    scope.after_commit(move || wake.wake());
    Ok(numbers)
}

async fn put<C: AsyncConnectionCore<Backend = Pg>>(connection: &mut C, order: Order) -> Result<Vec<JobId>> {
    Ok(match order {
        Order::Jobs(jobs) => store::enqueue(connection, jobs).await?,
        Order::Batch { jobs, then } => store::enqueue_batch(connection, jobs, then).await?,
    })
}
