//! Every statement of the queue.
//!
//! What a process writes about a job it claimed is fenced by the pair of the job's id and its lease: if the job was
//! taken from the process meanwhile, the statement changes nothing. `id = ANY(..) AND lease = ANY(..)` would be no
//! fence, as a stale pair passes when another pair of the batch has its lease; a join would be one, but planned
//! while the table is empty it walks the whole table ever after.

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _, QueryResult, Queryable,
    pg::Pg,
    sql_types::{Array, BigInt, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use serde::Serialize;
use tokio::join;

use super::{JobId, NewJob, State, statement::statement};
use crate::{db::Connector, error::Result};

/// The number of a claim; a job's lease is that of the last claim that took it.
pub(super) type Lease = i64;

/// The number of a process in `catena.workers`.
pub(super) type WorkerId = i64;

/// How many priorities there are.
pub(super) const PRIORITIES: usize = 4;

/// The channel on which processes tell each other that something was enqueued.
const CHANNEL: &str = "catena_jobs";

/// Opens a connection for the dispatcher, with every statement of [`exchange`] prepared.
///
/// The statements are planned once and kept, so the plans must not depend on what the table holds at that moment:
/// one made on an empty table that was never analysed takes 300 ms a claim on a full one.
pub(super) async fn open_dispatcher(connector: &Connector) -> Result<AsyncPgConnection> {
    let mut connection = connector.connect().await?;
    connection
        .batch_execute(
            "SET statement_timeout = '4s'; SET lock_timeout = '2s'; \
             SET idle_in_transaction_session_timeout = '10s'; SET application_name = 'catena jobs: dispatcher'",
        )
        .await?;
    connection.batch_execute(DISPATCHER_PLANS).await?;
    connection.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    // Statements sent together run in order only if none must be prepared first.
    complete(&connection, &[]).await?;
    fail(&connection, &[]).await?;
    release(&connection, &[]).await?;
    beat(&connection, 0).await?;
    claim(&connection, &Claim { limit: 0, kinds: vec![], worker: 0, low: [0; PRIORITIES] }).await?;
    Ok(connection)
}

/// Keeps the plans of the dispatcher's statements on the indexes.
const DISPATCHER_PLANS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
                                SET enable_bitmapscan = off; SET enable_sort = off; SET enable_hashjoin = off; \
                                SET enable_mergejoin = off";

/// Opens a connection for the loops that keep house.
pub(super) async fn open_housekeeping(connector: &Connector) -> Result<AsyncPgConnection> {
    let mut connection = connector.connect().await?;
    connection
        .batch_execute(
            "SET statement_timeout = '30s'; SET lock_timeout = '5s'; \
             SET idle_in_transaction_session_timeout = '10s'; SET application_name = 'catena jobs: housekeeping'",
        )
        .await?;
    Ok(connection)
}

// --- enqueue ---

/// Enqueues jobs in the connection's transaction and returns their ids, in order.
pub(super) async fn enqueue<C>(connection: &mut C, jobs: Vec<NewJob>) -> QueryResult<Vec<JobId>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    const SQL: &str = "SELECT catena.enqueue($1, $2::jsonb[], $3, $4, $5, $6, $7)";
    let kinds: Vec<_> = jobs.iter().map(|job| job.kind).collect();
    let queues: Vec<_> = jobs.iter().map(|job| job.queue).collect();
    let priorities: Vec<_> = jobs.iter().map(|job| job.priority).collect();
    let max_attempts: Vec<_> = jobs.iter().map(|job| job.max_attempts).collect();
    let run_at: Vec<_> = jobs.iter().map(|job| job.run_at).collect();
    let delay_ms: Vec<_> = jobs.iter().map(|job| job.delay_ms).collect();
    let args: Vec<_> = jobs.into_iter().map(|job| job.args).collect();
    let binds = (
        kinds.into_sql::<Array<Text>>(),
        args.into_sql::<Array<Text>>(),
        queues.into_sql::<Array<Text>>(),
        priorities.into_sql::<Array<SmallInt>>(),
        max_attempts.into_sql::<Array<SmallInt>>(),
        run_at.into_sql::<Array<Nullable<Timestamptz>>>(),
        delay_ms.into_sql::<Array<BigInt>>(),
    );
    statement::<BigInt, _>(SQL, binds).load(connection).await
}

