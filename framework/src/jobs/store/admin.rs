//! What an operator does to jobs and asks of the queue as a whole.

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _, Queryable,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use super::Filter;
use crate::{
    error::Result,
    jobs::{JobId, State, statement::statement},
};

/// The ids of the jobs that `filter` chooses among those that wait, run or were given up, the oldest first.
pub(crate) async fn select(connection: &mut AsyncPgConnection, filter: &Filter) -> Result<Vec<JobId>> {
    const SQL: &str = "\
        SELECT id FROM (SELECT id, kind, queue, CASE state \
                WHEN 1 THEN 'executing' \
                WHEN 4 THEN 'discarded' \
                WHEN 7 THEN 'scheduled' \
                ELSE CASE WHEN run_at <= now() THEN 'available' WHEN attempt = 0 THEN 'scheduled' ELSE 'retryable' END \
            END AS state FROM catena.jobs) j \
        WHERE ($1 IS NULL OR kind = $1) AND ($2 IS NULL OR queue = $2) AND ($3 IS NULL OR state = $3) ORDER BY id LIMIT $4";
    let binds = (
        filter.kind.as_deref().into_sql::<Nullable<Text>>(),
        filter.queue.as_deref().into_sql::<Nullable<Text>>(),
        filter.state.map(State::name).into_sql::<Nullable<Text>>(),
        filter.limit.into_sql::<BigInt>(),
    );
    Ok(statement::<BigInt, _>(SQL, binds).load(connection).await?)
}

/// Has jobs run at once: those that were given up again with all their attempts, those that wait without waiting. Those
/// with which a process vanished need not run alone any more. One that was given up has ended for its batch, and leaves it.
/// Returns which of them do.
pub(crate) async fn retry_jobs(connection: &mut AsyncPgConnection, ids: &[JobId]) -> Result<Vec<JobId>> {
    const SQL: &str = concat!(
        "WITH chosen AS (SELECT id, state FROM catena.jobs WHERE id = ANY($1) AND state IN (0, 4, 5, 6) FOR UPDATE), \
        retried AS (UPDATE catena.jobs j SET attempt = CASE j.state WHEN 4 THEN 0 ELSE attempt END, state = 0, crashes = 0, \
            batch = CASE WHEN j.state = 4 AND batch > 0 THEN NULL ELSE batch END, \
            run_at = least(run_at, now()), finished_at = NULL, cancel_at = NULL \
        FROM chosen WHERE j.id = chosen.id RETURNING j.id, queue, chosen.state AS was), \
        given_up AS (SELECT queue FROM retried WHERE was = 4)",
        with_counts!("given_up", waiting: "count(*)", discarded: "-count(*)"),
        "SELECT id FROM retried"
    );
    let binds = (ids.to_vec().into_sql::<Array<BigInt>>(),);
    Ok(statement::<BigInt, _>(SQL, binds).load(connection).await?)
}

/// Gives up jobs that wait, to be kept like those that failed too often. Returns which it gave up.
pub(crate) async fn discard_jobs(connection: &mut AsyncPgConnection, ids: &[JobId]) -> Result<Vec<JobId>> {
    const SQL: &str = concat!(
        "WITH given_up AS (UPDATE catena.jobs SET state = 4, finished_at = now() \
        WHERE id = ANY($1) AND state IN (0, 5, 6, 7) RETURNING id, queue, batch)",
        with_ends!("given_up", 4),
        with_counts!("given_up", waiting: "-count(*)", discarded: "count(*)"),
        "SELECT id FROM given_up"
    );
    let binds = (ids.to_vec().into_sql::<Array<BigInt>>(),);
    Ok(statement::<BigInt, _>(SQL, binds).load(connection).await?)
}

/// A schedule as the command line shows it.
#[derive(Clone, Debug, Queryable)]
pub(crate) struct ScheduleRow {
    pub(crate) kind: String,
    pub(crate) cron: String,
    pub(crate) tz: String,
    pub(crate) misfire: String,
    /// Whether a process has declared it within the last minute: it fires only then.
    pub(crate) lives: bool,
    /// `None` if it never fires again.
    pub(crate) next_at: Option<DateTime<Utc>>,
    pub(crate) fired_at: Option<DateTime<Utc>>,
}

/// Every schedule, the next to fire first.
pub(crate) async fn schedules(connection: &mut AsyncPgConnection) -> Result<Vec<ScheduleRow>> {
    const SQL: &str = "\
        SELECT kind, cron, tz, misfire, seen_at > now() - interval '60 s', CASE WHEN isfinite(next_at) THEN next_at END, fired_at FROM catena.schedules \
        ORDER BY next_at, kind";
    type Row = (Text, Text, Text, Text, Bool, Nullable<Timestamptz>, Nullable<Timestamptz>);
    Ok(statement::<Row, _>(SQL, ()).load(connection).await?)
}
