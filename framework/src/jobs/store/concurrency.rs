//! Jobs with a concurrency key: no more of one key run at once than their kind allows, in however many processes.
//!
//! The decisions are made by the functions of the migration `0012_job_concurrency`, each of which is a transaction of its
//! own here: what they decide counts as soon as it is made.

use diesel::{
    IntoSql as _, QueryResult,
    sql_types::{Array, BigInt, Bool, Bytea, Integer, SmallInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use tokio::join;

use super::{Claim, Claimed, claim};
use crate::jobs::{keys::Digest, statement::statement};

/// How many jobs of one key may run at once, of one kind.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Limit {
    pub(in crate::jobs) kind: &'static str,
    pub(in crate::jobs) most: i32,
    /// The version of the arguments that this process reads.
    pub(in crate::jobs) version: i16,
}

/// Has jobs that are blocked by the keys `freed` wait again, and takes due jobs of these kinds that have a key: as
/// [`claim`](super::claim()) takes those without.
pub(in crate::jobs) async fn claim_keyed(
    connection: &AsyncPgConnection,
    begin: &str,
    freed: &[Digest],
    claim: &Claim,
    limits: &[Limit],
) -> QueryResult<Vec<Claimed>> {
    let (mut first, mut last) = (connection, connection);
    let (begun, claimed, committed) = join!(
        first.batch_execute(begin),
        keyed(connection, freed, claim, limits),
        last.batch_execute("COMMIT"),
    );
    begun?;
    let claimed = claimed?;
    committed?;
    Ok(claimed)
}

/// The same within a transaction.
pub(in crate::jobs) async fn keyed(
    connection: &AsyncPgConnection,
    freed: &[Digest],
    claim: &Claim,
    limits: &[Limit],
) -> QueryResult<Vec<Claimed>> {
    let freed: Vec<_> = freed.iter().map(|key| key.to_vec()).collect();
    let queues: Vec<_> = claim.shares.iter().map(|share| share.queue).collect();
    let slots: Vec<_> = claim.shares.iter().map(|share| share.slots).collect();
    let kinds: Vec<_> = limits.iter().map(|limit| limit.kind).collect();
    let most: Vec<_> = limits.iter().map(|limit| limit.most).collect();
    let versions: Vec<_> = limits.iter().map(|limit| limit.version).collect();
    let binds = (
        freed.into_sql::<Array<Bytea>>(),
        queues.into_sql::<Array<Text>>(),
        slots.into_sql::<Array<Integer>>(),
        claim.limit.into_sql::<Integer>(),
        kinds.into_sql::<Array<Text>>(),
        most.into_sql::<Array<Integer>>(),
        versions.into_sql::<Array<SmallInt>>(),
        claim.worker.into_sql::<BigInt>(),
    );
    statement::<claim::Row, _>(CLAIM_KEYED, binds).load(&mut &*connection).await
}

pub(in crate::jobs) const CLAIM_KEYED: &str =
    concat!("SELECT ", claimed_columns!(), " FROM catena.claim_keyed($1, $2, $3, $4, $5, $6, $7, $8)");

/// Looks at up to 1000 keys after `after`, in their order, and has jobs that they block wait again where there is room: a
/// process may have vanished between the end of a job and what follows from it, or a kind may now allow more. Returns the
/// last key it looked at, `None` if there was none left, and how many jobs wait again.
pub(in crate::jobs) async fn sweep_blocked(
    connection: &mut AsyncPgConnection,
    after: &[u8],
    limits: &[Limit],
) -> QueryResult<(Option<Vec<u8>>, i64)> {
    const UNBLOCK: &str = "SELECT catena.unblock($1, $2, $3)";
    let kinds: Vec<_> = limits.iter().map(|limit| limit.kind).collect();
    let most: Vec<_> = limits.iter().map(|limit| limit.most).collect();
    let binds = (
        after.into_sql::<Bytea>(),
        kinds.clone().into_sql::<Array<Text>>(),
        most.clone().into_sql::<Array<Integer>>(),
    );
    let keys: Vec<(Vec<u8>, bool)> = statement::<(Bytea, Bool), _>(BLOCKING, binds).load(connection).await?;
    let last = keys.iter().map(|(key, _)| key).max().cloned();
    let with_room: Vec<_> = keys.into_iter().filter(|(_, has_room)| *has_room).map(|(key, _)| key).collect();
    if with_room.is_empty() {
        return Ok((last, 0));
    }
    let binds = (
        with_room.into_sql::<Array<Bytea>>(),
        kinds.into_sql::<Array<Text>>(),
        most.into_sql::<Array<Integer>>(),
    );
    Ok((last, statement::<BigInt, _>(UNBLOCK, binds).get_result(connection).await?))
}

/// The keys are found by leaps in the index, one a key, however many jobs each blocks.
pub(in crate::jobs) const BLOCKING: &str = "\
WITH RECURSIVE found (key, kind, nth) AS (
    (SELECT concurrency_key, kind, 1 FROM catena.jobs WHERE state = 6 AND concurrency_key > $1
        ORDER BY concurrency_key, priority, run_at, id LIMIT 1)
    UNION ALL
    SELECT next.concurrency_key, next.kind, found.nth + 1
    FROM found CROSS JOIN LATERAL (
        SELECT j.concurrency_key, j.kind FROM catena.jobs j WHERE j.state = 6 AND j.concurrency_key > found.key
        ORDER BY j.concurrency_key, j.priority, j.run_at, j.id LIMIT 1
    ) next
    WHERE found.nth < 1000
)
SELECT key, coalesce((SELECT k.most FROM unnest($2, $3) AS k(kind, most) WHERE k.kind = found.kind) > (
    SELECT count(*) FROM catena.jobs r
    WHERE r.concurrency_key = found.key AND r.state = 1 AND r.concurrency_key IS NOT NULL
), false)
FROM found";
