//! Deleting what is older than it is kept.

use diesel::{
    IntoSql as _, QueryResult,
    sql_types::{BigInt, Integer, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::statement::statement;

/// What came of one step that keeps the history in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::jobs) enum Rotated {
    /// Nothing is left to do.
    Done,
    /// There may be more.
    More,
    /// Somebody reads what is to be changed: another time.
    Busy,
}

/// Makes one of the history's partitions of the coming days, or drops one older than `keep_days`. It waits for nobody for
/// longer than a moment.
pub(in crate::jobs) async fn rotate_history(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<Rotated> {
    const SQL: &str = "SELECT catena.rotate_job_history($1)";
    let rotated: String =
        statement::<Text, _>(SQL, (keep_days.into_sql::<Integer>(),)).get_result(connection).await?;
    Ok(match &*rotated {
        "more" => Rotated::More,
        "busy" => Rotated::Busy,
        _ => Rotated::Done,
    })
}

/// Deletes up to 5000 jobs that were given up more than `keep_days` ago; returns how many.
pub(in crate::jobs) async fn delete_discarded(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<usize> {
    const SQL: &str = concat!(
        "WITH done AS (DELETE FROM catena.jobs WHERE id = ANY(ARRAY( \
        SELECT id FROM catena.jobs WHERE state = 4 AND finished_at < now() - $1 * interval '1 day' LIMIT 5000)) AND state = 4 \
        RETURNING id, stepped, queue)",
        with_steps!(),
        with_counts!("done", waiting: "0", discarded: "-count(*)"),
        "SELECT count(*) FROM done"
    );
    let deleted: i64 =
        statement::<BigInt, _>(SQL, (keep_days.into_sql::<Integer>(),)).get_result(connection).await?;
    Ok(usize::try_from(deleted).unwrap_or(0))
}

/// Deletes up to 5000 errors older than `keep_days`; returns how many.
pub(in crate::jobs) async fn delete_errors(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.job_errors WHERE ctid = ANY(ARRAY( \
        SELECT ctid FROM catena.job_errors WHERE at < now() - $1 * interval '1 day' LIMIT 5000))";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await
}

/// Deletes up to 1000 sessions, and as many one-time tokens, that have expired; returns how many.
pub(in crate::jobs) async fn delete_expired_credentials(
    connection: &mut AsyncPgConnection,
) -> QueryResult<usize> {
    let deleted: i64 =
        statement::<BigInt, _>("SELECT catena.prune_credentials($1)", (1000.into_sql::<Integer>(),))
            .get_result(connection)
            .await?;
    Ok(usize::try_from(deleted).unwrap_or(0))
}
