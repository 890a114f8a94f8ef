//! Jobs with which a process vanished: each runs alone in its process.

use diesel::{
    IntoSql as _, OptionalExtension as _, QueryResult,
    pg::Pg,
    query_builder::QueryFragment,
    sql_types::{Array, BigInt, Bool, Nullable, SmallInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};

use super::{
    WorkerId,
    claim::{Claimed, Row},
};
use crate::jobs::{JobId, statement::statement};

/// A request for jobs that must run alone.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct Alone {
    /// Who asks.
    pub(in crate::jobs) worker: WorkerId,
    /// The kinds whose queues this process works on.
    pub(in crate::jobs) kinds: Vec<&'static str>,
    /// The latest version of the arguments that it reads, of those kinds that have had more than one.
    pub(in crate::jobs) versions: Vec<(&'static str, i16)>,
}

impl Alone {
    /// `$1` to `$4` of each statement.
    fn binds(&self) -> impl QueryFragment<Pg> + Send + use<> {
        let (versioned, versions): (Vec<_>, Vec<_>) = self.versions.iter().copied().unzip();
        (
            self.worker.into_sql::<BigInt>(),
            self.kinds.clone().into_sql::<Array<Text>>(),
            versioned.into_sql::<Array<Text>>(),
            versions.into_sql::<Array<SmallInt>>(),
        )
    }
}

/// Whether jobs are due that must run alone, and this process may be one of those that do nothing else: half of all, at
/// least one. Of more than that, which said so at the same moment, those with the lowest numbers may.
pub(in crate::jobs) async fn may_be_alone(
    connection: &AsyncPgConnection,
    alone: &Alone,
) -> QueryResult<bool> {
    statement::<Bool, _>(MAY_BE_ALONE, alone.binds()).get_result(&mut &*connection).await
}

/// Takes the job that has been due for longest of those that must run alone, if there is one. Two statements: the second
/// must see what runs with the job's key now that nobody else decides about it.
pub(in crate::jobs) async fn claim_alone(
    connection: &AsyncPgConnection,
    begin: &str,
    alone: &Alone,
) -> QueryResult<Vec<Claimed>> {
    let mut shared = connection;
    shared.batch_execute(begin).await?;
    let first: Option<JobId> =
        statement::<BigInt, _>(FIRST_ALONE, alone.binds()).get_result(&mut shared).await.optional()?;
    let binds = (alone.binds(), first.into_sql::<Nullable<BigInt>>());
    let claimed = statement::<Row, _>(CLAIM_ALONE, binds).load(&mut shared).await?;
    shared.batch_execute("COMMIT").await?;
    Ok(claimed)
}

/// Which jobs `j` may run alone now. One with a concurrency key is alone with that, too: how many may run beside it
/// does not matter.
macro_rules! due_alone {
    () => {
        "j.state = 5 AND j.run_at <= now() AND j.kind = ANY($2) AND j.cancel_at IS NULL
        AND (j.version = 1 OR j.version <= (SELECT k.version FROM unnest($3, $4) AS k(kind, version) WHERE k.kind = j.kind))
        AND (SELECT paused_at FROM catena.paused_queues WHERE name = j.queue) IS NULL
        AND (j.concurrency_key IS NULL OR NOT EXISTS (
            SELECT FROM catena.jobs r
            WHERE r.concurrency_key = j.concurrency_key AND r.concurrency_key IS NOT NULL AND r.state = 1))"
    };
}

pub(in crate::jobs) const MAY_BE_ALONE: &str = concat!(
    "\
SELECT EXISTS (
    SELECT FROM catena.jobs j
    WHERE ",
    due_alone!(),
    "
) AND (
    SELECT count(*) FROM catena.workers w
    WHERE w.alone AND w.id <> $1 AND (w.id < $1 OR NOT (SELECT o.alone FROM catena.workers o WHERE o.id = $1))
) < (SELECT greatest(1, count(*) / 2) FROM catena.workers)"
);

pub(in crate::jobs) const FIRST_ALONE: &str = concat!(
    "\
SELECT first.id
FROM (
    SELECT j.id, j.concurrency_key AS key FROM catena.jobs j
    WHERE ",
    due_alone!(),
    "
        AND $1 = (SELECT id FROM catena.workers WHERE id = $1 FOR KEY SHARE SKIP LOCKED)
    ORDER BY j.run_at, j.id LIMIT 1 FOR UPDATE OF j SKIP LOCKED
) first
WHERE first.key IS NULL OR pg_try_advisory_xact_lock(catena.lock_of(first.key))"
);

pub(in crate::jobs) const CLAIM_ALONE: &str = concat!(
    "\
WITH claimed AS (
    UPDATE catena.jobs
    SET state = 1, attempt = attempt + 1, lease = (SELECT nextval('catena.job_lease_seq')), worker = $1, claimed_at = now()
    WHERE id = (
        SELECT j.id FROM catena.jobs j
        WHERE j.id = $5 AND ",
    due_alone!(),
    "
    )
    RETURNING ",
    claimed_columns!(),
    "
)
",
    with_counts!("claimed", waiting: "-count(*)"),
    "SELECT * FROM claimed"
);
