//! Which arguments programs take, and what waits.

use std::fmt;

use diesel::{
    IntoSql as _, QueryResult, Queryable,
    sql_types::{Array, BigInt, Bytea, Integer, Nullable, SmallInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::{JobId, statement::statement};

/// What a program says of one of its kinds.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct DeclaredKind {
    pub(in crate::jobs) kind: &'static str,
    pub(in crate::jobs) version: i16,
    pub(in crate::jobs) fingerprint: Vec<u8>,
    /// The fields of its arguments that do not move into the history, as a JSON array.
    pub(in crate::jobs) secrets: String,
}

/// Enters kinds; returns those whose jobs in the queue may have been written by a program that takes other arguments, as
/// far as this table knows.
pub(in crate::jobs) async fn declare_kinds(
    connection: &mut AsyncPgConnection,
    declared: &[DeclaredKind],
) -> QueryResult<Vec<String>> {
    const SQL: &str = "\
        WITH own AS (SELECT kind, version, fingerprint, ARRAY(SELECT jsonb_array_elements_text(secrets::jsonb)) AS secrets \
            FROM unnest($1, $2, $3, $4) AS o(kind, version, fingerprint, secrets)), entered AS ( \
            INSERT INTO catena.job_kinds (kind, version, fingerprint, secrets) SELECT * FROM own ORDER BY kind \
            ON CONFLICT (kind, version, fingerprint) DO UPDATE SET seen_at = excluded.seen_at, \
                secrets = ARRAY(SELECT unnest(job_kinds.secrets) UNION SELECT unnest(excluded.secrets))) \
        SELECT o.kind FROM own o \
        WHERE NOT EXISTS (SELECT FROM catena.job_kinds k \
                WHERE (k.kind, k.version, k.fingerprint) = (o.kind, o.version, o.fingerprint)) \
            OR EXISTS (SELECT FROM catena.job_kinds k \
                WHERE k.kind = o.kind AND (k.version, k.fingerprint) <> (o.version, o.fingerprint)) \
        ORDER BY o.kind";
    let kinds: Vec<_> = declared.iter().map(|declared| declared.kind).collect();
    let versions: Vec<_> = declared.iter().map(|declared| declared.version).collect();
    let fingerprints: Vec<_> = declared.iter().map(|declared| declared.fingerprint.clone()).collect();
    let secrets: Vec<_> = declared.iter().map(|declared| declared.secrets.clone()).collect();
    let binds = (
        kinds.into_sql::<Array<Text>>(),
        versions.into_sql::<Array<SmallInt>>(),
        fingerprints.into_sql::<Array<Bytea>>(),
        secrets.into_sql::<Array<Text>>(),
    );
    statement::<Text, _>(SQL, binds).load(connection).await
}

/// Forgets kinds that no program has said it takes for `keep_days`; returns how many.
pub(in crate::jobs) async fn delete_kinds(
    connection: &mut AsyncPgConnection,
    keep_days: i32,
) -> QueryResult<usize> {
    const SQL: &str = "DELETE FROM catena.job_kinds WHERE seen_at < now() - $1 * interval '1 day'";
    statement::<(), _>(SQL, (keep_days.into_sql::<Integer>(),)).execute(connection).await
}

/// A job that waits.
#[derive(Queryable)]
pub(in crate::jobs) struct Waiting {
    pub(in crate::jobs) id: JobId,
    pub(in crate::jobs) kind: String,
    pub(in crate::jobs) version: i16,
    pub(in crate::jobs) args: String,
}

/// Without the arguments, which may hold what nobody should see.
impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Looks at the next thousand rows of the queue after `after`; returns the number of the last of them, and those that
/// wait and are of `kinds`.
pub(in crate::jobs) async fn waiting(
    connection: &mut AsyncPgConnection,
    kinds: &[String],
    after: JobId,
) -> QueryResult<Option<(JobId, Vec<Waiting>)>> {
    const SQL: &str = "\
        WITH page AS MATERIALIZED (SELECT * FROM catena.jobs WHERE id > $1 ORDER BY id LIMIT 1000) \
        SELECT id, kind, version, args::text FROM page WHERE kind = ANY($2) AND state IN (0, 5, 6, 7) \
        UNION ALL SELECT max(id), '', 0::smallint, '' FROM page";
    let binds = (after.into_sql::<BigInt>(), kinds.to_vec().into_sql::<Array<Text>>());
    type Row = (Nullable<BigInt>, Text, SmallInt, Text);
    let mut rows: Vec<(Option<JobId>, String, i16, String)> =
        statement::<Row, _>(SQL, binds).load(connection).await?;
    let Some((Some(last), ..)) = rows.pop() else { return Ok(None) };
    let waiting = rows.into_iter().filter_map(|(id, kind, version, args)| {
        let id = id?;
        Some(Waiting { id, kind, version, args })
    });
    Ok(Some((last, waiting.collect())))
}