// --- the dispatcher's statements ---

/// A request for due jobs.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// How many at most.
    pub(super) limit: i32,
    /// The kinds this process knows.
    pub(super) kinds: Vec<&'static str>,
    /// Who claims.
    pub(super) worker: WorkerId,
    /// Where to begin in the index, a priority each: microseconds since the year 2000; 0 looks at everything. The
    /// entries of jobs that are done stay at the head of the index until they are vacuumed, and are thus skipped.
    pub(super) low: [i64; PRIORITIES],
}

/// A job that this process may work on.
#[derive(Debug, Queryable)]
pub(super) struct Claimed {
    pub(super) id: JobId,
    pub(super) lease: Lease,
    pub(super) kind: String,
    pub(super) attempt: i16,
    pub(super) max_attempts: i16,
    pub(super) args: String,
    pub(super) run_at: DateTime<Utc>,
    pub(super) priority: i16,
}

/// A failed attempt.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) id: JobId,
    pub(super) lease: Lease,
    /// How long until the next attempt; `None` gives the job up.
    pub(super) delay_ms: Option<i64>,
    pub(super) error: String,
}

/// What the dispatcher has to tell.
#[derive(Debug, Default)]
pub(super) struct Flush {
    pub(super) completed: Vec<(JobId, Lease)>,
    pub(super) failed: Vec<Failed>,
    pub(super) released: Vec<(JobId, Lease)>,
}

impl Flush {
    pub(super) fn len(&self) -> usize {
        self.completed.len() + self.failed.len() + self.released.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What came of an exchange.
#[derive(Debug)]
pub(super) struct Exchanged {
    /// How many entries of the flush were still this process's to write.
    pub(super) accepted: usize,
    /// Whether the process is still among the living.
    pub(super) alive: bool,
    pub(super) claimed: Vec<Claimed>,
}

/// Writes what happened to jobs, beats, and claims new ones: one transaction, sent in one piece.
///
/// The beat comes first, so that a process and its rescuer lock rows in the same order.
pub(super) async fn exchange(
    connection: &AsyncPgConnection,
    flush: &Flush,
    worker: Option<WorkerId>,
    wanted: Option<&Claim>,
) -> QueryResult<Exchanged> {
    let (mut begin, mut commit) = (connection, connection);
    let (begun, beaten, completed, failed, released, claimed, committed) = join!(
        begin.batch_execute("BEGIN"),
        async {
            match worker {
                Some(worker) => beat(connection, worker).await,
                None => Ok(true),
            }
        },
        async {
            if flush.completed.is_empty() { Ok(0) } else { complete(connection, &flush.completed).await }
        },
        async { if flush.failed.is_empty() { Ok(0) } else { fail(connection, &flush.failed).await } },
        async { if flush.released.is_empty() { Ok(0) } else { release(connection, &flush.released).await } },
        async {
            match wanted {
                Some(wanted) => claim(connection, wanted).await,
                None => Ok(Vec::new()),
            }
        },
        commit.batch_execute("COMMIT"),
    );
    begun?;
    let (alive, accepted, claimed) = (beaten?, completed? + failed? + released?, claimed?);
    committed?;
    Ok(Exchanged { accepted, alive, claimed })
}

/// Takes up to `limit` due jobs, by priority, then time. A worker without a row takes none: the lock on its row keeps
/// the rescuer from declaring it dead between the claim and its commit.
pub(super) async fn claim(connection: &AsyncPgConnection, claim: &Claim) -> QueryResult<Vec<Claimed>> {
    let binds = (
        super::QUEUE.into_sql::<Text>(),
        claim.limit.into_sql::<Integer>(),
        claim.kinds.clone().into_sql::<Array<Text>>(),
        claim.worker.into_sql::<BigInt>(),
        claim.low.to_vec().into_sql::<Array<BigInt>>(),
    );
    type Row = (BigInt, BigInt, Text, SmallInt, SmallInt, Text, Timestamptz, SmallInt);
    statement::<Row, _>(CLAIM, binds).load(&mut &*connection).await
}

pub(super) const CLAIM: &str = "\
UPDATE catena.jobs
SET state = 1, attempt = attempt + 1, lease = (SELECT nextval('catena.job_lease_seq')), worker = $4, claimed_at = now()
WHERE id = ANY(ARRAY(
    SELECT due.id
    FROM unnest('{0,1,2,3}'::smallint[], $5) AS p(priority, low)
    CROSS JOIN LATERAL (
        SELECT id FROM catena.jobs
        WHERE queue = $1 AND priority = p.priority AND state = 0
            AND run_at >= timestamptz '2000-01-01 00:00:00+00' + p.low * interval '1 microsecond'
            AND run_at <= now() AND kind = ANY($3)
        ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
    ) due
    WHERE $4 = (SELECT id FROM catena.workers WHERE id = $4 FOR KEY SHARE SKIP LOCKED)
    LIMIT $2
))
RETURNING id, lease, kind, attempt, max_attempts, args::text, run_at, priority";

/// Moves jobs that are done into the history; returns how many pairs were valid.
pub(super) async fn complete(connection: &AsyncPgConnection, pairs: &[(JobId, Lease)]) -> QueryResult<usize> {
    let (ids, leases): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let binds = (ids.into_sql::<Array<BigInt>>(), leases.into_sql::<Array<BigInt>>());
    statement::<(), _>(COMPLETE, binds).execute(&mut &*connection).await
}

pub(super) const COMPLETE: &str = "\
WITH done AS (
    DELETE FROM catena.jobs j
    WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
        AND j.state = 1
    RETURNING j.*
)
INSERT INTO catena.job_history (finished_at, id, run_at, created_at, claimed_at, worker, enqueued_by, priority, attempt,
    max_attempts, state, queue, kind, args)
SELECT now(), id, run_at, created_at, claimed_at, worker, enqueued_by, priority, attempt, max_attempts, 2, queue, kind,
    args
FROM done";

/// Moves one job into the history, inside the transaction that holds its effects; whether it was still ours.
pub(super) async fn complete_one<C>(connection: &mut C, id: JobId, lease: Lease) -> QueryResult<bool>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let binds = (id.into_sql::<BigInt>(), lease.into_sql::<BigInt>());
    Ok(statement::<(), _>(COMPLETE_ONE, binds).execute(connection).await? == 1)
}

