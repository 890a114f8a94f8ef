//! Putting jobs into the queue.

use diesel::{
    IntoSql as _, QueryResult,
    pg::Pg,
    sql_types::{Array, BigInt, Nullable, SmallInt, Text, Timestamptz},
};
use diesel_async::{AsyncConnectionCore, RunQueryDsl as _};

use crate::jobs::{JobId, NewJob, statement::statement};

/// Enqueues jobs in the connection's transaction and returns their ids, in order.
pub(in crate::jobs) async fn enqueue<C>(connection: &mut C, jobs: Vec<NewJob>) -> QueryResult<Vec<JobId>>
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
