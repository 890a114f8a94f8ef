//! Taking due jobs.

use std::fmt;

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _, QueryResult, Queryable,
    sql_types::{Array, BigInt, Bool, Bytea, Integer, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use super::{Lease, WorkerId};
use crate::jobs::{JobId, statement::statement};

/// How many priorities there are.
pub(in crate::jobs) const PRIORITIES: usize = 4;

/// A request for due jobs; by default for none.
#[derive(Clone, Debug, Default)]
pub(in crate::jobs) struct Claim {
    /// How many at most.
    pub(in crate::jobs) limit: i32,
    /// From where, in the order in which they are looked at.
    pub(in crate::jobs) shares: Vec<Share>,
    /// The kinds this process knows.
    pub(in crate::jobs) kinds: Vec<&'static str>,
    /// The version of the arguments that it reads, of those kinds that have had more than one: the latest.
    pub(in crate::jobs) versions: Vec<(&'static str, i16)>,
    /// The kinds whose jobs are left alone if they have a concurrency key.
    pub(in crate::jobs) keyed: Vec<&'static str>,
    /// Who claims.
    pub(in crate::jobs) worker: WorkerId,
}

impl Claim {
    /// Whether there may be due jobs beyond `claimed`, which is all that it may take of some queue, or in all.
    pub(in crate::jobs) fn may_leave_some(&self, claimed: &[Claimed]) -> bool {
        i32::try_from(claimed.len()).is_ok_and(|taken| taken >= self.limit)
            || self.shares.iter().any(|share| share.is_used_up(claimed))
    }
}

/// What a claim may take from one queue.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Share {
    pub(in crate::jobs) queue: &'static str,
    /// How many at most.
    pub(in crate::jobs) slots: i32,
    /// Where to begin in the index, a priority each: microseconds since the year 2000; 0 looks at everything. The
    /// entries of jobs that are done stay at the head of the index until they are vacuumed, and are thus skipped.
    pub(in crate::jobs) low: [i64; PRIORITIES],
}

impl Share {
    /// Whether `claimed` has as many jobs of the queue as it may.
    fn is_used_up(&self, claimed: &[Claimed]) -> bool {
        let taken = claimed.iter().filter(|job| job.queue == self.queue).count();
        i32::try_from(taken).is_ok_and(|taken| taken >= self.slots)
    }
}

/// A job that this process may work on.
#[derive(Clone, Queryable)]
pub(in crate::jobs) struct Claimed {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) lease: Lease,
    pub(in crate::jobs) queue: String,
    pub(in crate::jobs) kind: String,
    pub(in crate::jobs) attempt: i16,
    pub(in crate::jobs) max_attempts: i16,
    pub(in crate::jobs) args: String,
    pub(in crate::jobs) run_at: DateTime<Utc>,
    pub(in crate::jobs) priority: i16,
    /// How often a process vanished while it ran the job.
    pub(in crate::jobs) crashes: i16,
    /// Of the arguments.
    pub(in crate::jobs) version: i16,
    /// The number of its batch; below zero of the job that completes one.
    pub(in crate::jobs) batch: Option<i64>,
    /// No more jobs with this key run at once than their kind allows.
    pub(in crate::jobs) concurrency_key: Option<Vec<u8>>,
    /// Whether it has steps that earlier attempts finished.
    pub(in crate::jobs) stepped: bool,
}

/// Without the arguments, which may hold what nobody should see.
impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed")
            .field("id", &self.id)
            .field("lease", &self.lease)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// Takes up to `limit` due jobs: queue by queue, of each by priority, then time; none from queues that are paused, and
/// none that a newer version of the program enqueued with arguments that this one cannot read. A
/// worker without a row takes none: the lock on its row keeps the rescuer from declaring it dead between the claim and its commit.
pub(in crate::jobs) async fn claim(
    connection: &AsyncPgConnection,
    claim: &Claim,
) -> QueryResult<Vec<Claimed>> {
    let Claim { limit, shares, kinds, versions, keyed, worker } = claim;
    let (versioned, versions): (Vec<_>, Vec<_>) = versions.iter().copied().unzip();
    let queues: Vec<_> = shares.iter().map(|share| share.queue).collect();
    let slots: Vec<_> = shares.iter().map(|share| share.slots).collect();
    let low: Vec<_> = shares.iter().flat_map(|share| share.low).collect();
    let binds = (
        queues.into_sql::<Array<Text>>(),
        slots.into_sql::<Array<Integer>>(),
        low.into_sql::<Array<BigInt>>(),
        (*limit).into_sql::<Integer>(),
        kinds.clone().into_sql::<Array<Text>>(),
        (*worker).into_sql::<BigInt>(),
        versioned.into_sql::<Array<Text>>(),
        versions.into_sql::<Array<SmallInt>>(),
        keyed.clone().into_sql::<Array<Text>>(),
    );
    statement::<Row, _>(CLAIM, binds).load(&mut &*connection).await
}

/// The columns of a [`Claimed`].
pub(super) type Row = (
    BigInt,
    BigInt,
    Text,
    Text,
    SmallInt,
    SmallInt,
    Text,
    Timestamptz,
    SmallInt,
    SmallInt,
    SmallInt,
    Nullable<BigInt>,
    Nullable<Bytea>,
    Bool,
);

pub(in crate::jobs) const CLAIM: &str = concat!(
    "\
WITH due AS (
    SELECT due.id, q.name AS queue
    FROM unnest($1, $2) WITH ORDINALITY AS q(name, slots, n)
    CROSS JOIN LATERAL (
        SELECT ready.id
        FROM unnest('{0,1,2,3}'::smallint[], ($3)[4 * q.n::int - 3 : 4 * q.n::int]) AS p(priority, low)
        CROSS JOIN LATERAL (
            SELECT id FROM catena.jobs
            WHERE queue = q.name AND priority = p.priority AND state = 0
                AND run_at >= timestamptz '2000-01-01 00:00:00+00' + p.low * interval '1 microsecond'
                AND run_at <= now() AND kind = ANY($5) AND cancel_at IS NULL
                AND (concurrency_key IS NULL OR kind <> ALL($9))
                AND (version = 1 OR version <= (SELECT k.version FROM unnest($7, $8) AS k(kind, version) WHERE k.kind = jobs.kind))
            ORDER BY run_at, id LIMIT q.slots FOR UPDATE SKIP LOCKED
        ) ready
        LIMIT q.slots
    ) due
    WHERE (SELECT paused_at FROM catena.paused_queues WHERE name = q.name) IS NULL
        AND $6 = (SELECT id FROM catena.workers WHERE id = $6 FOR KEY SHARE SKIP LOCKED)
    LIMIT $4
)
",
    with_counts!("due", waiting: "-count(*)"),
    "UPDATE catena.jobs
SET state = 1, attempt = attempt + 1, lease = (SELECT nextval('catena.job_lease_seq')), worker = $6, claimed_at = now()
WHERE id = ANY(ARRAY(SELECT id FROM due))
RETURNING ",
    claimed_columns!()
);
