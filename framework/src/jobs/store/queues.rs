//! Queues as a whole: those that are paused, and those that nobody works on any more.

use diesel::{
    IntoSql as _, QueryResult,
    sql_types::{Array, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::{error::Result, jobs::statement::statement};

/// Has no process claim jobs of the queue; those that run go on. False if it was paused already.
pub(crate) async fn pause(connection: &mut AsyncPgConnection, queue: &str) -> Result<bool> {
    const SQL: &str = "INSERT INTO catena.paused_queues (name) VALUES ($1) ON CONFLICT DO NOTHING";
    Ok(statement::<(), _>(SQL, (queue.into_sql::<Text>(),)).execute(connection).await? == 1)
}

/// Has processes claim jobs of the queue again; false if it was not paused.
pub(crate) async fn resume(connection: &mut AsyncPgConnection, queue: &str) -> Result<bool> {
    const SQL: &str = "DELETE FROM catena.paused_queues WHERE name = $1";
    Ok(statement::<(), _>(SQL, (queue.into_sql::<Text>(),)).execute(connection).await? == 1)
}

/// Moves up to 5000 waiting jobs of `homes`, kinds with the queue each, out of queues that none of these kinds has:
/// those of an older version, which nobody may look at any more. Returns how many.
pub(in crate::jobs) async fn move_strays(
    connection: &mut AsyncPgConnection,
    homes: &[(&'static str, &'static str)],
) -> QueryResult<usize> {
    let (kinds, queues): (Vec<_>, Vec<_>) = homes.iter().copied().unzip();
    let binds = (kinds.into_sql::<Array<Text>>(), queues.into_sql::<Array<Text>>());
    statement::<(), _>(MOVE_STRAYS, binds).execute(connection).await
}

/// The names of queues are found by leaps in the index, one a queue, however many jobs there are.
const MOVE_STRAYS: &str = concat!(
    "\
WITH RECURSIVE found (queue) AS (
    (SELECT queue FROM catena.jobs WHERE state = 0 ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT j.queue FROM catena.jobs j WHERE j.state = 0 AND j.queue > found.queue ORDER BY j.queue LIMIT 1)
    FROM found WHERE found.queue IS NOT NULL
), strays AS (
    SELECT stray.id, stray.queue FROM catena.jobs stray
    WHERE stray.state = 0 AND stray.kind = ANY($1)
        AND stray.queue IN (SELECT found.queue FROM found WHERE found.queue <> ALL($2))
    LIMIT 5000 FOR UPDATE OF stray SKIP LOCKED
), moved AS (
    UPDATE catena.jobs j SET queue = home.queue
    FROM strays CROSS JOIN unnest($1, $2) AS home (kind, queue)
    WHERE j.id = strays.id AND j.kind = home.kind AND j.id = ANY(ARRAY(SELECT id FROM strays))
    RETURNING strays.queue AS former, j.queue
), sides AS (
    SELECT side.queue, side.jobs FROM moved CROSS JOIN LATERAL (VALUES (former, -1), (moved.queue, 1)) AS side (queue, jobs)
)
",
    with_counts!("sides", waiting: "sum(jobs)"),
    "SELECT FROM moved"
);
