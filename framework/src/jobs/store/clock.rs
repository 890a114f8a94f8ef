//! What follows when the database's clock is set.

use chrono::TimeDelta;
use diesel::{IntoSql as _, QueryResult, sql_types::BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::statement::statement;

/// Has jobs that were due, before the clock was put back, due again, and those that wait for their next attempt wait no
/// longer than they were to; returns how many. Jobs whose first time had not come wait until the clock shows it. Those that
/// run were due: whoever gives them back says so.
pub(in crate::jobs) async fn follow_clock(
    connection: &mut AsyncPgConnection,
    by: TimeDelta,
) -> QueryResult<usize> {
    let micros = by.num_microseconds().unwrap_or(i64::MAX);
    statement::<(), _>(FOLLOW_CLOCK, (micros.into_sql::<BigInt>(),)).execute(connection).await
}

/// A job that was claimed at a time that is still to come is not moved twice, as that time is moved with it.
const FOLLOW_CLOCK: &str = "\
UPDATE catena.jobs
SET run_at = run_at - $1 * interval '1 microsecond', claimed_at = claimed_at - $1 * interval '1 microsecond'
WHERE state IN (0, 5, 6) AND run_at > now()
    AND (claimed_at > now() OR (created_at > now() AND run_at <= now() + $1 * interval '1 microsecond'))";
