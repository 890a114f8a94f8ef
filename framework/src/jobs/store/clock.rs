//! What follows when the database's clock is set.

use chrono::TimeDelta;
use diesel::{IntoSql as _, QueryResult, sql_types::BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::statement::statement;

/// Has jobs that were due, before the clock was put back, due again, and those that wait for their next attempt or in a
/// sleep wait no longer than they were to; returns how many jobs. Jobs whose first time had not come wait until the clock
/// shows it. Those that run were due: whoever gives them back says so.
pub(in crate::jobs) async fn follow_clock(
    connection: &mut AsyncPgConnection,
    by: TimeDelta,
) -> QueryResult<usize> {
    let micros = by.num_microseconds().unwrap_or(i64::MAX);
    statement::<(), _>(FOLLOW_CLOCK, (micros.into_sql::<BigInt>(),)).execute(connection).await
}

/// What was written at a time that is still to come is not moved twice, as that time is moved with it. The job that
/// completes a batch is due when it was enqueued, however long it waits for the others.
const FOLLOW_CLOCK: &str = "\
WITH sleeps AS (
    UPDATE catena.job_steps
    SET wake_at = wake_at - $1 * interval '1 microsecond', finished_at = finished_at - $1 * interval '1 microsecond'
    WHERE wake_at > now() AND finished_at > now()
)
UPDATE catena.jobs
SET run_at = run_at - $1 * interval '1 microsecond', claimed_at = claimed_at - $1 * interval '1 microsecond'
WHERE state IN (0, 5, 6, 7) AND run_at > now()
    AND (claimed_at > now() OR (created_at > now() AND run_at <= now() + $1 * interval '1 microsecond'))";
