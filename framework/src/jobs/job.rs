//! What `#[job]` registers.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use super::{JobArgs, JobCtx, Key, Unique};
use crate::{
    error::{Error, Result, Verdict},
    model::{Schema, Shape, parse_body},
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
    /// How many jobs of one concurrency key may run at once, in all processes; `None` for any number.
    pub concurrency: Option<u16>,
    /// What its arguments look like; `None` if it takes none.
    pub args: Option<fn() -> Shape>,
    /// The version of its arguments, from 1.
    pub version: u16,
    /// Whether arguments can be read.
    pub reads: fn(&Args) -> Result<()>,
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

/// The arguments of a job as they stand in the queue.
pub struct Args {
    /// JSON.
    pub(super) text: String,
    /// Of the job that wrote them.
    pub(super) version: u16,
}

impl Args {
    /// Reads the arguments. They come from the queue, which anyone with the right to enqueue has written to, so they
    /// are checked as strictly as a request. Those of an older version are upgraded.
    ///
    /// # Errors
    /// One that gives the job up and lists what is wrong: another attempt would read the same text.
    pub fn read<J: JobType>(&self) -> Result<J::Args> {
        let Self { text, version } = self;
        let current = J::job().version;
        if *version == current {
            return J::Args::read(text).map_err(|error| unreadable(&error));
        }
        J::upgrade(*version, OldArgs(text.clone())).map_err(|error| match error.verdict() {
            Verdict::Backoff => Error::discard(format!(
                "the arguments of version {version} cannot be made those of version {current}"
            ))
            .because(error.chain()),
            _ => error,
        })
    }
}

/// Whether arguments can be read as those of `J`.
///
/// # Errors
/// As [`Args::read`].
pub fn reads<J: JobType>(args: &Args) -> Result<()> {
    args.read::<J>().map(drop)
}

/// The arguments of a job that was enqueued by an older version of the program, for the function that
/// [`#[job(version = 2, upgrade = ..)]`](crate::job) names.
///
/// ```
/// use catena::{JobCtx, OldArgs, Result, job, model};
///
/// #[model]
/// pub struct Mail {
///     pub to: Vec<String>,
/// }
///
/// /// What a mail was in version 1.
/// #[model]
/// pub struct MailToOne {
///     pub to: String,
/// }
///
/// fn upgraded(_version: u16, args: OldArgs) -> Result<Mail> {
///     let old: MailToOne = args.read()?;
///     Ok(Mail { to: vec![old.to] })
/// }
///
/// #[job(version = 2, upgrade = upgraded)]
/// pub async fn send_mail(job: &JobCtx, args: Mail) -> Result<()> {
///     Ok(())
/// }
/// ```
pub struct OldArgs(String);

impl OldArgs {
    /// Reads them as what they were: a model with the fields and checks of that time.
    ///
    /// # Errors
    /// One that gives the job up and lists what is wrong.
    pub fn read<T: Schema>(&self) -> Result<T> {
        parse_body(self.0.as_bytes()).map_err(|error| unreadable(&error))
    }

    /// The JSON text that stands in the queue.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Without the text, which may hold what nobody should see.
impl fmt::Debug for OldArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OldArgs").finish_non_exhaustive()
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

    /// Adds the fields to `key` of whose jobs only so many may run at once; false if it is of all.
    ///
    /// # Errors
    /// `internal` for a value that its own schema cannot express.
    fn concurrency_by(_args: &Self::Args, _key: &mut Key) -> Result<bool> {
        Ok(false)
    }

    /// Makes arguments of an older version those of this one.
    ///
    /// # Errors
    /// Where there is no way to do so.
    fn upgrade(version: u16, _: OldArgs) -> Result<Self::Args> {
        Err(Error::internal(format!("the job has no `upgrade` that reads version {version}")))
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

/// What `upgrade` returned, with the framework's own error.
///
/// # Errors
/// The upgrade's own error.
pub fn upgraded<T, E: JobError>(result: Result<T, E>) -> Result<T> {
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
