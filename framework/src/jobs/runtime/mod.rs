//! Starts and stops the loops of the queue.

mod attempt;
mod blocking;
mod line;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub(super) use attempt::{Attempt, LONGEST_DELAY, Outcome};
pub(super) use line::{Line, PATIENCE, Turn, no_answer};

use super::{
    Job,
    announcer::announce,
    counter::{Counter, Ends},
    dispatcher::Dispatcher,
    kinds,
    pruner::Pruner,
    rescuer::Rescuer,
    scheduler::Scheduler,
    worker::Worker,
};
use crate::{
    error::{Error, Result},
    metrics::Attempts,
    services::Services,
};

/// How long an attempt may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// How a process works on jobs.
#[derive(Clone, Debug)]
pub(crate) struct EngineSettings {
    /// How many jobs run at once.
    pub(crate) slots: usize,
    /// How many of them may be of a queue, where that is not all.
    pub(crate) queues: Vec<(String, usize)>,
    /// How long an attempt may take.
    pub(crate) timeout: Duration,
    /// How long a job may go on after it was cancelled, to stop by itself.
    pub(crate) cancel_grace: Duration,
    /// How long nothing may be heard of a newer version before this one decides about its schedules again.
    pub(crate) schedule_grace: Duration,
    /// How long completed and cancelled jobs are kept.
    pub(crate) history_days: u16,
    /// How long discarded jobs and the errors of attempts are kept.
    pub(crate) discarded_days: u16,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            slots: 50,
            queues: Vec::new(),
            timeout: TIMEOUT,
            cancel_grace: Duration::from_secs(5),
            schedule_grace: Duration::from_secs(60),
            history_days: 7,
            discarded_days: 90,
        }
    }
}

/// What the loops share.
pub(super) struct Crew {
    pub(super) services: Arc<Services>,
    pub(super) jobs: HashMap<&'static str, &'static Job>,
    /// What is counted of each of them.
    attempts: HashMap<&'static str, Attempts>,
    /// Those whose arguments have secrets.
    secret: HashSet<&'static str>,
    pub(super) settings: EngineSettings,
    pub(super) worker: Worker,
    pub(super) line: Line,
    pub(super) ends: Ends,
}

/// The workers of a process. Dropped without [`Engine::shutdown`], it vanishes as in a crash: its jobs are dropped
/// where they are, and other processes take them back.
#[cfg_attr(
    not(any(test, feature = "testing")),
    expect(dead_code, reason = "tests reach the loops through it, to have them run at once")
)]
pub(crate) struct Engine {
    crew: Arc<Crew>,
    scheduler: Arc<Scheduler>,
    rescuer: Arc<Rescuer>,
    counter: Arc<Counter>,
    stop: CancellationToken,
    idle_requests: mpsc::UnboundedSender<oneshot::Sender<()>>,
    dispatcher: JoinHandle<()>,
    housekeeping: [AbortHandle; 6],
}

/// How long interrupted jobs may take to stop, and the database to hear of it, at shutdown.
const LAST_WORDS: Duration = Duration::from_secs(3);

impl Engine {
    /// Starts to work on the jobs of this binary; those of other kinds are left alone.
    ///
    /// # Errors
    /// As [`Engine::start_with`].
    pub(crate) async fn start(services: Arc<Services>) -> Result<Self> {
        let settings = EngineSettings {
            slots: services.settings.job_slots,
            queues: services.settings.job_queues.clone(),
            ..EngineSettings::default()
        };
        Self::start_with(services, super::all(), settings).await
    }

