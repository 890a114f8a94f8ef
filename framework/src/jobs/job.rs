//! What `#[job]` registers.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use super::{JobArgs, JobCtx, Key, Unique};
use crate::{
    error::{Error, Result},
    model::Shape,
};

/// The future of one attempt.
pub(crate) type JobFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A job as `#[job]` describes it: its name, options, arguments, and the way to run it.
pub struct Job {
    /// The function's name, under which it stands in the queue.
    pub name: &'static str,
    /// The doc comment.
    pub doc: &'static str,
    /// `file!()` of the function.
    pub file: &'static str,
    /// `line!()` of the function.
    pub line: u32,
    /// When it is enqueued by itself, if it is.
    pub schedule: Option<Schedule>,
    /// How often it is tried again after its first attempt failed.
    pub retries: u16,
    /// How long it waits before it is tried again.
    pub backoff: Backoff,
    /// How long an attempt may take, if not as long as any.
    pub timeout: Option<Duration>,
    /// Whether it runs on a thread of its own, as it computes without awaiting.
    pub blocking: bool,
    /// The queue in which it waits.
    pub queue: &'static str,
    /// Its rank among the due jobs of its queue unless it is given another: 0, first, to 3, last.
    pub priority: u8,
    /// Which of those that were completed stay in the history.
    pub keep: Keep,
    /// How jobs that are alike are kept to one, if they are.
    pub unique: Option<Unique>,
    /// What its arguments look like; `None` if it takes none.
    pub args: Option<fn() -> Shape>,
    /// Reads the arguments and runs one attempt.
    pub run: fn(JobCtx, Args) -> JobFuture,
}

impl Job {
    /// `file:line` of the function.
    #[must_use]
    pub fn location(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("name", &self.name).field("at", &self.location()).finish()
    }
}

/// When a job is enqueued by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// A cron expression of five fields.
    pub cron: &'static str,
    /// The IANA's name of the time zone that it is meant in.
    pub tz: &'static str,
    /// What becomes of the fires that no process was there for.
    pub misfire: Misfire,
}

/// What becomes of the fires that no process was there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfire {
    /// The last of them is made.
    Last,
    /// All are made, up to a limit.
    All,
    /// None is made.
    Skip,
}

impl Misfire {
    /// The word in `#[job]` and in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::All => "all",
            Self::Skip => "skip",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Last, Self::All, Self::Skip].into_iter().find(|misfire| misfire.name() == name)
    }
}

/// How the delay before the next attempt grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The same delay every time.
    Fixed(Duration),
    /// Doubles from `base` up to `cap`.
    Exponential {
        /// The delay after the first failure.
        base: Duration,
        /// The longest delay.
        cap: Duration,
    },
}

impl Backoff {
    /// `exponential(1s, 1h)`.
    pub const DEFAULT: Self =
        Self::Exponential { base: Duration::from_secs(1), cap: Duration::from_secs(3600) };
}

/// Which jobs of a kind stay in the history once they are completed. Cancelled and discarded ones always do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All.
    All,
    /// Those that had a failed attempt.
    Failures,
    /// None: the queue forgets them at once.
    None,
}

impl Keep {
    /// Whether a job stays that was completed by its `attempt`-th attempt, counted from 1.
    pub(super) fn keeps(self, attempt: i16) -> bool {
        match self {
            Self::All => true,
            Self::Failures => attempt > 1,
            Self::None => false,
        }
    }
}

/// The arguments of a job as they stand in the queue: JSON text.
#[derive(Debug)]
pub struct Args(pub(crate) String);

impl Args {
    /// Reads the arguments. They come from the queue, which anyone with the right to enqueue has written to, so they
    /// are checked as strictly as a request.
    ///
    /// # Errors
    /// One that gives the job up and lists what is wrong: another attempt would read the same text.
    pub fn read<J: JobType>(&self) -> Result<J::Args> {
        J::Args::read(&self.0).map_err(|error| unreadable(&error))
    }
}

/// An error that says where the arguments are wrong, without their values.
pub(super) fn unreadable(error: &Error) -> Error {
    let faults = error.failures().iter().map(|fault| format!("; `{}` {}", fault.pointer, fault.message));
    let faults: String = faults.collect();
    Error::discard("the arguments are not what this version of the job takes")
        .because(format!("{}{faults}", error.detail()))
}

/// The braced struct that stands beside a job's function.
pub trait JobType {
    /// The arguments; `()` for none.
    type Args: JobArgs;

    /// The description.
    fn job() -> &'static Job;

    /// Adds the fields to `key` by which unique jobs are told apart; false if it is by all.
    ///
    /// # Errors
    /// `internal` for a value that its own schema cannot express.
    fn unique_by(_args: &Self::Args, _key: &mut Key) -> Result<bool> {
        Ok(false)
    }
}

/// An error of a job: [`Error`], or what can be made one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a job",
    label = "cannot become a `catena::Error`",
    note = "write `Result<()>`, which is `Result<(), catena::Error>`, and `.map_err(Error::internal)?` where such an error arises",
    note = "or put `#[derive(Problem)]` above the definition of `{Self}`, if that is an enum of yours"
)]
pub trait JobError: Into<Error> {}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> JobError for E {}

/// What a job returned, with the framework's own error.
///
/// # Errors
/// The job's own error.
pub fn finished<E: JobError>(result: Result<(), E>) -> Result<()> {
    result.map_err(Into::into)
}

/// What the arguments of `J` look like, if it takes some.
#[must_use]
pub const fn args<J: JobType>() -> Option<fn() -> Shape> {
    <J::Args as JobArgs>::SHAPE
}

/// One entry of the registry.
pub struct Entry(pub &'static Job);

inventory::collect!(Entry);
