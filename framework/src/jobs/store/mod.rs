//! Every statement of the queue.

/// The end of a statement that has deleted the jobs `done`: they move into the history, in this state. Their arguments stay
/// as they are, or without what is secret of them, as far as any program has said of the kind.
macro_rules! into_history {
    ($state:literal) => {
        into_history!($state, "args")
    };
    ($state:literal, without_secrets) => {
        into_history!(
            $state,
            "(SELECT CASE WHEN s.names = '{}' THEN done.args
            WHEN '' = ANY(s.names) OR jsonb_typeof(done.args) <> 'object' THEN 'null'
            ELSE done.args - s.names END
        FROM (SELECT coalesce(array_agg(n.name), '{}') AS names
            FROM catena.job_kinds k CROSS JOIN LATERAL unnest(k.secrets) AS n(name) WHERE k.kind = done.kind) s)"
        )
    };
    ($state:literal, $args:literal) => {
        concat!(
            "INSERT INTO catena.job_history (finished_at, id, run_at, created_at, claimed_at, worker, enqueued_by,
    priority, attempt, max_attempts, state, queue, kind, args)
SELECT now(), id, run_at, created_at, claimed_at, worker, enqueued_by, priority, attempt, max_attempts, ",
            $state,
            ", queue, kind, ",
            $args,
            "
FROM done"
        )
    };
}

/// A part of a statement that has deleted the jobs `done`: their steps go with them.
macro_rules! with_steps {
    () => {
        ", steps AS (DELETE FROM catena.job_steps WHERE job_id = ANY(ARRAY(SELECT id FROM done WHERE stepped)))\n"
    };
}

/// The columns of a [`Claimed`], in their order.
macro_rules! claimed_columns {
    () => {
        "id, lease, queue, kind, attempt, max_attempts, args::text, run_at, priority, crashes, version, batch,
    concurrency_key, stepped"
    };
}

/// A part of a statement that has ended the jobs `$ended`, in this state: those that are members of a batch are counted.
/// Of others, `$ended` may give NULL for `batch`.
macro_rules! with_ends {
    ($ended:literal, $state:literal) => {
        concat!(
            ", ends AS (INSERT INTO catena.batch_ends (batch, state, jobs) SELECT batch, ",
            $state,
            ", count(*) FROM ",
            $ended,
            " WHERE batch > 0 GROUP BY batch)\n"
        )
    };
}

/// A part of a statement that has changed how many jobs wait and how many are given up: of each queue of `$changed`, by how
/// much. It is the last of them.
macro_rules! with_counts {
    ($changed:literal, waiting: $waiting:literal) => {
        with_counts!($changed, waiting: $waiting, discarded: "0")
    };
    ($changed:literal, waiting: $waiting:literal, discarded: $discarded:literal) => {
        concat!(
            ", counted AS (INSERT INTO catena.job_deltas (queue, waiting, discarded) SELECT queue, ",
            $waiting,
            ", ",
            $discarded,
            " FROM ",
            $changed,
            " GROUP BY queue)\n"
        )
    };
}

mod admin;
pub(super) mod alone;
pub(super) mod batches;
pub(super) mod cancel;
pub(super) mod claim;
mod clock;
pub(super) mod concurrency;
pub(super) mod counts;
mod enqueue;
pub(super) mod finish;
mod kinds;
mod list;
mod progress;
mod queues;
mod retention;
mod schedule;
mod steps;
pub(super) mod unique;
mod workers;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use tokio::join;

