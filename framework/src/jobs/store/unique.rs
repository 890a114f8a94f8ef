//! The rows of unique keys that hold nothing any more.

use diesel::{IntoSql as _, OptionalExtension as _, QueryResult, sql_types::Bytea};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};

use crate::jobs::statement::statement;

/// Looks at up to 5000 keys after `after`, in their order, and deletes those whose job is gone and whose time is over.
/// Returns the last key it looked at; `None` if there was none left.
pub(in crate::jobs) async fn sweep_unique(
    connection: &mut AsyncPgConnection,
    after: &[u8],
) -> QueryResult<Option<Vec<u8>>> {
    statement::<Bytea, _>(SWEEP, (after.into_sql::<Bytea>(),)).get_result(connection).await.optional()
}

/// A key that somebody takes over meanwhile is not deleted: it has another job then, which the snapshot of this statement
/// cannot see, so the row is matched by both. Nor does it wait for whoever takes it over.
pub(in crate::jobs) const SWEEP: &str = "\
WITH looked_at AS MATERIALIZED (
    SELECT key, job_id, expires_at FROM catena.job_unique WHERE key > $1 ORDER BY key LIMIT 5000
), swept AS (
    DELETE FROM catena.job_unique WHERE key = ANY(ARRAY(
        SELECT u.key FROM looked_at l JOIN catena.job_unique u ON u.key = l.key AND u.job_id = l.job_id
        WHERE (l.expires_at IS NULL OR l.expires_at <= now())
            AND NOT EXISTS (SELECT FROM catena.jobs j WHERE j.id = l.job_id)
        FOR UPDATE OF u SKIP LOCKED
    ))
)
SELECT key FROM looked_at ORDER BY key DESC LIMIT 1";
