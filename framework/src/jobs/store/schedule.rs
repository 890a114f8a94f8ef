//! Schedules: when jobs are enqueued by themselves.

use chrono::{DateTime, Utc};
use diesel::{
    IntoSql as _, QueryResult, Queryable,
    sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::{Schedule, statement::statement};

/// The number of a version of the program: the greater, the newer.
pub(in crate::jobs) type Release = i64;

/// The time of the database.
pub(in crate::jobs) async fn now(connection: &mut AsyncPgConnection) -> QueryResult<DateTime<Utc>> {
    statement::<Timestamptz, _>("SELECT now()", ()).get_result(connection).await
}

/// The number of the version with this fingerprint; one that was never seen is the newest.
pub(in crate::jobs) async fn enter_release(
    connection: &mut AsyncPgConnection,
    fingerprint: &[u8],
) -> QueryResult<Release> {
    // Two statements: the first waits for another process that enters the same version, the second sees its row.
    const ENTER: &str = "INSERT INTO catena.releases (fingerprint) VALUES ($1) ON CONFLICT DO NOTHING";
    const FIND: &str = "SELECT id FROM catena.releases WHERE fingerprint = $1";
    statement::<(), _>(ENTER, (fingerprint.into_sql::<Binary>(),)).execute(connection).await?;
    statement::<BigInt, _>(FIND, (fingerprint.into_sql::<Binary>(),)).get_result(connection).await
}

/// A schedule as a version declares it.
#[derive(Clone, Copy, Debug)]
pub(in crate::jobs) struct Declared {
    pub(in crate::jobs) kind: &'static str,
    pub(in crate::jobs) schedule: Schedule,
    /// When it fires next if it is new; `None` for never.
    pub(in crate::jobs) next_at: Option<DateTime<Utc>>,
}

/// Enters schedules, and says that a process declares them; those of newer versions stay as they are.
///
/// A new expression or zone has a new time, unless a fire is due that has not been made yet.
pub(in crate::jobs) async fn declare(
    connection: &mut AsyncPgConnection,
    release: Release,
    declared: &[Declared],
) -> QueryResult<()> {
    const SQL: &str = "\
        INSERT INTO catena.schedules AS s (kind, cron, tz, misfire, next_at, release, seen_at) \
        SELECT d.kind, d.cron, d.tz, d.misfire, coalesce(d.next_at, 'infinity'), $1, clock_timestamp() \
        FROM unnest($2, $3, $4, $5, $6) AS d (kind, cron, tz, misfire, next_at) ORDER BY d.kind \
        ON CONFLICT (kind) DO UPDATE SET cron = excluded.cron, tz = excluded.tz, misfire = excluded.misfire, \
            release = excluded.release, seen_at = excluded.seen_at, \
            next_at = CASE WHEN (s.cron, s.tz) = (excluded.cron, excluded.tz) OR s.next_at <= now() \
                THEN s.next_at ELSE excluded.next_at END \
        WHERE s.release <= excluded.release";
    let each = || declared.iter();
    let binds = (
        release.into_sql::<BigInt>(),
        each().map(|declared| declared.kind).collect::<Vec<_>>().into_sql::<Array<Text>>(),
        each().map(|declared| declared.schedule.cron).collect::<Vec<_>>().into_sql::<Array<Text>>(),
        each().map(|declared| declared.schedule.tz).collect::<Vec<_>>().into_sql::<Array<Text>>(),
        each().map(|declared| declared.schedule.misfire.name()).collect::<Vec<_>>().into_sql::<Array<Text>>(),
        each()
            .map(|declared| declared.next_at)
            .collect::<Vec<_>>()
            .into_sql::<Array<Nullable<Timestamptz>>>(),
    );
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}

/// Those of `kinds` that a newer version has declared, and when a process of it last said so.
pub(in crate::jobs) async fn of_newer(
    connection: &mut AsyncPgConnection,
    release: Release,
    kinds: &[&'static str],
) -> QueryResult<Vec<(String, DateTime<Utc>)>> {
    const SQL: &str = "SELECT kind, seen_at FROM catena.schedules WHERE kind = ANY($1) AND release > $2";
    let binds = (kinds.to_vec().into_sql::<Array<Text>>(), release.into_sql::<BigInt>());
    statement::<(Text, Timestamptz), _>(SQL, binds).load(connection).await
}

/// Leaves a schedule to any version, unless a process has declared it after `seen_at`.
pub(in crate::jobs) async fn abandon(
    connection: &mut AsyncPgConnection,
    kind: &str,
    seen_at: DateTime<Utc>,
) -> QueryResult<()> {
    const SQL: &str = "UPDATE catena.schedules SET release = 0 WHERE kind = $1 AND seen_at = $2";
    let binds = (kind.into_sql::<Text>(), seen_at.into_sql::<Timestamptz>());
    statement::<(), _>(SQL, binds).execute(connection).await?;
    Ok(())
}

/// A schedule whose time has come.
#[derive(Debug, Queryable)]
pub(in crate::jobs) struct Due {
    pub(in crate::jobs) kind: String,
    pub(in crate::jobs) cron: String,
    pub(in crate::jobs) tz: String,
    pub(in crate::jobs) misfire: String,
    pub(in crate::jobs) next_at: DateTime<Utc>,
    /// The time of the database.
    pub(in crate::jobs) now: DateTime<Utc>,
}

/// Locks the due schedules among `kinds` that no other process is firing.
pub(in crate::jobs) async fn lock_due(
    connection: &mut AsyncPgConnection,
    kinds: &[&'static str],
) -> QueryResult<Vec<Due>> {
    const SQL: &str = "SELECT kind, cron, tz, misfire, next_at, now() FROM catena.schedules \
        WHERE kind = ANY($1) AND next_at <= now() ORDER BY kind FOR UPDATE SKIP LOCKED";
    type Row = (Text, Text, Text, Text, Timestamptz, Timestamptz);
    let binds = (kinds.to_vec().into_sql::<Array<Text>>(),);
    statement::<Row, _>(SQL, binds).load(connection).await
}

/// Sets when a schedule fires next; `None` for never.
pub(in crate::jobs) async fn advance(
    connection: &mut AsyncPgConnection,
    kind: &str,
    next_at: Option<DateTime<Utc>>,
    fired: bool,
) -> QueryResult<()> {
    const SQL: &str = "UPDATE catena.schedules SET next_at = coalesce($2, 'infinity'), \
        fired_at = CASE WHEN $3 THEN now() ELSE fired_at END WHERE kind = $1";
    let binds =
        (kind.into_sql::<Text>(), next_at.into_sql::<Nullable<Timestamptz>>(), fired.into_sql::<Bool>());
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