const COMPLETE_ONE: &str = "\
WITH done AS (DELETE FROM catena.jobs WHERE id = $1 AND lease = $2 AND state = 1 RETURNING *)
INSERT INTO catena.job_history (finished_at, id, run_at, created_at, claimed_at, worker, enqueued_by, priority, attempt,
    max_attempts, state, queue, kind, args)
SELECT now(), id, run_at, created_at, claimed_at, worker, enqueued_by, priority, attempt, max_attempts, 2, queue, kind,
    args
FROM done";

/// Records failed attempts; returns how many were still ours. No id may occur twice.
///
/// A job keeps its lease when it goes back to waiting: without state 1 a lease is worth nothing, and the errors are
/// matched by it.
pub(super) async fn fail(connection: &AsyncPgConnection, failed: &[Failed]) -> QueryResult<usize> {
    let ids: Vec<_> = failed.iter().map(|job| job.id).collect();
    let leases: Vec<_> = failed.iter().map(|job| job.lease).collect();
    let delays: Vec<_> = failed.iter().map(|job| job.delay_ms).collect();
    let errors: Vec<_> = failed.iter().map(|job| job.error.clone()).collect();
    let binds = (
        ids.into_sql::<Array<BigInt>>(),
        leases.into_sql::<Array<BigInt>>(),
        delays.into_sql::<Array<Nullable<BigInt>>>(),
        errors.into_sql::<Array<Text>>(),
    );
    statement::<(), _>(FAIL, binds).execute(&mut &*connection).await
}

pub(super) const FAIL: &str = "\
WITH failed AS (
    UPDATE catena.jobs j
    SET worker = NULL,
        state = CASE WHEN ($3)[array_position($1, j.id)] IS NULL THEN 4 ELSE 0 END,
        finished_at = CASE WHEN ($3)[array_position($1, j.id)] IS NULL THEN now() END,
        run_at = coalesce(now() + ($3)[array_position($1, j.id)] * interval '1 millisecond', j.run_at)
    WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
        AND j.state = 1
    RETURNING j.id, j.attempt
)
INSERT INTO catena.job_errors (job_id, attempt, error)
SELECT id, attempt, ($4)[array_position($1, id)] FROM failed";

