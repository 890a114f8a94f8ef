//! The steps of jobs.

use diesel::{
    IntoSql as _, QueryResult,
    pg::Pg,
    sql_types::{BigInt, Nullable, Text},
};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl as _};

use super::Lease;
use crate::jobs::{JobId, statement::statement};

/// What a step left behind.
#[derive(Clone, Debug)]
pub(in crate::jobs) enum Stored {
    /// What it returned, as JSON.
    Result(String),
    /// It is a sleep, with so many milliseconds left; none or fewer when it is over.
    Sleep(i64),
}

/// The steps that earlier attempts finished.
pub(in crate::jobs) async fn steps<C>(connection: &mut C, id: JobId) -> QueryResult<Vec<(String, Stored)>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    const SQL: &str = "\
        SELECT name, result::text, ceil(extract(epoch FROM wake_at - clock_timestamp()) * 1000)::bigint \
        FROM catena.job_steps WHERE job_id = $1";
    type Row = (Text, Nullable<Text>, Nullable<BigInt>);
    let rows: Vec<(String, Option<String>, Option<i64>)> =
        statement::<Row, _>(SQL, (id.into_sql::<BigInt>(),)).load(connection).await?;
    let stored = |(name, result, left): (String, Option<String>, Option<i64>)| {
        (name, result.map_or_else(|| Stored::Sleep(left.unwrap_or(0)), Stored::Result))
    };
    Ok(rows.into_iter().map(stored).collect())
}

/// A step that is finished when this is written.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct NewStep<'a> {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) lease: Lease,
    pub(in crate::jobs) name: &'a str,
    /// For a sleep, how long it is.
    pub(in crate::jobs) stored: Stored,
    /// Whether the job has no steps yet.
    pub(in crate::jobs) is_first: bool,
}

/// Records a finished step, inside the transaction that holds its effects; false, and nothing is recorded, if the job is
/// no longer held under this lease. Until the transaction ends, nobody takes the job away.
pub(in crate::jobs) async fn finish_step<C>(connection: &mut C, step: NewStep<'_>) -> QueryResult<bool>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let NewStep { id, lease, name, stored, is_first } = step;
    let (result, sleep_ms) = match stored {
        Stored::Result(result) => (Some(result), None),
        Stored::Sleep(ms) => (None, Some(ms)),
    };
    let binds = (
        id.into_sql::<BigInt>(),
        lease.into_sql::<BigInt>(),
        name.into_sql::<Text>(),
        result.into_sql::<Nullable<Text>>(),
        sleep_ms.into_sql::<Nullable<BigInt>>(),
    );
    let sql = if is_first { FINISH_FIRST } else { FINISH };
    Ok(statement::<(), _>(sql, binds).execute(connection).await? == 1)
}

macro_rules! finish_step {
    ($held:literal) => {
        concat!(
            "WITH held AS (",
            $held,
            ")
INSERT INTO catena.job_steps (job_id, name, result, wake_at)
SELECT id, $3, $4::json, clock_timestamp() + $5 * interval '1 millisecond' FROM held"
        )
    };
}

const FINISH_FIRST: &str = finish_step!(
    "UPDATE catena.jobs SET stepped = true WHERE id = $1 AND lease = $2 AND state = 1 RETURNING id"
);

const FINISH: &str =
    finish_step!("SELECT id FROM catena.jobs WHERE id = $1 AND lease = $2 AND state = 1 FOR NO KEY UPDATE");

/// Deletes up to 5000 steps of jobs that are gone: of those that an older version ended, which knew of no steps.
/// Returns how many.
pub(in crate::jobs) async fn delete_orphan_steps(connection: &mut AsyncPgConnection) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.job_steps WHERE ctid = ANY(ARRAY( \
        SELECT s.ctid FROM catena.job_steps s WHERE s.finished_at < now() - interval '1 hour' \
            AND NOT EXISTS (SELECT FROM catena.jobs j WHERE j.id = s.job_id) LIMIT 5000))";
    statement::<(), _>(SQL, ()).execute(connection).await
}