pub(crate) use admin::{ScheduleRow, discard_jobs, retry_jobs, schedules, select};
pub(super) use alone::{Alone, claim_alone, may_be_alone};
pub(super) use batches::{batch, delete_batches, delete_stray_ends, fold};
pub(crate) use cancel::cancel_jobs;
pub(super) use cancel::{CANCELLED, cancel_waiting, to_stop};
pub(super) use claim::{Claim, Claimed, PRIORITIES, Share, claim};
pub(super) use clock::follow_clock;
pub(super) use concurrency::{Limit, claim_keyed, sweep_blocked};
pub(super) use counts::fold_counts;
pub(crate) use counts::{QueueStats, recount, stats};
pub(super) use enqueue::{PIECE, enqueue, enqueue_batch};
pub(super) use finish::{
    Cancelled, Completion, Failed, Flush, Released, cancel, complete, complete_one, fail, is_lost, release,
};
pub(super) use kinds::{DeclaredKind, Waiting, declare_kinds, delete_kinds, waiting};
pub(crate) use list::{Filter, JobBatch, JobProgress, JobRow, list};
pub(super) use progress::{delete_progress, note_progress};
pub(super) use queues::move_strays;
pub(crate) use queues::{pause, resume};
pub(super) use retention::{
    Rotated, delete_discarded, delete_errors, delete_expired_credentials, rotate_history,
};
pub(super) use schedule::{
    Declared, Release, abandon, advance, declare, enter_release, lock_due, next_due_ms, now, of_newer,
};
pub(super) use steps::{NewStep, Stored, delete_orphan_steps, finish_step, steps};
pub(super) use unique::sweep_unique;
pub(crate) use workers::announce;
pub(super) use workers::{
    Beat, Entered, Rescued, Sign, beat, deregister, end_sessions, register, rescue, signs,
};

use super::JobId;
use crate::{db::Connector, error::Result};

/// The number of a claim; a job's lease is that of the last claim that took it.
pub(super) type Lease = i64;

/// The number of a process in `catena.workers`.
pub(super) type WorkerId = i64;

/// The channel on which processes tell each other that something was enqueued.
const CHANNEL: &str = "catena_jobs";

/// The dispatcher's connection.
pub(super) struct Dispatch {
    pub(super) connection: AsyncPgConnection,
    /// What each transaction begins with.
    pub(super) begin: String,
    /// Why it does not hear what other processes tell it, if so: some servers and poolers refuse to listen.
    pub(super) deaf: Option<String>,
}

/// Opens a connection for the dispatcher, with every statement of [`exchange`] and of [`claim_keyed`] prepared.
///
/// The statements are planned once and kept, so the plans must not depend on what the table holds at that moment:
/// one made on an empty table that was never analysed takes 300 ms a claim on a full one.
pub(super) async fn open_dispatcher(connector: &Connector, process: &str) -> Result<Dispatch> {
    let name = format!("application_name = 'catena jobs: dispatcher {process}'");
    let mut settings = DISPATCHER.to_vec();
    settings.push(&name);
    let (mut connection, begin) = connector.connect_set(&settings).await?;
    let deaf = if connector.is_shared() {
        Some("a pooler hands its sessions to others".to_owned())
    } else {
        // If it fails because the connection is lost, what follows fails, too.
        connection.batch_execute(&format!("LISTEN {CHANNEL}")).await.err().map(|error| error.to_string())
    };
    connection.batch_execute(&begin).await?;
    // Statements sent together run in order only if none must be prepared first.
    for completion in Completion::ALL {
        for counts in [false, true] {
            complete(&connection, completion, counts, &[]).await?;
        }
    }
    fail(&connection, &[]).await?;
    cancel(&connection, &[]).await?;
    to_stop(&connection, 0).await?;
    release(&connection, &[]).await?;
    beat(&connection, 0, false, &[]).await?;
    may_be_alone(&connection, &Alone::default()).await?;
    claim(&connection, &Claim::default()).await?;
    concurrency::keyed(&connection, &[], &Claim::default(), &[]).await?;
    connection.batch_execute("COMMIT").await?;
    Ok(Dispatch { connection, begin, deaf })
}

/// What holds in the dispatcher's transactions: its limits, and what keeps the plans of its statements on the indexes. What
/// is switched off here has a cost of its own that looks worth compiling, which takes 250 ms.
const DISPATCHER: [&str; 10] = [
    "statement_timeout = '4s'",
    "lock_timeout = '2s'",
    "idle_in_transaction_session_timeout = '10s'",
    "plan_cache_mode = force_generic_plan",
    "enable_seqscan = off",
    "enable_bitmapscan = off",
    "enable_sort = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "jit = off",
];