/// Gives interrupted jobs back as if they had not been claimed; returns how many were still ours.
pub(super) async fn release(connection: &AsyncPgConnection, pairs: &[(JobId, Lease)]) -> QueryResult<usize> {
    let (ids, leases): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let binds = (ids.into_sql::<Array<BigInt>>(), leases.into_sql::<Array<BigInt>>());
    statement::<(), _>(RELEASE, binds).execute(&mut &*connection).await
}

pub(super) const RELEASE: &str = "\
UPDATE catena.jobs j SET state = 0, attempt = attempt - 1, worker = NULL
WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
    AND j.state = 1";

// --- processes ---

/// Says that the process lives; false if it has been declared dead.
pub(super) async fn beat(connection: &AsyncPgConnection, worker: WorkerId) -> QueryResult<bool> {
    const SQL: &str = "UPDATE catena.workers SET beat_at = now() WHERE id = $1";
    let binds = (worker.into_sql::<BigInt>(),);
    Ok(statement::<(), _>(SQL, binds).execute(&mut &*connection).await? == 1)
}

/// Enters the process under a new number. With an old number, which a lost connection may still be claiming for, the
/// jobs in `held` move to the new one and all others of the old one go back to the queue.
pub(super) async fn register(
    connection: &AsyncPgConnection,
    name: &str,
    old: Option<WorkerId>,
    held: &[(JobId, Lease)],
) -> QueryResult<WorkerId> {
    const ENTER: &str = "INSERT INTO catena.workers (name) VALUES ($1) RETURNING id";
    // Waits for a claim that is under way; one that begins later finds no row.
    const REMOVE: &str = "DELETE FROM catena.workers WHERE id = $1";
    const ADOPT: &str = "UPDATE catena.jobs j SET worker = $3 \
        WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE \
        AND j.state = 1";
    const RETURN: &str = "UPDATE catena.jobs SET state = 0, attempt = attempt - 1, worker = NULL WHERE state = 1 AND worker = $1";
    let mut shared = connection;
    shared.batch_execute("BEGIN").await?;
    let new: WorkerId =
        statement::<BigInt, _>(ENTER, (name.into_sql::<Text>(),)).get_result(&mut shared).await?;
    if let Some(old) = old {
        statement::<(), _>(REMOVE, (old.into_sql::<BigInt>(),)).execute(&mut shared).await?;
        let (ids, leases): (Vec<_>, Vec<_>) = held.iter().copied().unzip();
        let binds =
            (ids.into_sql::<Array<BigInt>>(), leases.into_sql::<Array<BigInt>>(), new.into_sql::<BigInt>());
        statement::<(), _>(ADOPT, binds).execute(&mut shared).await?;
        statement::<(), _>(RETURN, (old.into_sql::<BigInt>(),)).execute(&mut shared).await?;
    }
    shared.batch_execute("COMMIT").await?;
    Ok(new)
}

/// Takes the process off the list; it must hold no jobs.
pub(super) async fn deregister(connection: &AsyncPgConnection, worker: WorkerId) -> QueryResult<()> {
    const SQL: &str = "DELETE FROM catena.workers WHERE id = $1";
    statement::<(), _>(SQL, (worker.into_sql::<BigInt>(),)).execute(&mut &*connection).await?;
    Ok(())
}

/// A job taken back from a process that vanished.
#[derive(Debug, Queryable)]
pub(super) struct Rescued {
    pub(super) id: JobId,
    pub(super) kind: String,
    pub(super) worker: WorkerId,
    /// Whether the lost attempt was its last.
    pub(super) discarded: bool,
}

/// Removes processes that have not beaten for 8 s and returns their jobs, to be called inside a transaction.
///
/// Two statements: the second must see everything that the processes claimed before the first locked their rows.
pub(super) async fn rescue(connection: &mut AsyncPgConnection) -> QueryResult<Vec<Rescued>> {
    const DEAD: &str = "DELETE FROM catena.workers WHERE id = ANY(ARRAY( \
        SELECT id FROM catena.workers WHERE beat_at < now() - interval '8 s' FOR UPDATE SKIP LOCKED)) RETURNING id";
    let dead: Vec<WorkerId> = statement::<BigInt, _>(DEAD, ()).load(connection).await?;
    if dead.is_empty() {
        return Ok(Vec::new());
    }
    let binds = (dead.into_sql::<Array<BigInt>>(),);
    statement::<(BigInt, Text, BigInt, diesel::sql_types::Bool), _>(RESCUE, binds).load(connection).await
}

