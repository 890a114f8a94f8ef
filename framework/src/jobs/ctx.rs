//! What a job sees of its surroundings.

use std::{future::Future, panic::Location, sync::Arc};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{BatchId, Delay, JobId, StepResult, progress::Progress, steps::Steps, store::Lease};
use crate::{
    db::{Access, Db, Detached, Scope},
    error::Result,
    services::Services,
};

/// The context of one attempt of a job.
pub struct JobCtx {
    pub(crate) services: Arc<Services>,
    pub(super) scope: Scope,
    pub(super) course: Arc<Course>,
    pub(crate) id: JobId,
    pub(super) lease: Lease,
    /// Below zero if the job completes it.
    pub(super) batch: Option<BatchId>,
    pub(crate) attempt: u16,
    /// Cancelled with the job.
    pub(crate) cancel: CancellationToken,
    pub(crate) fire_time: Option<DateTime<Utc>>,
}

/// What an attempt does on its way, for whoever sees to its end.
pub(crate) struct Course {
    pub(super) steps: Steps,
    pub(super) progress: Progress,
}

impl Course {
    /// That of an attempt that begins; `stepped` says whether earlier ones finished steps.
    pub(super) fn new(stepped: bool) -> Arc<Self> {
        Arc::new(Self { steps: Steps::new(stepped), progress: Progress::default() })
    }
}

impl JobCtx {
    /// Returns a handle on the job's transaction, with the elevated role: past row-level security.
    ///
    /// Its effects and the job's completion commit together. It is for jobs of seconds; longer ones write in
    /// [steps](JobCtx::step).
    ///
    /// # Errors
    /// `unavailable` when there is no connection to be had; `internal` in a job that has begun a step.
    pub async fn db(&self) -> Result<Db> {
        self.own_scope()?.db().await
    }

    /// The job's transaction, for what writes in it.
    pub(super) fn own_scope(&self) -> Result<&Scope> {
        self.course.steps.use_db()?;
        Ok(&self.scope)
    }

    /// Runs `work` in a transaction of its own, past row-level security, unless an earlier attempt of the job did: then
    /// what it returned that time is returned again, and `work` is not run.
    ///
    /// What `work` writes through its `db`, what it returns, and the proof that the job is still this process's commit
    /// together. So a job that takes long, or does several things that must not be done twice, goes on after the last
    /// finished step when it is tried again, on whatever machine. A job writes in steps or through [`JobCtx::db`], not
    /// both; to enqueue jobs in a step, pass its `db`.
    ///
    /// ```
    /// use catena::{JobCtx, Result, job, model, types::Uuid};
    /// use diesel::{ExpressionMethods as _, QueryDsl as _};
    /// use diesel_async::RunQueryDsl as _;
    ///
    /// diesel::table! {
    ///     orders (id) {
    ///         id -> Uuid,
    ///         receipt -> Nullable<Text>,
    ///     }
    /// }
    ///
    /// /// An order to be paid.
    /// #[model]
    /// pub struct Order {
    ///     pub id: Uuid,
    /// }
    ///
    /// /// Takes the money, then has the parcel sent the day after.
    /// #[job]
    /// pub async fn fulfil(job: &JobCtx, args: Order) -> Result<()> {
    ///     # async fn charge(id: Uuid, once: &str) -> Result<String> { Ok(String::new()) }
    ///     # async fn send(id: Uuid, receipt: &str) -> Result<()> { Ok(()) }
    ///     let receipt: String = job
    ///         .step("charge", async |mut db| {
    ///             // Other services are not part of the transaction: tell them what is once and the same.
    ///             let receipt = charge(args.id, &format!("order-{}", args.id)).await?;
    ///             diesel::update(orders::table.find(args.id))
    ///                 .set(orders::receipt.eq(&receipt))
    ///                 .execute(&mut db)
    ///                 .await?;
    ///             Ok(receipt)
    ///         })
    ///         .await?;
    ///     job.sleep("until the day after", "1d").await?;
    ///     job.step("send", async |_| send(args.id, &receipt).await).await
    /// }
    /// ```
    ///
    /// Each step of an attempt has a name of its own: in a loop, `format!("row {n}")`. The name, not the order, is what a
    /// step is known by, also to the next version of the program. A step that failed may be tried again in the same
    /// attempt. Steps do not contain steps. A step has a connection of the jobs' pool from its beginning to its end.
    ///
    /// What steps returned is deleted when the job is completed or cancelled, and kept when it is given up: `jobs retry`
    /// goes on after the last finished one. If the job was taken from this process meanwhile, nothing of the step is
    /// written, and the handler is dropped where it waits for it.
    ///
    /// # Errors
    /// The error of `work`, and what it wrote is undone. `internal` when `work` returned `Ok` although one of its
    /// statements failed, for a second step of the name, one inside another, or one in a job that has used
    /// [`JobCtx::db`], and for a result that its own schema cannot express or that has more than 1 MiB. An error that
    /// gives the job up, if what an earlier attempt returned cannot be read as a `T`. Otherwise those of the database.
    #[track_caller]
    pub fn step<T: StepResult>(
        &self,
        name: impl Into<String>,
        work: impl AsyncFnOnce(Db) -> Result<T>,
    ) -> impl Future<Output = Result<T>> {
        self.run_step(name.into(), Location::caller(), work)
    }