/// Opens a connection for the loops that keep house; returns what transactions begin with, too.
pub(super) async fn open_housekeeping(connector: &Connector) -> Result<(AsyncPgConnection, String)> {
    const SETTINGS: [&str; 4] = [
        "statement_timeout = '30s'",
        "lock_timeout = '5s'",
        "idle_in_transaction_session_timeout = '10s'",
        "application_name = 'catena jobs: housekeeping'",
    ];
    connector.connect_set(&SETTINGS).await
}

/// What came of an exchange.
#[derive(Debug)]
pub(super) struct Exchanged {
    /// How many entries of the flush were still this process's to write.
    pub(super) accepted: usize,
    /// Whether the process is still among the living.
    pub(super) alive: bool,
    /// Whether there are jobs that this process may run alone, if it was asked.
    pub(super) may_be_alone: bool,
    /// Jobs of this process that somebody cancelled, if it was asked.
    pub(super) to_stop: Vec<(JobId, Lease)>,
    pub(super) claimed: Vec<Claimed>,
}

/// Writes what happened to jobs, beats and asks which are to stop or to run alone, and claims new ones: one transaction,
/// sent in one piece.
///
/// The beat comes first, so that a process and its rescuer lock rows in the same order. `start` begins the transaction.
pub(super) async fn exchange(
    connection: &AsyncPgConnection,
    start: &str,
    flush: &Flush,
    beats: Option<Beat<'_>>,
    wanted: Option<&Claim>,
) -> QueryResult<Exchanged> {
    let (mut begin, mut commit) = (connection, connection);
    let (begun, beaten, looked, completed, failed, cancelled, released, stopping, claimed, committed) = join!(
        begin.batch_execute(start),
        async {
            match beats {
                Some(Beat { is_alone, running, alone }) => {
                    beat(connection, alone.worker, is_alone, running).await
                }
                None => Ok(true),
            }
        },
        async {
            match beats {
                Some(Beat { alone, .. }) => may_be_alone(connection, alone).await,
                None => Ok(false),
            }
        },
        complete_all(connection, flush),
        async { if flush.failed.is_empty() { Ok(0) } else { fail(connection, &flush.failed).await } },
        async { if flush.cancelled.is_empty() { Ok(0) } else { cancel(connection, &flush.cancelled).await } },
        async { if flush.released.is_empty() { Ok(0) } else { release(connection, &flush.released).await } },
        async {
            match beats {
                Some(Beat { alone, .. }) => to_stop(connection, alone.worker).await,
                None => Ok(Vec::new()),
            }
        },
        async {
            match wanted {
                Some(wanted) => claim(connection, wanted).await,
                None => Ok(Vec::new()),
            }
        },
        commit.batch_execute("COMMIT"),
    );
    begun?;
    let accepted = completed? + failed? + cancelled? + released?;
    let (alive, may_be_alone, to_stop, claimed) = (beaten?, looked?, stopping?, claimed?);
    committed?;
    Ok(Exchanged { accepted, alive, may_be_alone, to_stop, claimed })
}

/// Takes jobs that are done out of the queue, those of each list by its statement.
async fn complete_all(
    connection: &AsyncPgConnection,
    Flush { completed, counts, .. }: &Flush,
) -> QueryResult<usize> {
    let one = |which: usize| async move {
        match &completed[which][..] {
            [] => Ok(0),
            pairs => complete(connection, Completion::ALL[which], *counts, pairs).await,
        }
    };
    let (plain, stepped, dropped, dropped_stepped, wiped, wiped_stepped) =
        join!(one(0), one(1), one(2), one(3), one(4), one(5));
    Ok(plain? + stepped? + dropped? + dropped_stepped? + wiped? + wiped_stepped?)
}
