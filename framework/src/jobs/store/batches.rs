//! Jobs that were enqueued together: adding up which have ended, and freeing the job that waits for that.

use diesel::{
    IntoSql as _, OptionalExtension as _, QueryResult,
    pg::Pg,
    sql_types::{BigInt, Integer},
};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::{BatchCounts, BatchId, statement::statement};

/// Adds up what has ended, and has the completion jobs of batches of which all has wait for a claim; returns how many.
///
/// Any number of processes may do so at once: one does it for a batch. What ends meanwhile is left for the next call.
pub(in crate::jobs) async fn fold(connection: &mut AsyncPgConnection) -> QueryResult<usize> {
    statement::<(), _>(FOLD, ()).execute(connection).await
}

/// Whoever has the lock on the row of a batch adds to it, and only what it takes out of `batch_ends` itself: what another
/// has taken meanwhile is gone, though the snapshot of this statement still shows it.
pub(in crate::jobs) const FOLD: &str = "\
WITH mine AS (
    SELECT id FROM catena.batches WHERE id = ANY(ARRAY(SELECT batch FROM catena.batch_ends)) FOR UPDATE SKIP LOCKED
), ended AS (
    DELETE FROM catena.batch_ends e USING mine WHERE e.batch = mine.id RETURNING e.batch, e.state, e.jobs
), sums AS (
    SELECT batch, sum(jobs) AS jobs, coalesce(sum(jobs) FILTER (WHERE state = 2), 0) AS completed,
        coalesce(sum(jobs) FILTER (WHERE state = 3), 0) AS cancelled,
        coalesce(sum(jobs) FILTER (WHERE state = 4), 0) AS discarded
    FROM ended GROUP BY batch
), folded AS (
    UPDATE catena.batches b
    SET completed = b.completed + s.completed, cancelled = b.cancelled + s.cancelled,
        discarded = b.discarded + s.discarded,
        ended_at = CASE WHEN b.completed + b.cancelled + b.discarded + s.jobs >= b.jobs THEN now() END
    FROM sums s WHERE b.id = s.batch
    RETURNING b.completion, b.ended_at
)
UPDATE catena.jobs SET state = 0, run_at = greatest(run_at, now())
WHERE id = ANY(ARRAY(SELECT completion FROM folded WHERE ended_at IS NOT NULL)) AND state = 7";

/// What has become of the jobs of a batch, as far as it has been added up; `None` if there is no such batch.
pub(in crate::jobs) async fn batch<C>(connection: &mut C, id: BatchId) -> QueryResult<Option<BatchCounts>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    const SQL: &str = "SELECT jobs, completed, cancelled, discarded FROM catena.batches WHERE id = $1";
    type Row = (Integer, Integer, Integer, Integer);
    let row: Option<(i32, i32, i32, i32)> =
        statement::<Row, _>(SQL, (id.into_sql::<BigInt>(),)).get_result(connection).await.optional()?;
    let count = |count| u64::try_from(count).unwrap_or(0);
    Ok(row.map(|(jobs, completed, cancelled, discarded)| BatchCounts {
        jobs: count(jobs),
        completed: count(completed),
        cancelled: count(cancelled),
        discarded: count(discarded),
    }))
}

/// Deletes up to 5000 batches that ended more than `keep_days` ago; returns how many.
pub(in crate::jobs) async fn delete_batches(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.batches WHERE id = ANY(ARRAY( \
        SELECT id FROM catena.batches WHERE ended_at < now() - $1 * interval '1 day' LIMIT 5000))";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await
}

/// Deletes what has ended of batches that there are not: of numbers that somebody made up. Returns how much.
pub(in crate::jobs) async fn delete_stray_ends(connection: &mut AsyncPgConnection) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.batch_ends e \
        WHERE NOT EXISTS (SELECT FROM catena.batches b WHERE b.id = e.batch)";
    statement::<(), _>(SQL, ()).execute(connection).await
}
