//! Writing what became of jobs.
//!
//! What a process writes about a job it claimed is fenced by the pair of the job's id and its lease: if the job was
//! taken from the process meanwhile, the statement changes nothing. `id = ANY(..) AND lease = ANY(..)` would be no
//! fence, as a stale pair passes when another pair of the batch has its lease; a join would be one, but planned
//! while the table is empty it walks the whole table ever after.

use std::error::Error as _;

use diesel::{
    IntoSql as _, QueryResult,
    result::Error as DieselError,
    sql_types::{Array, BigInt, Nullable, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use super::{Claimed, Lease};
use crate::{
    db::Last,
    error::Error,
    jobs::{JobId, statement::statement},
};

/// A failed attempt.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Failed {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) lease: Lease,
    /// How long until the next attempt; `None` gives the job up.
    pub(in crate::jobs) delay_ms: Option<i64>,
    pub(in crate::jobs) error: String,
}

/// A job that was stopped for good.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Cancelled {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) lease: Lease,
    /// What the handler said to it, if anything.
    pub(in crate::jobs) error: Option<String>,
}

/// An attempt that does not count.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Released {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) lease: Lease,
    /// How long until the next attempt; `None` leaves the job where it was in the queue.
    pub(in crate::jobs) delay_ms: Option<i64>,
}

/// What the completion of a job has to do besides taking it out of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) struct Completion {
    /// Whether it moves into the history.
    pub(in crate::jobs) kept: bool,
    /// Whether it may have steps, which are deleted.
    pub(in crate::jobs) stepped: bool,
    /// Whether something in its arguments is secret, and does not move with it.
    pub(in crate::jobs) secret: bool,
}

impl Completion {
    /// Every one, in the order of [`Flush::completed`].
    pub(in crate::jobs) const ALL: [Self; 6] = [
        Self { kept: true, stepped: false, secret: false },
        Self { kept: true, stepped: true, secret: false },
        Self { kept: false, stepped: false, secret: false },
        Self { kept: false, stepped: true, secret: false },
        Self { kept: true, stepped: false, secret: true },
        Self { kept: true, stepped: true, secret: true },
    ];

    /// Its place in [`Completion::ALL`]; what is not kept needs no wiping.
    fn index(self) -> usize {
        let first = match self {
            Self { kept: false, .. } => 2,
            Self { secret: true, .. } => 4,
            Self { .. } => 0,
        };
        first + usize::from(self.stepped)
    }

    /// The statement for many jobs, by their ids and leases; `counts` if some of them are part of batches.
    pub(in crate::jobs) fn sql(self, counts: bool) -> &'static str {
        COMPLETE[self.index() + if counts { 6 } else { 0 }]
    }

    fn sql_of_one(self, counts: bool) -> &'static str {
        COMPLETE_ONE[self.index() + if counts { 6 } else { 0 }]
    }
}

/// What the dispatcher has to tell.
#[derive(Debug, Default)]
pub(in crate::jobs) struct Flush {
    /// The jobs that are done, by what else is to be done: as many lists as there are in [`Completion::ALL`].
    pub(in crate::jobs) completed: [Vec<(JobId, Lease)>; 6],
    /// Whether some of these are part of batches, which count them.
    pub(in crate::jobs) counts: bool,
    pub(in crate::jobs) failed: Vec<Failed>,
    pub(in crate::jobs) cancelled: Vec<Cancelled>,
    pub(in crate::jobs) released: Vec<Released>,
}

impl Flush {
    /// Notes that a job is done.
    pub(in crate::jobs) fn complete(&mut self, id: JobId, lease: Lease, completion: Completion) {
        self.completed[completion.index()].push((id, lease));
    }

    /// Adds what stands in another.
    pub(in crate::jobs) fn append(&mut self, mut other: Self) {
        for (list, others) in self.completed.iter_mut().zip(&mut other.completed) {
            list.append(others);
        }
        self.counts |= other.counts;
        self.failed.append(&mut other.failed);
        self.cancelled.append(&mut other.cancelled);
        self.released.append(&mut other.released);
    }

