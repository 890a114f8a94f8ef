//! Who may execute what of the credentials.

use diesel::{
    QueryableByName, sql_query,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl as _;

use crate::club::club;

#[derive(QueryableByName)]
struct Function {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    grantees: String,
    #[diesel(sql_type = Bool)]
    is_safe: bool,
}

#[tokio::test]
async fn requests_and_jobs_may_execute_what_they_need_and_nobody_else_anything() {
    let app = club().await;
    let found: Vec<Function> = sql_query(
        "SELECT p.proname::text AS name,
            (SELECT coalesce(string_agg(coalesce(regexp_replace(g.rolname, '^.*_', ''), 'PUBLIC'), ' '
                ORDER BY g.rolname), '')
             FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             LEFT JOIN pg_roles g ON g.oid = a.grantee
             WHERE a.grantee <> p.proowner) AS grantees,
            p.prosecdef AND p.proconfig @> ARRAY['search_path=pg_catalog, pg_temp'] AS is_safe
         FROM pg_proc p
         WHERE p.pronamespace = 'catena'::regnamespace AND p.proname ~ '^(password|session|token|prune)_'
         ORDER BY p.proname",
    )
    .load(&mut app.db().connect().await)
    .await
    .expect("the catalogue is readable");
    let grants: Vec<_> = found.iter().map(|function| (&*function.name, &*function.grantees)).collect();
    assert_eq!(
        grants,
        [
            ("password_change", "web"),
            ("password_changed", ""),
            ("password_create", "web"),
            ("password_find", "web"),
            ("password_rehash", "web"),
            ("password_reset", "web"),
            ("prune_credentials", "jobs"),
            ("session_account", "web"),
            ("session_create", "web"),
            ("session_delete", "web"),
            ("session_end", "web"),
            ("session_list", "web"),
            ("session_user", "web"),
            ("token_create", "jobs"),
            ("token_identity", "web"),
            ("token_use", "web"),
        ]
    );
    for function in &found {
        assert!(function.is_safe, "{} acts for its owner with a fixed search path", function.name);
    }
    let tables: Vec<Function> = sql_query(
        "SELECT c.relname::text AS name, '' AS grantees,
            NOT EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner) AS is_safe
         FROM pg_class c
         WHERE c.relnamespace = 'catena'::regnamespace
             AND c.relname IN ('passwords', 'sessions', 'one_time_tokens')",
    )
    .load(&mut app.db().connect().await)
    .await
    .expect("the catalogue is readable");
    assert_eq!(tables.len(), 3);
    for table in &tables {
        assert!(table.is_safe, "nobody but the owner has a right on {}", table.name);
    }
}
