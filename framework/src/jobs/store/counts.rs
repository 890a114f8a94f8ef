//! How many jobs of each queue wait, are due, run and were given up, by what changes these numbers and not by counting.

use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, Queryable,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use serde::Serialize;

use crate::{error::Result, jobs::statement::statement};

/// How many jobs of a queue are where.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Serialize)]
pub(crate) struct QueueStats {
    pub(crate) queue: String,
    /// Those that have not ended and do not run, whatever they wait for.
    pub(crate) waiting: i64,
    /// Those of them whose time has come and that wait for nothing else; no more than 10 000.
    pub(crate) due: i64,
    /// Whether there are more than that.
    pub(crate) more_due: bool,
    /// For how many seconds the one that was due first has been.
    pub(crate) oldest_due_s: Option<i64>,
    /// As of the last beat of each process: up to 2 s ago.
    pub(crate) executing: i64,
    pub(crate) discarded: i64,
    /// When the queue was paused, if it is.
    pub(crate) paused_at: Option<DateTime<Utc>>,
}

/// Every queue that has jobs or is paused, by name. However many jobs there are, it looks at no more than 10 000 of each
/// queue and priority.
pub(crate) async fn stats(connection: &mut AsyncPgConnection) -> Result<Vec<QueueStats>> {
    type Row = (Text, BigInt, BigInt, Bool, Nullable<BigInt>, BigInt, BigInt, Nullable<Timestamptz>);
    connection.batch_execute(PLANS).await?;
    let stats = statement::<Row, _>(STATS, ()).load(connection).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(stats)
}

/// Has the jobs that are due be found in the order of the index, whatever is known of the table.
pub(in crate::jobs) const PLANS: &str = "BEGIN; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
    SET LOCAL enable_sort = off; SET LOCAL jit = off";

pub(in crate::jobs) const STATS: &str = "\
WITH known AS (
    SELECT queue, sum(waiting)::bigint AS waiting, sum(executing)::bigint AS executing, sum(discarded)::bigint AS discarded
    FROM (
        SELECT queue, waiting, 0 AS executing, discarded FROM catena.job_counts
        UNION ALL SELECT queue, waiting, 0, discarded FROM catena.job_deltas
        UNION ALL SELECT r.queue, 0, r.jobs, 0
            FROM catena.workers w CROSS JOIN LATERAL unnest(w.queues, w.running) AS r (queue, jobs)
        UNION ALL SELECT name, 0, 0, 0 FROM catena.paused_queues
    ) each
    GROUP BY queue
), suspected AS MATERIALIZED (
    SELECT queue, run_at FROM catena.jobs WHERE state = 5 AND run_at <= now() ORDER BY run_at, id LIMIT 10001
)
SELECT k.queue, k.waiting, least(due.jobs, 10000)::bigint, due.jobs > 10000,
    floor(extract(epoch FROM now() - due.since))::bigint, k.executing, k.discarded, p.paused_at
FROM known k
LEFT JOIN catena.paused_queues p ON p.name = k.queue
CROSS JOIN LATERAL (
    SELECT sum(part.jobs) AS jobs, min(part.since) AS since
    FROM (
        SELECT count(*) AS jobs, min(first.run_at) AS since
        FROM unnest('{0,1,2,3}'::smallint[]) AS p (priority)
        CROSS JOIN LATERAL (
            SELECT j.run_at FROM catena.jobs j
            WHERE j.queue = k.queue AND j.priority = p.priority AND j.state = 0 AND j.run_at <= now()
            ORDER BY j.run_at, j.id LIMIT 10001
        ) first
        UNION ALL
        SELECT count(*), min(s.run_at) FROM suspected s WHERE s.queue = k.queue
    ) part
) due
WHERE k.waiting <> 0 OR k.executing <> 0 OR k.discarded <> 0 OR p.name IS NOT NULL
ORDER BY k.queue";

/// Adds up to 50 000 changes to the counts; returns how many. Any number of processes may do so at once.
pub(in crate::jobs) async fn fold_counts(connection: &mut AsyncPgConnection) -> QueryResult<i64> {
    statement::<BigInt, _>(FOLD, ()).get_result(connection).await
}

/// Whoever has locked a change adds it; one that somebody else has taken meanwhile cannot be locked any more, though the
/// snapshot of this statement still shows it. The counts are locked by name, so that two who add cannot deadlock.
const FOLD: &str = "\
WITH taken AS (
    DELETE FROM catena.job_deltas
    WHERE ctid = ANY(ARRAY(SELECT ctid FROM catena.job_deltas LIMIT 50000 FOR UPDATE SKIP LOCKED))
    RETURNING queue, waiting, discarded
), added AS (
    INSERT INTO catena.job_counts AS c (queue, waiting, discarded)
    SELECT queue, sum(waiting), sum(discarded) FROM taken GROUP BY queue ORDER BY queue
    ON CONFLICT (queue) DO UPDATE
    SET waiting = c.waiting + excluded.waiting, discarded = c.discarded + excluded.discarded
)
SELECT count(*) FROM taken";

/// Counts the jobs one by one, and mends what [`stats`] says of them. Nobody is kept from anything meanwhile: what is
/// written is the difference in one snapshot, in which the counts should be what the jobs are, and it stays right whatever
/// changes later.
pub(crate) async fn recount(connection: &mut AsyncPgConnection) -> Result<()> {
    // Of two at once, the second must see what the first has mended: hence its snapshot is taken after it has waited.
    const TAKE_TURN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; \
        SELECT pg_advisory_xact_lock(hashtext('catena.recount_jobs'))";
    connection.batch_execute(TAKE_TURN).await?;
    statement::<(), _>(RECOUNT, ()).execute(connection).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(())
}

const RECOUNT: &str = "\
WITH counted AS (
    SELECT queue, count(*) FILTER (WHERE state IN (0, 5, 6, 7)) AS waiting, count(*) FILTER (WHERE state = 4) AS discarded
    FROM catena.jobs GROUP BY queue
), difference AS (
    SELECT queue, sum(waiting) AS waiting, sum(discarded) AS discarded
    FROM (
        SELECT queue, waiting, discarded FROM counted
        UNION ALL SELECT queue, -waiting, -discarded FROM catena.job_counts
        UNION ALL SELECT queue, -waiting, -discarded FROM catena.job_deltas
    ) each
    GROUP BY queue
)
INSERT INTO catena.job_deltas (queue, waiting, discarded)
SELECT queue, waiting, discarded FROM difference WHERE waiting <> 0 OR discarded <> 0";
