//! The processes that work on jobs: who lives, and what is taken back from who does not.

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _, QueryResult, Queryable,
    sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};

use super::{Alone, CHANNEL, Lease, WorkerId};
use crate::{
    error::Result,
    jobs::{JobId, statement::statement},
};

/// A sign of life.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Beat<'a> {
    /// Whether the process claims nothing but jobs that must run alone.
    pub(in crate::jobs) is_alone: bool,
    /// How many jobs of which queue it runs.
    pub(in crate::jobs) running: &'a [(&'static str, i32)],
    /// Which of those it could run.
    pub(in crate::jobs) alone: &'a Alone,
}

/// Says that the process lives; false if it has been declared dead.
pub(in crate::jobs) async fn beat(
    connection: &AsyncPgConnection,
    worker: WorkerId,
    is_alone: bool,
    running: &[(&'static str, i32)],
) -> QueryResult<bool> {
    const SQL: &str =
        "UPDATE catena.workers SET beat_at = now(), alone = $2, queues = $3, running = $4 WHERE id = $1";
    let (queues, running): (Vec<_>, Vec<_>) = running.iter().copied().unzip();
    let binds = (
        worker.into_sql::<BigInt>(),
        is_alone.into_sql::<Bool>(),
        queues.into_sql::<Array<Text>>(),
        running.into_sql::<Array<Integer>>(),
    );
    Ok(statement::<(), _>(SQL, binds).execute(&mut &*connection).await? == 1)
}

/// How a process has entered.
#[derive(Debug)]
pub(in crate::jobs) struct Entered {
    pub(in crate::jobs) worker: WorkerId,
    /// Whether it had been declared dead meanwhile, and its jobs taken back.
    pub(in crate::jobs) was_dead: bool,
}

/// Enters the process under a new number. If it does so `again`, after a lost connection which may still be claiming for
/// it, the jobs in `held` move to the new number and all others of old ones go back to the queue.
pub(in crate::jobs) async fn register(
    connection: &AsyncPgConnection,
    begin: &str,
    name: &str,
    again: bool,
    held: &[(JobId, Lease)],
) -> QueryResult<Entered> {
    // What was sent on the old connection and is still on its way must not arrive. Nor may its end be waited for: on a
    // network that fell silent it takes hours.
    const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
        WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid() \
            AND application_name LIKE '%: dispatcher ' || $1";
    // Waits for a claim that is under way; one that begins later finds no row. By name: an entry may have been committed
    // without an answer.
    const REMOVE: &str = "DELETE FROM catena.workers WHERE name = $1 RETURNING id";
    const ENTER: &str = "INSERT INTO catena.workers (name) VALUES ($1) RETURNING id";
    const ADOPT: &str = "UPDATE catena.jobs j SET worker = $3 \
        WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE \
        AND j.state = 1";
    const RETURN: &str = concat!(
        "WITH returned AS (UPDATE catena.jobs SET state = CASE WHEN crashes > 0 THEN 5 ELSE 0 END, attempt = attempt - 1, \
        worker = NULL, run_at = least(run_at, now()) WHERE state = 1 AND worker = ANY($1) RETURNING queue)",
        with_counts!("returned", waiting: "count(*)"),
        "SELECT FROM returned"
    );
    let mut shared = connection;
    if again {
        let _: i64 = statement::<BigInt, _>(END, (name.into_sql::<Text>(),)).get_result(&mut shared).await?;
    }
    shared.batch_execute(begin).await?;
    let mut old: Vec<WorkerId> = Vec::new();
    if again {
        old = statement::<BigInt, _>(REMOVE, (name.into_sql::<Text>(),)).load(&mut shared).await?;
    }
    let worker: WorkerId =
        statement::<BigInt, _>(ENTER, (name.into_sql::<Text>(),)).get_result(&mut shared).await?;
    let was_dead = again && old.is_empty();
    if !old.is_empty() {
        let (ids, leases): (Vec<_>, Vec<_>) = held.iter().copied().unzip();
        let binds = (
            ids.into_sql::<Array<BigInt>>(),
            leases.into_sql::<Array<BigInt>>(),
            worker.into_sql::<BigInt>(),
        );
        statement::<(), _>(ADOPT, binds).execute(&mut shared).await?;
        statement::<(), _>(RETURN, (old.into_sql::<Array<BigInt>>(),)).execute(&mut shared).await?;
    }
    shared.batch_execute("COMMIT").await?;
    Ok(Entered { worker, was_dead })
}

/// Takes the process off the list; it must hold no jobs.
pub(in crate::jobs) async fn deregister(connection: &AsyncPgConnection, worker: WorkerId) -> QueryResult<()> {
    const SQL: &str = "DELETE FROM catena.workers WHERE id = $1";
    statement::<(), _>(SQL, (worker.into_sql::<BigInt>(),)).execute(&mut &*connection).await?;
    Ok(())
}

/// The last sign of life of a process.
#[derive(Clone, Debug, Queryable)]
pub(in crate::jobs) struct Sign {
    pub(in crate::jobs) id: WorkerId,
    pub(in crate::jobs) name: String,
    pub(in crate::jobs) beat_at: DateTime<Utc>,
}

/// The last sign of life of every process, and the time of the database.
pub(in crate::jobs) async fn signs(
    connection: &mut AsyncPgConnection,
) -> QueryResult<(DateTime<Utc>, Vec<Sign>)> {
    const SQL: &str = "SELECT id, name, beat_at FROM catena.workers";
    const NOW: &str = "SELECT clock_timestamp()";
    let signs = statement::<(BigInt, Text, Timestamptz), _>(SQL, ()).load(connection).await?;
    Ok((statement::<Timestamptz, _>(NOW, ()).get_result(connection).await?, signs))
}

/// A job taken back from a process that vanished.
#[derive(Debug, Queryable)]
pub(in crate::jobs) struct Rescued {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) kind: String,
    pub(in crate::jobs) worker: WorkerId,
    /// Whether it is given up, as it was alone in its process once too often.
    pub(in crate::jobs) discarded: bool,
}

/// Ends every session of these processes. Whatever they had begun is undone then, and its locks are in nobody's way:
/// neither those on the jobs that are to be taken back, nor those on what the jobs were changing.
pub(in crate::jobs) async fn end_sessions(
    connection: &mut AsyncPgConnection,
    dead: &[&Sign],
) -> QueryResult<()> {
    // One that has entered again under a new number lives.
    const SQL: &str = "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a JOIN unnest($1) AS dead (name) \
        ON a.application_name LIKE '%' || dead.name \
        WHERE a.datname = current_database() AND a.usename = current_user AND a.pid <> pg_backend_pid() \
            AND (SELECT count(*) FROM catena.workers w WHERE w.name = dead.name) < 2";
    let names: Vec<_> = dead.iter().map(|sign| sign.name.as_str()).collect();
    let _: i64 =
        statement::<BigInt, _>(SQL, (names.into_sql::<Array<Text>>(),)).get_result(connection).await?;
    Ok(())
}

/// Removes those of these processes that have not beaten since and returns their jobs, to be called inside a transaction.
/// Attempts that were lost do not count; the jobs run alone from now on, and are given up when processes have vanished
/// three times that did nothing else.
///
/// Two statements: the second must see everything that the processes claimed before the first locked their rows.
pub(in crate::jobs) async fn rescue(
    connection: &mut AsyncPgConnection,
    dead: &[&Sign],
) -> QueryResult<Vec<Rescued>> {
    const DEAD: &str = "DELETE FROM catena.workers WHERE id = ANY(ARRAY( \
        SELECT w.id FROM catena.workers w JOIN unnest($1, $2) AS dead (id, beat_at) USING (id, beat_at) \
        FOR UPDATE OF w SKIP LOCKED)) RETURNING id";
    let (ids, beats): (Vec<_>, Vec<_>) = dead.iter().map(|sign| (sign.id, sign.beat_at)).unzip();
    let binds = (ids.into_sql::<Array<BigInt>>(), beats.into_sql::<Array<Timestamptz>>());
    let dead: Vec<WorkerId> = statement::<BigInt, _>(DEAD, binds).load(connection).await?;
    if dead.is_empty() {
        return Ok(Vec::new());
    }
    let binds = (dead.into_sql::<Array<BigInt>>(),);
    statement::<(BigInt, Text, BigInt, Bool), _>(RESCUE, binds).load(connection).await
}

const RESCUE: &str = concat!(
    "\
WITH orphan AS (
    SELECT id, worker FROM catena.jobs WHERE state = 1 AND worker = ANY($1) FOR UPDATE
), rescued AS (
    UPDATE catena.jobs j
    SET state = CASE WHEN crashes >= 3 THEN 4 ELSE 5 END,
        finished_at = CASE WHEN crashes >= 3 THEN now() END, worker = NULL,
        attempt = attempt - 1, crashes = crashes + 1, run_at = least(run_at, now())
    FROM orphan WHERE j.id = orphan.id
    RETURNING j.id, j.kind, j.queue, orphan.worker, j.attempt, j.state, CASE j.state WHEN 4 THEN j.batch END AS batch
), recorded AS (
    INSERT INTO catena.job_errors (job_id, attempt, error) SELECT id, attempt + 1,
        CASE state WHEN 4 THEN 'worker vanished for the third time while it ran nothing but this job, which is given up'
            ELSE 'worker vanished' END
    FROM rescued
)",
    with_ends!("rescued", 4),
    with_counts!("rescued", waiting: "count(*) FILTER (WHERE state = 5)", discarded: "count(*) FILTER (WHERE state = 4)"),
    "SELECT id, kind, worker, state = 4 FROM rescued"
);

/// Tells other processes that something was enqueued; `from` lets the sender know its own call.
pub(crate) async fn announce(connection: &mut AsyncPgConnection, from: &str) -> Result<()> {
    const SQL: &str = "SELECT pg_notify($1, $2)";
    let binds = (CHANNEL.into_sql::<Text>(), from.into_sql::<Text>());
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}