    pub(in crate::jobs) fn len(&self) -> usize {
        let completed: usize = self.completed.iter().map(Vec::len).sum();
        completed + self.failed.len() + self.cancelled.len() + self.released.len()
    }

    pub(in crate::jobs) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Takes jobs that are done out of the queue; returns how many pairs were valid.
pub(in crate::jobs) async fn complete(
    connection: &AsyncPgConnection,
    completion: Completion,
    counts: bool,
    pairs: &[(JobId, Lease)],
) -> QueryResult<usize> {
    let (ids, leases): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let binds = (ids.into_sql::<Array<BigInt>>(), leases.into_sql::<Array<BigInt>>());
    statement::<(), _>(completion.sql(counts), binds).execute(&mut &*connection).await
}

macro_rules! done_pairs {
    () => {
        "\
WITH done AS (
    DELETE FROM catena.jobs j
    WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
        AND j.state = 1
    RETURNING j.*
)
"
    };
}

/// The statements of each [`Completion`], and the same for jobs of batches, each with `$rest` at its end. To look for jobs
/// of batches among others costs more than to know that there are none.
macro_rules! completions {
    ($done:ident, $rest:literal) => {
        [
            concat!($done!(), into_history!(2), $rest),
            concat!($done!(), with_steps!(), into_history!(2), $rest),
            concat!($done!(), "SELECT FROM done", $rest),
            concat!($done!(), with_steps!(), "SELECT FROM done", $rest),
            concat!($done!(), into_history!(2, without_secrets), $rest),
            concat!($done!(), with_steps!(), into_history!(2, without_secrets), $rest),
            concat!($done!(), with_ends!("done", 2), into_history!(2), $rest),
            concat!($done!(), with_ends!("done", 2), with_steps!(), into_history!(2), $rest),
            concat!($done!(), with_ends!("done", 2), "SELECT FROM done", $rest),
            concat!($done!(), with_ends!("done", 2), with_steps!(), "SELECT FROM done", $rest),
            concat!($done!(), with_ends!("done", 2), into_history!(2, without_secrets), $rest),
            concat!($done!(), with_ends!("done", 2), with_steps!(), into_history!(2, without_secrets), $rest),
        ]
    };
}

const COMPLETE: [&str; 12] = completions!(done_pairs, "");

/// Takes one job that is done out of the queue, as the last statement of the transaction that holds its effects: it fails
/// with what [`is_lost`] knows if the job is no longer this process's.
pub(in crate::jobs) fn complete_one(completion: Completion, job: &Claimed) -> Last {
    let sql = completion.sql_of_one(job.batch.is_some());
    let (id, lease) = (job.id, job.lease);
    let binds = (id.into_sql::<BigInt>(), lease.into_sql::<BigInt>());
    Last {
        sql,
        execute: Box::new(move |mut connection| {
            Box::pin(async move { statement::<(), _>(sql, binds).execute(&mut connection).await.map(drop) })
        }),
    }
}

/// Whether a completion failed because the job is no longer this process's.
pub(in crate::jobs) fn is_lost(error: &Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref());
    matches!(cause, Some(DieselError::DatabaseError(_, info)) if info.constraint_name() == Some("catena_lease"))
}

macro_rules! done_one {
    () => {
        "WITH done AS (DELETE FROM catena.jobs WHERE id = $1 AND lease = $2 AND state = 1 RETURNING *)\n"
    };
}

const COMPLETE_ONE: [&str; 12] = completions!(
    done_one,
    " RIGHT JOIN (SELECT) AS always ON true WHERE done.id IS NOT NULL OR catena.lost($1, $2)"
);