    /// Waits for `delay`, a `Duration` or text such as `"10m"`, without taking a slot: it is a [step](JobCtx::step) that
    /// ends the attempt, which does not count. When the time has come the job begins anew, passes its finished steps and
    /// this one, and goes on.
    ///
    /// The handler is dropped where it waits; that is no failure, and nothing is recorded of it. A job that is made to run
    /// earlier, by `jobs retry` for example, waits for what is left.
    ///
    /// # Errors
    /// `internal` for text that is no duration, and as for a step; otherwise those of the database.
    #[track_caller]
    pub fn sleep(&self, name: impl Into<String>, delay: impl Delay) -> impl Future<Output = Result<()>> {
        self.run_sleep(name.into(), Location::caller(), delay.read())
    }

    /// Says how far the job has come: `done` of `total`, in whatever unit. `jobs show` and `jobs list --json` tell it.
    ///
    /// It returns at once, and may be called as often as one likes: the last value is written behind the handler's back, at
    /// most once a second, and when the attempt ends. It stays as long as the job is kept, and until a later attempt says
    /// something else.
    ///
    /// ```
    /// use catena::{JobCtx, Result, job};
    ///
    /// #[job]
    /// pub async fn import(job: &JobCtx) -> Result<()> {
    ///     # async fn import_row(row: u64) -> Result<()> { Ok(()) }
    ///     for row in 0..1000 {
    ///         job.step(format!("row {row}"), async |_| import_row(row).await).await?;
    ///         job.progress(row + 1, 1000);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn progress(&self, done: u64, total: u64) {
        self.say_progress(done, total);
    }

    /// Transactions under row-level security, as a user: for what a job does in somebody's name. They are apart from
    /// that of [`JobCtx::db`]: each commits by itself, and again when the job is tried again.
    #[must_use]
    pub fn as_user(&self, id: Uuid) -> Detached {
        Detached::new(self.services.database.web.clone(), Access::ReadWrite, Some(id))
    }

    /// The job's number, the same for every attempt: what happens outside the database can be told apart by it.
    #[must_use]
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The time. In tests it moves on when the test says so.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.services.clock.now()
    }

    /// The time of its schedule that this job was enqueued for, the same for every attempt: what a job with `cron`
    /// works on is best told by it, and not by when it happens to run. `None` if something else enqueued the job.
    ///
    /// ```
    /// use catena::{JobCtx, Result, job, types::TimeDelta};
    ///
    /// /// Adds up the hour that has just passed, also when it does so late.
    /// #[job(cron = "0 * * * *", misfire = "all")]
    /// pub async fn add_up(job: &JobCtx) -> Result<()> {
    ///     let end = job.fire_time().unwrap_or(job.now());
    ///     let begin = end - TimeDelta::hours(1);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn fire_time(&self) -> Option<DateTime<Utc>> {
        self.fire_time
    }

    /// Which attempt this is, from 1.
    #[must_use]
    pub fn attempt(&self) -> u16 {
        self.attempt
    }

    /// Resolves once somebody cancels the job while it runs, within about two seconds; otherwise never.
    ///
    /// For handlers that have something to tidy up: what they return then, also an error, ends the job as cancelled, but
    /// for `Ok`, which completes it. A handler that goes on is dropped after 5 s, as one that does not listen is.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// Whether somebody has cancelled the job, for handlers that work piece by piece. In a `blocking` job also whether its
    /// time is up, or the process stops: nothing else can end such a handler.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Returns the application's value of type `T`.
    ///
    /// # Errors
    /// `internal` when the application was built without one.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<&T> {
        self.services.states.get()
    }
}
