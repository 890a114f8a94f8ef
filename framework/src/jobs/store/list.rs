//! Looking at jobs.

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _,
    pg::Pg,
    sql_types::{BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncConnectionCore, RunQueryDsl as _};
use serde::Serialize;
use serde_json::Value;

use crate::{
    error::Result,
    jobs::{JobId, State, statement::statement},
};

/// Which jobs to list.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// Only this one.
    pub(crate) id: Option<JobId>,
    /// Only those in this state.
    pub(crate) state: Option<State>,
    /// Only those of this name.
    pub(crate) kind: Option<String>,
    /// Only those in this queue.
    pub(crate) queue: Option<String>,
    /// How many at most; the newest come first.
    pub(crate) limit: i64,
}

impl Default for Filter {
    fn default() -> Self {
        Self { id: None, state: None, kind: None, queue: None, limit: 100 }
    }
}

/// A job as the command line shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct JobRow {
    pub(crate) id: JobId,
    pub(crate) kind: String,
    pub(crate) queue: String,
    pub(crate) state: State,
    pub(crate) priority: i16,
    /// How many attempts were begun.
    pub(crate) attempts: i16,
    pub(crate) max_attempts: i16,
    pub(crate) created_at: DateTime<Utc>,
    /// How often a process vanished while it ran the job, since it last ended in an orderly way.
    pub(crate) crashes: i16,
    /// When it is or was due.
    pub(crate) run_at: DateTime<Utc>,
    /// When it was completed, cancelled or discarded.
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// Whether it waits for others with its concurrency key to end.
    pub(crate) blocked: bool,
    /// The batch that it is part of or waits for, while it is in the queue.
    pub(crate) batch: Option<JobBatch>,
    /// How far it has come, if it says so.
    pub(crate) progress: Option<JobProgress>,
    /// What went wrong, in the order of the attempts.
    pub(crate) errors: Vec<JobError>,
    /// The steps that are finished, in their order; none of a job that is done.
    pub(crate) steps: Vec<JobStep>,
}

/// The batch of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct JobBatch {
    /// As text: some readers of JSON take large numbers for others.
    pub(crate) id: String,
    /// Whether the job completes it: it waits until all others have ended.
    pub(crate) completes: bool,
    pub(crate) jobs: i32,
    pub(crate) completed: i32,
    pub(crate) cancelled: i32,
    pub(crate) discarded: i32,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct JobProgress {
    pub(crate) done: i64,
    pub(crate) total: i64,
    pub(crate) at: DateTime<Utc>,
}

/// A finished step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct JobStep {
    pub(crate) name: String,
    pub(crate) finished_at: DateTime<Utc>,
    /// For a sleep, when it is over.
    pub(crate) wake_at: Option<DateTime<Utc>>,
}

/// What went wrong in one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct JobError {
    pub(crate) attempt: i16,
    pub(crate) at: DateTime<Utc>,
    pub(crate) error: String,
}

/// Lists jobs, waiting and finished alike, the newest first.
pub(crate) async fn list<C>(connection: &mut C, filter: &Filter) -> Result<Vec<JobRow>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let binds = (
        filter.id.into_sql::<Nullable<BigInt>>(),
        filter.state.map(State::name).into_sql::<Nullable<Text>>(),
        filter.kind.as_deref().into_sql::<Nullable<Text>>(),
        filter.limit.into_sql::<BigInt>(),
        filter.queue.as_deref().into_sql::<Nullable<Text>>(),
    );
    type Row = (
        (BigInt, Text, Text, Text, SmallInt, SmallInt, SmallInt, SmallInt),
        (
            Timestamptz,
            Timestamptz,
            Nullable<Timestamptz>,
            Bool,
            Jsonb,
            Jsonb,
            Nullable<Jsonb>,
            Nullable<Jsonb>,
        ),
    );
    type Values = (
        (JobId, String, String, String, i16, i16, i16, i16),
        (
            DateTime<Utc>,
            DateTime<Utc>,
            Option<DateTime<Utc>>,
            bool,
            Value,
            Value,
            Option<Value>,
            Option<Value>,
        ),
    );
    let rows: Vec<Values> = statement::<Row, _>(LIST, binds).load(connection).await?;
    rows.into_iter()
        .map(|row| {
            let ((id, kind, queue, state, priority, attempts, max_attempts, crashes), rest) = row;
            let (created_at, run_at, finished_at, blocked, errors, steps, progress, batch) = rest;
            let state = state.parse().map_err(crate::Error::internal)?;
            let errors = serde_json::from_value(errors).map_err(crate::Error::internal)?;
            let steps = serde_json::from_value(steps).map_err(crate::Error::internal)?;
            let progress =
                progress.map(serde_json::from_value).transpose().map_err(crate::Error::internal)?;
            let batch = batch.map(serde_json::from_value).transpose().map_err(crate::Error::internal)?;
            Ok(JobRow {
                id,
                kind,
                queue,
                state,
                priority,
                attempts,
                max_attempts,
                crashes,
                created_at,
                run_at,
                finished_at,
                blocked,
                batch,
                progress,
                errors,
                steps,
            })
        })
        .collect()
}

const LIST: &str = "\
WITH every AS (
    SELECT id, kind, queue, priority, attempt, max_attempts, crashes, created_at, run_at, finished_at, batch,
        state = 6 AS blocked,
        CASE state
            WHEN 1 THEN 'executing'
            WHEN 4 THEN 'discarded'
            WHEN 7 THEN 'scheduled'
            ELSE CASE WHEN run_at <= now() THEN 'available' WHEN attempt = 0 THEN 'scheduled' ELSE 'retryable' END
        END AS state
    FROM catena.jobs
    UNION ALL
    SELECT id, kind, queue, priority, attempt, max_attempts, 0::smallint, created_at, run_at, finished_at, NULL, false,
        CASE state WHEN 2 THEN 'completed' ELSE 'cancelled' END
    FROM catena.job_history
), chosen AS (
    SELECT * FROM every
    WHERE ($1 IS NULL OR id = $1) AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR kind = $3)
        AND ($5 IS NULL OR queue = $5)
    ORDER BY id DESC LIMIT $4
)
SELECT id, kind, queue, state, priority, attempt, max_attempts, crashes, created_at, run_at, finished_at, blocked,
    coalesce((
    SELECT jsonb_agg(jsonb_build_object('attempt', e.attempt, 'at', e.at, 'error', e.error) ORDER BY e.at)
    FROM catena.job_errors e WHERE e.job_id = chosen.id), '[]'), coalesce((
    SELECT jsonb_agg(jsonb_build_object('name', s.name, 'finished_at', s.finished_at, 'wake_at', s.wake_at)
        ORDER BY s.finished_at)
    FROM catena.job_steps s WHERE s.job_id = chosen.id), '[]'), (
    SELECT jsonb_build_object('done', p.done, 'total', p.total, 'at', p.at)
    FROM catena.job_progress p WHERE p.job_id = chosen.id), (
    SELECT jsonb_build_object('id', b.id::text, 'completes', chosen.batch < 0, 'jobs', b.jobs, 'completed', b.completed,
        'cancelled', b.cancelled, 'discarded', b.discarded)
    FROM catena.batches b WHERE b.id = abs(chosen.batch))
FROM chosen ORDER BY id DESC";
