//! How far jobs have come.

use diesel::{
    IntoSql as _, QueryResult,
    pg::Pg,
    sql_types::{BigInt, Integer},
};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl as _};

use super::Lease;
use crate::jobs::{JobId, statement::statement};

/// Writes how far a job has come, unless it is no longer held under this lease.
pub(in crate::jobs) async fn note_progress<C>(
    connection: &mut C,
    (id, lease): (JobId, Lease),
    (done, total): (i64, i64),
) -> QueryResult<()>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    const SQL: &str = "\
        WITH held AS (SELECT id FROM catena.jobs WHERE id = $1 AND lease = $2 AND state = 1 FOR SHARE) \
        INSERT INTO catena.job_progress (job_id, done, total) SELECT id, $3, $4 FROM held \
        ON CONFLICT (job_id) DO UPDATE SET done = excluded.done, total = excluded.total, at = excluded.at";
    let binds = (
        id.into_sql::<BigInt>(),
        lease.into_sql::<BigInt>(),
        done.into_sql::<BigInt>(),
        total.into_sql::<BigInt>(),
    );
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}

/// Deletes up to 5000 rows older than `keep_days` of jobs that are not in the queue any more; returns how many.
pub(in crate::jobs) async fn delete_progress(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.job_progress WHERE job_id = ANY(ARRAY( \
        SELECT p.job_id FROM catena.job_progress p WHERE p.at < now() - $1 * interval '1 day' \
            AND NOT EXISTS (SELECT FROM catena.jobs j WHERE j.id = p.job_id) LIMIT 5000))";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await
}