const RESCUE: &str = "\
WITH orphan AS (
    SELECT id, worker FROM catena.jobs WHERE state = 1 AND worker = ANY($1) FOR UPDATE
), rescued AS (
    UPDATE catena.jobs j
    SET state = CASE WHEN attempt >= max_attempts THEN 4 ELSE 0 END,
        finished_at = CASE WHEN attempt >= max_attempts THEN now() END, worker = NULL
    FROM orphan WHERE j.id = orphan.id
    RETURNING j.id, j.kind, orphan.worker, j.attempt, j.state
), recorded AS (
    INSERT INTO catena.job_errors (job_id, attempt, error) SELECT id, attempt, 'worker vanished' FROM rescued
)
SELECT id, kind, worker, state = 4 FROM rescued";

// --- schedules ---

/// A schedule whose time has come.
#[derive(Debug, Queryable)]
pub(super) struct Due {
    pub(super) kind: String,
    pub(super) cron: String,
    /// The time of the database.
    pub(super) now: DateTime<Utc>,
}

/// The time of the database.
pub(super) async fn now(connection: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    statement::<Timestamptz, _>("SELECT now()", ()).get_result(connection).await
}

/// Enters a schedule, or gives it a new expression and a new time if the expression has changed.
pub(super) async fn declare(
    connection: &mut AsyncPgConnection,
    kind: &str,
    cron: &str,
    next_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    const SQL: &str = "INSERT INTO catena.schedules AS s (kind, cron, next_at) VALUES ($1, $2, coalesce($3, 'infinity')) \
        ON CONFLICT (kind) DO UPDATE SET cron = excluded.cron, next_at = excluded.next_at \
        WHERE s.cron <> excluded.cron";
    let binds =
        (kind.into_sql::<Text>(), cron.into_sql::<Text>(), next_at.into_sql::<Nullable<Timestamptz>>());
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}

/// Locks the due schedules among `kinds` that no other process is firing.
pub(super) async fn lock_due(
    connection: &mut AsyncPgConnection,
    kinds: &[&'static str],
) -> QueryResult<Vec<Due>> {
    const SQL: &str = "SELECT kind, cron, now() FROM catena.schedules WHERE kind = ANY($1) AND next_at <= now() \
        ORDER BY kind FOR UPDATE SKIP LOCKED";
    let binds = (kinds.to_vec().into_sql::<Array<Text>>(),);
    statement::<(Text, Text, Timestamptz), _>(SQL, binds).load(connection).await
}

/// Sets when a schedule fires next; `None` for never.
pub(super) async fn advance(
    connection: &mut AsyncPgConnection,
    kind: &str,
    next_at: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    const SQL: &str = "UPDATE catena.schedules SET next_at = coalesce($2, 'infinity'), fired_at = now() \
        WHERE kind = $1";
    let binds = (kind.into_sql::<Text>(), next_at.into_sql::<Nullable<Timestamptz>>());
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}

/// Milliseconds until the next schedule among `kinds` is due, if any ever is.
pub(super) async fn next_due_ms(
    connection: &mut AsyncPgConnection,
    kinds: &[&'static str],
) -> QueryResult<Option<i64>> {
    const SQL: &str = "SELECT (extract(epoch FROM min(next_at) - clock_timestamp()) * 1000)::bigint \
        FROM catena.schedules WHERE kind = ANY($1) AND isfinite(next_at)";
    let binds = (kinds.to_vec().into_sql::<Array<Text>>(),);
    statement::<Nullable<BigInt>, _>(SQL, binds).get_result(connection).await
}

// --- other processes ---

/// Tells other processes that something was enqueued; `from` lets the sender know its own call.
pub(super) async fn announce(connection: &mut AsyncPgConnection, from: &str) -> QueryResult<()> {
    const SQL: &str = "SELECT pg_notify($1, $2)";
    let binds = (CHANNEL.into_sql::<Text>(), from.into_sql::<Text>());
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}

// --- retention ---

/// Makes the history's partitions of the coming days and drops those older than `keep_days`.
pub(super) async fn rotate_history(connection: &mut AsyncPgConnection, keep_days: i32) -> QueryResult<()> {
    const SQL: &str = "SELECT catena.rotate_job_history($1)";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await?;
    Ok(())
}

/// Deletes up to 5000 jobs that were given up more than `keep_days` ago; returns how many.
pub(super) async fn delete_discarded(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.jobs WHERE id = ANY(ARRAY( \
        SELECT id FROM catena.jobs WHERE state = 4 AND finished_at < now() - $1 * interval '1 day' LIMIT 5000))";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await
}

/// Deletes up to 5000 errors older than `keep_days`; returns how many.
pub(super) async fn delete_errors(connection: &mut AsyncPgConnection, keep_days: i32) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.job_errors WHERE ctid = ANY(ARRAY( \
        SELECT ctid FROM catena.job_errors WHERE at < now() - $1 * interval '1 day' LIMIT 5000))";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await
}

/// Deletes up to 1000 sessions, and as many one-time tokens, that have expired; returns how many.
pub(super) async fn delete_expired_credentials(connection: &mut AsyncPgConnection) -> QueryResult<usize> {
    let deleted: i64 =
        statement::<BigInt, _>("SELECT catena.prune_credentials($1)", (1000.into_sql::<Integer>(),))
            .get_result(connection)
            .await?;
    Ok(usize::try_from(deleted).unwrap_or(0))
}

// --- listing ---

/// Which jobs to list.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// Only this one.
    pub(crate) id: Option<JobId>,
    /// Only those in this state.
    pub(crate) state: Option<State>,
    /// Only those of this name.
    pub(crate) kind: Option<String>,
    /// How many at most; the newest come first.
    pub(crate) limit: i64,
}