    /// Enters the kinds and schedules of `jobs`, reports what waits and cannot be read, and starts to work on them.
    ///
    /// # Errors
    /// `internal` for a cron expression that cannot be read or never fires, naming the job, and for slots of a queue
    /// that no job has; `unavailable` when the database cannot be reached.
    pub(crate) async fn start_with(
        services: Arc<Services>,
        jobs: impl IntoIterator<Item = &'static Job>,
        settings: EngineSettings,
    ) -> Result<Self> {
        let line = Line::new(services.database.engine.clone());
        let jobs: HashMap<_, _> = jobs.into_iter().map(|job| (job.name, job)).collect();
        known_queues(&jobs, &settings)?;
        let attempts = jobs.keys().map(|name| (*name, Attempts::default())).collect();
        let secret = kinds::with_secrets(&jobs);
        let crew = Arc::new(Crew {
            services,
            jobs,
            attempts,
            secret,
            settings,
            worker: Worker::new(),
            line,
            ends: Ends::default(),
        });
        kinds::enter(&crew.line, &crew.jobs).await?.log();
        let scheduler = Arc::new(Scheduler::enter(crew.clone()).await?);
        let rescuer = Arc::new(Rescuer::new(crew.clone()));
        let counter = Arc::new(Counter::new(crew.clone()));
        let stop = CancellationToken::new();
        let (idle_requests, requests) = mpsc::unbounded_channel();
        let dispatcher = tokio::spawn(Dispatcher::new(crew.clone(), stop.clone(), requests).run());
        let housekeeping = [
            tokio::spawn(watch(crew.clone())).abort_handle(),
            tokio::spawn(tell_others(crew.clone())).abort_handle(),
            tokio::spawn(scheduler.clone().run()).abort_handle(),
            tokio::spawn(rescuer.clone().run()).abort_handle(),
            tokio::spawn(counter.clone().run()).abort_handle(),
            tokio::spawn(Pruner::new(crew.clone()).run()).abort_handle(),
        ];
        Ok(Self { crew, scheduler, rescuer, counter, stop, idle_requests, dispatcher, housekeeping })
    }

    /// Stops: claims nothing more, lets running jobs go on for `grace`, interrupts the rest and gives them back with
    /// their attempt, writes everything, and leaves.
    pub(crate) async fn shutdown(mut self, grace: Duration) {
        self.stop.cancel();
        if timeout(grace, &mut self.dispatcher).await.is_ok() {
            return;
        }
        self.crew.worker.interrupt();
        if timeout(LAST_WORDS, &mut self.dispatcher).await.is_err() {
            tracing::error!(
                "jobs did not stop, or the database did not hear of it; other processes will find them"
            );
        }
    }

    /// Fires the schedules that are due, takes jobs back from processes that vanished, and resolves once no due job is
    /// left that this process could run, and none runs in it.
    ///
    /// # Errors
    /// `unavailable` when the database is away or the engine has stopped.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) async fn run_until_idle(&self) -> Result<()> {
        self.scheduler.fire_due().await?;
        self.rescuer.sweep().await?;
        let stopped = || Error::unavailable("the job engine has stopped");
        loop {
            let freed = self.crew.ends.freed();
            let (request, idle) = oneshot::channel();
            self.idle_requests.send(request).map_err(|_| stopped())?;
            idle.await.map_err(|_| stopped())?;
            self.counter.count().await?;
            if freed == self.crew.ends.freed() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
impl Engine {
    /// Has the dispatcher look at once, as after a commit in this process.
    pub(super) fn hear(&self) {
        self.crew.services.wake.wake();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.dispatcher.abort();
        self.housekeeping.iter().for_each(AbortHandle::abort);
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Says which queues there are, if one that there is not has slots.
fn known_queues(jobs: &HashMap<&str, &Job>, settings: &EngineSettings) -> Result<()> {
    let known: BTreeSet<_> = jobs.values().map(|job| job.queue).collect();
    let unknown = settings.queues.iter().find(|(name, _)| !known.contains(name.as_str()));
    unknown.map_or(Ok(()), |(name, _)| {
        let known = known.into_iter().collect::<Vec<_>>().join("`, `");
        Err(Error::internal(format!(
            "JOB_QUEUES names the queue `{name}`, which no job has: those of this program are in `{known}`"
        )))
    })
}

async fn watch(crew: Arc<Crew>) {
    crew.worker.watch().await;
}

async fn tell_others(crew: Arc<Crew>) {
    announce(&crew.services, &crew.line, &crew.services.database.process).await;
}
