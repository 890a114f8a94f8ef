//! Putting jobs into the queue.

use std::mem;

use diesel::{
    IntoSql as _, QueryResult,
    pg::Pg,
    query_builder::QueryFragment,
    sql_types::{Array, BigInt, Bool, Bytea, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncConnectionCore, RunQueryDsl as _};

use crate::jobs::{JobId, NewJob, enqueue::UniqueKey, statement::statement};

/// How many jobs `catena.enqueue` takes at once.
pub(in crate::jobs) const PIECE: usize = 10_000;

/// Enqueues jobs in the connection's transaction, in pieces if they are many, and returns their ids, in order.
pub(in crate::jobs) async fn enqueue<C>(connection: &mut C, mut jobs: Vec<NewJob>) -> QueryResult<Vec<JobId>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let mut ids = Vec::new();
    while jobs.len() > PIECE {
        let rest = jobs.split_off(PIECE);
        ids.extend(enqueue_piece(connection, mem::replace(&mut jobs, rest)).await?);
    }
    let last = enqueue_piece(connection, jobs).await?;
    ids.extend(last);
    Ok(ids)
}

/// Enqueues a batch in the connection's transaction, with the job that waits for its end; returns the number of the batch,
/// then those of its jobs, in order, and that of the job that waits.
pub(in crate::jobs) async fn enqueue_batch<C>(
    connection: &mut C,
    mut jobs: Vec<NewJob>,
    then: Option<NewJob>,
) -> QueryResult<Vec<i64>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    let completes = then.is_some();
    jobs.extend(then);
    let mut batch: Option<i64> = None;
    let mut numbers: Vec<i64> = Vec::new();
    loop {
        let rest = if jobs.len() > PIECE { jobs.split_off(PIECE) } else { Vec::new() };
        let last = rest.is_empty();
        let binds = (
            batch.into_sql::<Nullable<BigInt>>(),
            (completes && last).into_sql::<Bool>(),
            columns(mem::replace(&mut jobs, rest)),
        );
        let some: Vec<i64> = statement::<BigInt, _>(ENQUEUE_BATCH, binds).load(connection).await?;
        numbers.extend(some.into_iter().skip(usize::from(batch.is_some())));
        batch = batch.or_else(|| numbers.iter().copied().next());
        if last {
            return Ok(numbers);
        }
    }
}

const ENQUEUE_BATCH: &str =
    "SELECT catena.enqueue_batch($1, $2, $3, $4::jsonb[], $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

async fn enqueue_piece<C>(connection: &mut C, jobs: Vec<NewJob>) -> QueryResult<Vec<JobId>>
where
    C: AsyncConnectionCore<Backend = Pg>,
{
    const SQL: &str = "SELECT catena.enqueue($1, $2::jsonb[], $3, $4, $5, $6, $7, $8, \
        concurrency_keys => $9, unique_keys => $10, unique_ms => $11, unique_rules => $12)";
    statement::<BigInt, _>(SQL, columns(jobs)).load(connection).await
}

/// What is said of jobs, as both functions take it.
fn columns(jobs: Vec<NewJob>) -> impl QueryFragment<Pg> + Send {
    let kinds: Vec<_> = jobs.iter().map(|job| job.kind).collect();
    let queues: Vec<_> = jobs.iter().map(|job| job.queue).collect();
    let priorities: Vec<_> = jobs.iter().map(|job| job.priority).collect();
    let max_attempts: Vec<_> = jobs.iter().map(|job| job.max_attempts).collect();
    let run_at: Vec<_> = jobs.iter().map(|job| job.run_at).collect();
    let delay_ms: Vec<_> = jobs.iter().map(|job| job.delay_ms).collect();
    let versions = some_of(&jobs, |job| (job.version != 1).then_some(job.version));
    let concurrency_keys = some_of(&jobs, |job| job.concurrency_key.map(Vec::from));
    let unique_keys = some_of(&jobs, |job| job.unique.map(|unique| Vec::from(unique.key)));
    let unique_ms = some_of(&jobs, |job| job.unique?.within_ms);
    let unique_rules = some_of(&jobs, |job| job.unique.map(UniqueKey::rules));
    let args: Vec<_> = jobs.into_iter().map(|job| job.args).collect();
    (
        kinds.into_sql::<Array<Text>>(),
        args.into_sql::<Array<Text>>(),
        queues.into_sql::<Array<Text>>(),
        priorities.into_sql::<Array<SmallInt>>(),
        max_attempts.into_sql::<Array<SmallInt>>(),
        run_at.into_sql::<Array<Nullable<Timestamptz>>>(),
        delay_ms.into_sql::<Array<BigInt>>(),
        versions.into_sql::<Nullable<Array<Nullable<SmallInt>>>>(),
        concurrency_keys.into_sql::<Nullable<Array<Nullable<Bytea>>>>(),
        unique_keys.into_sql::<Nullable<Array<Nullable<Bytea>>>>(),
        unique_ms.into_sql::<Nullable<Array<Nullable<BigInt>>>>(),
        unique_rules.into_sql::<Nullable<Array<Nullable<SmallInt>>>>(),
    )
}

/// What few jobs have: nothing at all for a batch in which none has it.
fn some_of<T>(jobs: &[NewJob], of: impl Fn(&NewJob) -> Option<T>) -> Option<Vec<Option<T>>> {
    let values: Vec<_> = jobs.iter().map(of).collect();
    values.iter().any(Option::is_some).then_some(values)
}

impl UniqueKey {
    /// As `catena.enqueue` takes them.
    fn rules(self) -> i16 {
        i16::from(self.until_start) | i16::from(self.replaces) << 1
    }
}