impl Default for Filter {
    fn default() -> Self {
        Self { id: None, state: None, kind: None, limit: 100 }
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
    /// When it is or was due.
    pub(crate) run_at: DateTime<Utc>,
    /// When it was completed, cancelled or discarded.
    pub(crate) finished_at: Option<DateTime<Utc>>,
    /// What went wrong, in the order of the attempts.
    pub(crate) errors: Vec<JobError>,
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
    );
    type Row = (
        (BigInt, Text, Text, Text, SmallInt, SmallInt, SmallInt),
        (Timestamptz, Timestamptz, Nullable<Timestamptz>, Jsonb),
    );
    type Values = (
        (JobId, String, String, String, i16, i16, i16),
        (DateTime<Utc>, DateTime<Utc>, Option<DateTime<Utc>>, serde_json::Value),
    );
    let rows: Vec<Values> = statement::<Row, _>(LIST, binds).load(connection).await?;
    rows.into_iter()
        .map(|row| {
            let ((id, kind, queue, state, priority, attempts, max_attempts), rest) = row;
            let (created_at, run_at, finished_at, errors) = rest;
            let state = state.parse().map_err(crate::Error::internal)?;
            let errors = serde_json::from_value(errors).map_err(crate::Error::internal)?;
            Ok(JobRow {
                id,
                kind,
                queue,
                state,
                priority,
                attempts,
                max_attempts,
                created_at,
                run_at,
                finished_at,
                errors,
            })
        })
        .collect()
}

const LIST: &str = "\
WITH every AS (
    SELECT id, kind, queue, priority, attempt, max_attempts, created_at, run_at, finished_at,
        CASE state
            WHEN 1 THEN 'executing'
            WHEN 4 THEN 'discarded'
            ELSE CASE WHEN run_at <= now() THEN 'available' WHEN attempt = 0 THEN 'scheduled' ELSE 'retryable' END
        END AS state
    FROM catena.jobs
    UNION ALL
    SELECT id, kind, queue, priority, attempt, max_attempts, created_at, run_at, finished_at,
        CASE state WHEN 2 THEN 'completed' ELSE 'cancelled' END
    FROM catena.job_history
), chosen AS (
    SELECT * FROM every
    WHERE ($1 IS NULL OR id = $1) AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR kind = $3)
    ORDER BY id DESC LIMIT $4
)
SELECT id, kind, queue, state, priority, attempt, max_attempts, created_at, run_at, finished_at, coalesce((
    SELECT jsonb_agg(jsonb_build_object('attempt', e.attempt, 'at', e.at, 'error', e.error) ORDER BY e.at)
    FROM catena.job_errors e WHERE e.job_id = chosen.id), '[]')
FROM chosen ORDER BY id DESC";