/// Records failed attempts; returns how many were still ours. No id may occur twice. A job that fails in an orderly way
/// has not taken its process with it, and need not run alone any more.
///
/// A job keeps its lease when it goes back to waiting: without state 1 a lease is worth nothing, and the errors are
/// matched by it.
pub(in crate::jobs) async fn fail(connection: &AsyncPgConnection, failed: &[Failed]) -> QueryResult<usize> {
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

pub(in crate::jobs) const FAIL: &str = concat!(
    "\
WITH failed AS (
    UPDATE catena.jobs j
    SET worker = NULL, crashes = 0,
        state = CASE WHEN ($3)[array_position($1, j.id)] IS NULL THEN 4 ELSE 0 END,
        finished_at = CASE WHEN ($3)[array_position($1, j.id)] IS NULL THEN now() END,
        run_at = coalesce(now() + ($3)[array_position($1, j.id)] * interval '1 millisecond', j.run_at)
    WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
        AND j.state = 1
    RETURNING j.id, j.attempt, j.queue, j.state, CASE j.state WHEN 4 THEN j.batch END AS batch
)
",
    with_ends!("failed", 4),
    with_counts!("failed", waiting: "count(*) FILTER (WHERE state = 0)", discarded: "count(*) FILTER (WHERE state = 4)"),
    "INSERT INTO catena.job_errors (job_id, attempt, error)
SELECT id, attempt, ($4)[array_position($1, id)] FROM failed"
);

/// Moves jobs that were stopped for good into the history; returns how many were still ours.
pub(in crate::jobs) async fn cancel(
    connection: &AsyncPgConnection,
    cancelled: &[Cancelled],
) -> QueryResult<usize> {
    let ids: Vec<_> = cancelled.iter().map(|job| job.id).collect();
    let leases: Vec<_> = cancelled.iter().map(|job| job.lease).collect();
    let errors: Vec<_> = cancelled.iter().map(|job| job.error.clone()).collect();
    let binds = (
        ids.into_sql::<Array<BigInt>>(),
        leases.into_sql::<Array<BigInt>>(),
        errors.into_sql::<Array<Nullable<Text>>>(),
    );
    statement::<(), _>(CANCEL, binds).execute(&mut &*connection).await
}

pub(in crate::jobs) const CANCEL: &str = concat!(
    "\
WITH done AS (
    DELETE FROM catena.jobs j
    WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
        AND j.state = 1
    RETURNING j.*
), noted AS (
    INSERT INTO catena.job_errors (job_id, attempt, error)
    SELECT id, attempt, ($3)[array_position($1, id)] FROM done WHERE ($3)[array_position($1, id)] IS NOT NULL
)
",
    with_ends!("done", 3),
    with_steps!(),
    into_history!(3, without_secrets)
);

/// Gives jobs back as if they had not been claimed, those that must run alone as such; returns how many were still ours.
pub(in crate::jobs) async fn release(
    connection: &AsyncPgConnection,
    released: &[Released],
) -> QueryResult<usize> {
    let ids: Vec<_> = released.iter().map(|job| job.id).collect();
    let leases: Vec<_> = released.iter().map(|job| job.lease).collect();
    let delays: Vec<_> = released.iter().map(|job| job.delay_ms).collect();
    let binds = (
        ids.into_sql::<Array<BigInt>>(),
        leases.into_sql::<Array<BigInt>>(),
        delays.into_sql::<Array<Nullable<BigInt>>>(),
    );
    statement::<(), _>(RELEASE, binds).execute(&mut &*connection).await
}

pub(in crate::jobs) const RELEASE: &str = concat!(
    "\
WITH released AS (
    UPDATE catena.jobs j
    SET state = CASE WHEN j.crashes > 0 THEN 5 ELSE 0 END, attempt = attempt - 1, worker = NULL,
        run_at = coalesce(now() + ($3)[array_position($1, j.id)] * interval '1 millisecond', least(j.run_at, now()))
    WHERE j.id = ANY($1) AND ((j.id, j.lease) IN (SELECT a.id, a.lease FROM unnest($1, $2) AS a(id, lease))) IS TRUE
        AND j.state = 1
    RETURNING j.queue
)
",
    with_counts!("released", waiting: "count(*)"),
    "SELECT FROM released"
);
