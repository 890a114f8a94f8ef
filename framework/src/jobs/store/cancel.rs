//! Cancelling jobs: those that wait, at once; those that run, through the process that has them.

use diesel::{
    IntoSql as _, QueryResult,
    sql_types::{Array, BigInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};

use super::{CHANNEL, Lease, WorkerId};
use crate::{
    error::Result,
    jobs::{JobId, statement::statement},
};

/// What processes are told when a job that runs is cancelled.
pub(in crate::jobs) const CANCELLED: &str = "cancelled";

/// Cancels those of the jobs that wait or run; returns the ids of those that waited, and of those that run and whose
/// process is told, or asks within seconds.
pub(crate) async fn cancel_jobs(
    connection: &mut AsyncPgConnection,
    ids: &[JobId],
) -> Result<(Vec<JobId>, Vec<JobId>)> {
    // First all are marked, whatever they do, so that none slips through while it changes from one to the other.
    const MARK: &str =
        "UPDATE catena.jobs SET cancel_at = now() WHERE id = ANY($1) AND state <> 4 RETURNING id";
    const TELL: &str = "SELECT pg_notify($1, $2)";
    connection.batch_execute("BEGIN").await?;
    let binds = (ids.to_vec().into_sql::<Array<BigInt>>(),);
    let mut running: Vec<JobId> = statement::<BigInt, _>(MARK, binds).load(connection).await?;
    let waiting = cancel_waiting(connection).await?;
    connection.batch_execute("COMMIT").await?;
    running.retain(|id| !waiting.contains(id));
    if !running.is_empty() {
        let binds = (CHANNEL.into_sql::<Text>(), CANCELLED.into_sql::<Text>());
        let told = statement::<(), _>(TELL, binds).execute(connection).await;
        if let Err(error) = told {
            tracing::debug!(error = error.to_string(), "processes could not be told what was cancelled");
        }
    }
    let waited = ids.iter().copied().filter(|id| waiting.contains(id)).collect();
    Ok((waited, running))
}

/// Moves waiting jobs that are marked into the history; returns their ids.
pub(in crate::jobs) async fn cancel_waiting(connection: &mut AsyncPgConnection) -> QueryResult<Vec<JobId>> {
    statement::<BigInt, _>(CANCEL_WAITING, ()).load(connection).await
}

const CANCEL_WAITING: &str = concat!(
    "\
WITH done AS (
    DELETE FROM catena.jobs WHERE id = ANY(ARRAY(
        SELECT id FROM catena.jobs WHERE cancel_at IS NOT NULL AND state IN (0, 5, 6, 7) FOR UPDATE SKIP LOCKED
    )) RETURNING *
)
",
    with_ends!("done", 3),
    with_steps!(),
    with_counts!("done", waiting: "-count(*)"),
    into_history!(3, without_secrets),
    " RETURNING id"
);

/// The jobs of the process that are to stop.
pub(in crate::jobs) async fn to_stop(
    connection: &AsyncPgConnection,
    worker: WorkerId,
) -> QueryResult<Vec<(JobId, Lease)>> {
    statement::<(BigInt, BigInt), _>(TO_STOP, (worker.into_sql::<BigInt>(),)).load(&mut &*connection).await
}

pub(in crate::jobs) const TO_STOP: &str =
    "SELECT id, lease FROM catena.jobs WHERE cancel_at IS NOT NULL AND worker = $1 AND state = 1";
