//! The queue against a real PostgreSQL.

#![cfg(feature = "testing")]

mod batches;
mod blocking;
mod cancelling;
mod concurrency;
mod counts;
mod crashes;
mod enqueue;
mod failing;
mod fence;
mod kinds;
mod liveness;
mod plans;
mod poolers;
mod progress;
mod queues;
mod retention;
mod running;
mod schedules;
mod secrets;
mod steps;
mod sweeping;
mod unique;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use diesel::{
    QueryableByName,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use tokio::sync::Semaphore;

use super::{
    Args, Backoff, Course, Engine, Enqueue, Job, JobCtx, JobId, JobType, Keep, Misfire, NewJob, Schedule,
    State,
    job::JobFuture,
    runtime::EngineSettings,
    store::{self, Claim, Filter, JobRow, Share},
};
use crate::{
    db::Connector,
    error::{Error, Result},
    services::{Services, States},
    testing::TestDb,
};

/// An application without migrations.
struct Nothing;

impl MigrationSource<Pg> for Nothing {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        Ok(Vec::new())
    }
}

/// A database of its own, and what a test wants to know of it.
struct Queue {
    db: TestDb,
    owner: AsyncPgConnection,
}

impl Queue {
    async fn new() -> Self {
        let db = TestDb::new(&Nothing).await;
        let mut owner = connect(db.owner_url()).await;
        owner.batch_execute("CREATE TABLE effects (name text NOT NULL)").await.unwrap();
        Self { db, owner }
    }

    /// What one process has, with `state` for its jobs.
    fn services<T: Send + Sync + 'static>(&self, state: T) -> Arc<Services> {
        let mut states = States::default();
        states.insert(state);
        Arc::new(Services::of_test(self.db.database(), states))
    }

    /// A process that works on `jobs`.
    async fn engine<const N: usize>(&self, jobs: [&'static Job; N]) -> Engine {
        self.engine_with((), jobs).await
    }

    /// A process that works on `jobs` with `state`.
    async fn engine_with<T: Send + Sync + 'static, const N: usize>(
        &self,
        state: T,
        jobs: [&'static Job; N],
    ) -> Engine {
        self.engine_set(state, jobs, EngineSettings::default()).await
    }

    async fn engine_set<T: Send + Sync + 'static, const N: usize>(
        &self,
        state: T,
        jobs: [&'static Job; N],
        settings: EngineSettings,
    ) -> Engine {
        Engine::start_with(self.services(state), jobs, settings).await.unwrap()
    }

    /// Enqueues `n` jobs of type `J`, committed.
    async fn enqueue<J: JobType>(&mut self, n: usize) -> Vec<JobId> {
        store::enqueue(&mut self.owner, vec![NewJob::of(J::job()); n]).await.unwrap()
    }

    /// Every job, the oldest first.
    async fn list(&mut self) -> Vec<JobRow> {
        let mut rows = store::list(&mut self.owner, &Filter::default()).await.unwrap();
        rows.reverse();
        rows
    }

    /// The one job there is.
    async fn only(&mut self) -> JobRow {
        let mut rows = self.list().await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    async fn sql(&mut self, sql: &str) {
        self.owner.batch_execute(sql).await.unwrap();
    }

    async fn number(&mut self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }
        let row: Row =
            sql_query(format!("SELECT ({sql})::bigint AS number")).get_result(&mut self.owner).await.unwrap();
        row.number
    }

    /// Resolves once that many sessions of the database wait for a lock.
    async fn somebody_waits(&mut self, sessions: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while self.number(waiting).await < sessions {
            // A transaction sees the same activity until it says that it wants another look.
            self.sql("SELECT pg_stat_clear_snapshot()").await;
            tokio::task::yield_now().await;
        }
    }

    /// The texts that a query finds in its column `text`.
    async fn texts(&mut self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let rows: Vec<Row> = sql_query(sql).load(&mut self.owner).await.unwrap();
        rows.into_iter().map(|row| row.text).collect()
    }

    async fn effects(&mut self) -> i64 {
        self.number("SELECT count(*) FROM effects").await
    }
}

async fn connect(url: &str) -> AsyncPgConnection {
    Connector::of_test(url).connect().await.unwrap()
}

/// A job as `#[job]` describes it: six attempts, one after the other without delay.
const fn job(name: &'static str, run: fn(JobCtx, Args) -> JobFuture) -> Job {
    Job {
        name,
        doc: "",
        file: file!(),
        line: line!(),
        schedule: None,
        retries: 5,
        backoff: Backoff::Fixed(Duration::ZERO),
        timeout: None,
        blocking: false,
        queue: "default",
        priority: 0,
        keep: Keep::All,
        unique: None,
        concurrency: None,
        args: None,
        version: 1,
        reads: |_| Ok(()),
        run,
    }
}

/// A schedule in UTC.
const fn at(cron: &'static str) -> Option<Schedule> {
    Some(Schedule { cron, tz: "UTC", misfire: Misfire::Last })
}

/// What `#[job]` writes beside a function.
macro_rules! job_type {
    ($name:ident, $job:expr) => {
        struct $name;
        impl $name {
            const JOB: &'static Job = {
                static JOB: Job = $job;
                &JOB
            };
        }
        impl JobType for $name {
            type Args = ();
            fn job() -> &'static Job {
                Self::JOB
            }
        }
    };
}
use job_type;

job_type!(Noop, job("noop", |_, _| Box::pin(async { Ok(()) })));

job_type!(Writes, job("writes", |job, _| Box::pin(async move { write(&job).await })));

/// Writes one row of effects in the job's transaction.
async fn write(job: &JobCtx) -> Result<()> {
    let mut db = job.db().await?;
    sql_query("INSERT INTO effects VALUES ('written')").execute(&mut db).await?;
    Ok(())
}

/// A claim of up to `limit` no-op jobs in the default queue.
fn claim_of(limit: i32, worker: i64) -> Claim {
    let shares = vec![Share { queue: "default", slots: limit, low: [0; 4] }];
    Claim { limit, shares, kinds: vec!["noop"], worker, ..Claim::default() }
}

/// Where a handler and its test wait for each other.
struct Stage {
    begun: Semaphore,
    go_on: Semaphore,
}

impl Stage {
    fn new() -> Arc<Self> {
        Arc::new(Self { begun: Semaphore::new(0), go_on: Semaphore::new(0) })
    }

    /// For the test: waits until a handler has begun.
    async fn has_begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }

    /// For the test: lets one handler go on.
    fn go_on(&self) {
        self.go_on.add_permits(1);
    }

    /// For the handler: says that it has begun and waits to go on.
    async fn wait(&self) {
        self.begun.add_permits(1);
        self.go_on.acquire().await.unwrap().forget();
    }
}

job_type!(
    Waits,
    job("waits", |job, _| Box::pin(async move {
        job.state::<Arc<Stage>>()?.wait().await;
        Ok(())
    }))
);

job_type!(
    WritesAndWaits,
    job("writes_and_waits", |job, _| Box::pin(async move {
        write(&job).await?;
        job.state::<Arc<Stage>>()?.wait().await;
        Ok(())
    }))
);

/// What is logged, for a test to look at.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// All that is logged in this thread, as long as the guard is there.
    fn of_this_thread() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
        let subscriber = subscriber.with_writer(move || writer.clone()).finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn said(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn texts(row: &JobRow) -> Vec<&str> {
    row.errors.iter().map(|error| error.error.as_str()).collect()
}
