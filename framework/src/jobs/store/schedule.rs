//! Schedules: when jobs are enqueued by themselves.

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _, QueryResult, Queryable,
    sql_types::{Array, BigInt, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::statement::statement;

/// A schedule whose time has come.
#[derive(Debug, Queryable)]
pub(in crate::jobs) struct Due {
    pub(in crate::jobs) kind: String,
    pub(in crate::jobs) cron: String,
    /// The time of the database.
    pub(in crate::jobs) now: DateTime<Utc>,
}

/// The time of the database.
pub(in crate::jobs) async fn now(connection: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    statement::<Timestamptz, _>("SELECT now()", ()).get_result(connection).await
}

/// Enters a schedule, or gives it a new expression and a new time if the expression has changed.
pub(in crate::jobs) async fn declare(
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
pub(in crate::jobs) async fn lock_due(
    connection: &mut AsyncPgConnection,
    kinds: &[&'static str],
) -> QueryResult<Vec<Due>> {
    const SQL: &str = "SELECT kind, cron, now() FROM catena.schedules WHERE kind = ANY($1) AND next_at <= now() \
        ORDER BY kind FOR UPDATE SKIP LOCKED";
    let binds = (kinds.to_vec().into_sql::<Array<Text>>(),);
    statement::<(Text, Text, Timestamptz), _>(SQL, binds).load(connection).await
}

/// Sets when a schedule fires next; `None` for never.
pub(in crate::jobs) async fn advance(
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
pub(in crate::jobs) async fn next_due_ms(
    connection: &mut AsyncPgConnection,
    kinds: &[&'static str],
) -> QueryResult<Option<i64>> {
    const SQL: &str = "SELECT (extract(epoch FROM min(next_at) - clock_timestamp()) * 1000)::bigint \
        FROM catena.schedules WHERE kind = ANY($1) AND isfinite(next_at)";
    let binds = (kinds.to_vec().into_sql::<Array<Text>>(),);
    statement::<Nullable<BigInt>, _>(SQL, binds).get_result(connection).await
}
