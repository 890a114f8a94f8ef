//! What a statement can reach that was smuggled into a request: the role of requests, by a connection of its own.

use catena::testing::{TestApp, TestDb};
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl as _;
use serde_json::json;

use crate::{
    process,
    support::{example, signed_up},
};

/// What only the other user, jobs or the owner may see.
const HIDDEN: &str = "hidden";

/// Runs a script as psql does, to its end; what it printed and what it complained of.
fn psql(url: &str, script: &str) -> String {
    let output = process::psql(&["-q", "-A", "-t", url], script);
    [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat()
}

/// The example with a task of two users each. The title of the first one's is a number, for casts.
struct Stage {
    app: TestApp,
    ada: String,
    ben: String,
}

impl Stage {
    async fn set() -> Self {
        let app = example().await;
        let mut ids = Vec::new();
        for (name, title) in [("ada", "424242"), ("hidden-ben", "hidden title")] {
            let mut client = signed_up(&app, name).await;
            assert_eq!(client.post("/api/tasks/create", json!({"title": title})).await.status, 201);
            ids.push(client.get("/api/auth/me").await.json()["id"].as_str().expect("an id").to_owned());
        }
        // What a leak could be made of: statistics, a large object, two views, one made as it should be.
        app.db()
            .execute(
                "SELECT lo_from_bytea(4242, 'hidden object');
                 CREATE VIEW careful WITH (security_invoker = true) AS SELECT * FROM tasks;
                 CREATE VIEW careless AS SELECT * FROM tasks; REVOKE ALL ON careless FROM PUBLIC, catena_test_web;
                 ANALYZE;",
            )
            .await;
        let [ada, ben] = ids.try_into().expect("two");
        Self { app, ada, ben }
    }

    fn db(&self) -> &TestDb {
        self.app.db()
    }

    /// Runs statements with the first user's identity, as the role of requests.
    fn as_ada(&self, statements: &str) -> String {
        let statements = statements.replace("{ben}", &self.ben).replace("{ada}", &self.ada);
        psql(self.db().web_url(), &format!("SET catena.user_id = '{}';\n{statements}\n", self.ada))
    }
}

/// Statements, and what is said to them.
const ESCAPES: &[(&str, &str)] = &[
    // Other roles.
    ("RESET ROLE; SELECT current_user, title FROM tasks", "catena_test_web|424242"),
    ("SET ROLE NONE; SELECT title FROM tasks", "424242"),
    ("SET ROLE catena_test_owner", "permission denied to set role"),
    ("SET ROLE catena_test_jobs", "permission denied to set role"),
    ("SET LOCAL ROLE postgres", "permission denied to set role"),
    ("SELECT set_config('role', 'catena_test_jobs', false)", "permission denied to set role"),
    ("DO $$ BEGIN EXECUTE 'SET ROLE catena_test_owner'; END $$", "permission denied to set role"),
    ("SET SESSION AUTHORIZATION catena_test_owner", "permission denied to set session authorization"),
    ("SET SESSION AUTHORIZATION postgres", "permission denied to set session authorization"),
    ("RESET SESSION AUTHORIZATION; SELECT session_user, title FROM tasks", "catena_test_web|424242"),
    ("GRANT catena_test_jobs TO catena_test_web", "role \"catena_test_jobs\""),
    ("ALTER ROLE catena_test_web BYPASSRLS", "ERROR:"),
    ("CREATE ROLE another", "permission denied to create role"),
    // Row-level security itself.
    ("SELECT title FROM tasks", "424242"),
    (
        "SET row_security = off; SELECT title FROM tasks",
        "query would be affected by row-level security policy",
    ),
    ("ALTER TABLE tasks DISABLE ROW LEVEL SECURITY", "must be owner of"),
    ("DROP POLICY tasks_own ON tasks", "must be owner of"),
    ("CREATE POLICY mine ON tasks USING (true)", "must be owner of"),
    ("ALTER TABLE tasks OWNER TO catena_test_web", "must be owner of"),
    ("SET session_replication_role = replica", "permission denied to set parameter"),
    ("TRUNCATE tasks", "permission denied for table tasks"),
    (
        "INSERT INTO tasks (owner_id, title) VALUES ('{ben}', 'x')",
        "new row violates row-level security policy",
    ),
    ("UPDATE tasks SET owner_id = '{ben}'", "new row violates row-level security policy"),
    (
        "UPDATE tasks SET title = 'x' WHERE owner_id = '{ben}' RETURNING 'changed'; SELECT 'nothing more'",
        "nothing more",
    ),
    ("DELETE FROM tasks WHERE owner_id = '{ben}' RETURNING 'deleted'; SELECT 'nothing more'", "nothing more"),
    (
        "PREPARE p AS SELECT title FROM tasks; RESET catena.user_id; EXECUTE p; SELECT 'nothing more'",
        "nothing more",
    ),
    // Things of one's own, which would run with the rights of who meets them.
    ("CREATE TABLE mine (id int)", "permission denied for schema public"),
    ("CREATE TEMP TABLE tasks (id int)", "permission denied to create temporary tables"),
    ("CREATE TABLE catena.mine (id int)", "permission denied for schema catena"),
    ("CREATE SCHEMA mine", "permission denied for database"),
    ("CREATE VIEW mine AS SELECT 1", "permission denied for schema public"),
    (
        "CREATE FUNCTION pg_temp.mine() RETURNS int LANGUAGE sql RETURN 1",
        "permission denied to create temporary tables",
    ),
    ("CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1", "permission denied for schema public"),
    (
        "CREATE OR REPLACE FUNCTION catena.user_id() RETURNS uuid LANGUAGE sql RETURN NULL",
        "permission denied for schema",
    ),
    ("CREATE RULE mine AS ON SELECT TO tasks DO INSTEAD SELECT 1", "must be owner of"),
    ("CREATE INDEX ON tasks (title)", "must be owner of"),
    ("COMMENT ON TABLE tasks IS 'catena: public'", "must be owner of"),
    ("LOAD '/tmp/mine.so'", "is not allowed"),
    // Functions and views that act for somebody else.
    ("SET search_path = catena, pg_temp; SELECT public.count_tasks()", "2"),
    ("SELECT title FROM careful", "424242"),
    ("SELECT title FROM careless", "permission denied for view careless"),
    (
        "SELECT catena.token_create('hidden-ben@example.test', 'reset', sha256('x'), 60)",
        "permission denied for function",
    ),
    ("SELECT catena.password_changed('{ben}')", "permission denied for function"),
    ("SELECT catena.prune_credentials(1)", "permission denied for function"),
    ("SELECT catena.rotate_job_history(0)", "permission denied for function"),
    ("SELECT * FROM catena.session_list(sha256('guessed')); SELECT 'nothing more'", "nothing more"),
    // Copies, files and programs.
    ("COPY tasks (title) TO STDOUT", "424242"),
    ("COPY (SELECT title FROM tasks) TO STDOUT", "424242"),
    ("COPY tasks (title) FROM STDIN;\nx\n\\.\n", "COPY FROM not supported with row-level security"),
    ("COPY tasks TO '/tmp/catena-hidden'", "to COPY to a file"),
    ("COPY tasks FROM '/etc/passwd'", "to COPY from a file"),
    ("COPY (SELECT 1) TO PROGRAM 'cat'", "to COPY to or from an external program"),
    ("COPY tasks FROM PROGRAM 'id'", "to COPY to or from an external program"),
    ("SELECT pg_read_file('PG_VERSION')", "permission denied for function pg_read_file"),
    ("SELECT pg_read_binary_file('PG_VERSION')", "permission denied for function pg_read_binary_file"),
    ("SELECT pg_ls_dir('.')", "permission denied for function pg_ls_dir"),
    ("SELECT pg_stat_file('PG_VERSION')", "permission denied for function pg_stat_file"),
    ("SELECT pg_ls_waldir()", "permission denied for function pg_ls_waldir"),
    ("SELECT lo_import('/etc/passwd')", "permission denied for function lo_import"),
    ("SELECT lo_export(4242, '/tmp/catena-hidden')", "permission denied for function lo_export"),
    ("SELECT lo_get(4242)", "permission denied for large object"),
    ("SELECT data FROM pg_largeobject", "permission denied for table pg_largeobject"),
    ("ALTER SYSTEM SET log_statement = 'all'", "permission denied"),
    // What the server knows of the rows, and errors that repeat a value.
    (
        "SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'tasks'; SELECT 'none'",
        "none",
    ),
    ("SELECT stavalues1 FROM pg_statistic", "permission denied for table pg_statistic"),
    ("SELECT rolpassword FROM pg_authid", "permission denied for table pg_authid"),
    ("SELECT title::int FROM tasks", "424242"),
    ("SELECT title FROM tasks WHERE 1 / (title <> 'hidden title')::int = 1", "424242"),
    ("SELECT title FROM tasks WHERE title::int > 0", "424242"),
    ("SELECT id FROM profiles WHERE email LIKE 'hidden%' AND 1 / 0 = 1; SELECT 'none'", "none"),
    (
        "SELECT query FROM pg_stat_activity WHERE usename <> current_user AND query ~ 'hidden'; SELECT 'none'",
        "none",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_escape_shows_the_role_of_requests_more() {
    let stage = Stage::set().await;
    for (statements, expected) in ESCAPES {
        let said = stage.as_ada(statements);
        assert!(said.contains(expected), "{statements}\nsaid: {said}");
        // An error repeats the statement it is about.
        let said: String = said.lines().filter(|line| !line.starts_with("LINE ")).collect();
        assert!(!said.contains(HIDDEN), "{statements}\nshowed: {said}");
    }
    let rows = psql(stage.db().owner_url(), "SELECT title, owner_id FROM tasks ORDER BY title");
    assert_eq!(rows, format!("424242|{}\nhidden title|{}\n", stage.ada, stage.ben), "nothing has changed");
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_requests_has_no_right_on_any_table_of_the_framework() {
    let stage = Stage::set().await;
    let tables: Vec<Named> = sql_query(
        "SELECT c.oid::regclass::text AS name FROM pg_class c
         WHERE c.relnamespace = 'catena'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')",
    )
    .load(&mut stage.db().connect().await)
    .await
    .expect("the catalogue is readable");
    assert!(tables.len() >= 8, "{}", tables.len());
    let mut statements = String::new();
    let mut asked = 0;
    for Named { name } in &tables {
        for statement in [
            format!("SELECT count(*) FROM {name}"),
            format!("INSERT INTO {name} DEFAULT VALUES"),
            format!("DELETE FROM {name}"),
            format!("TRUNCATE {name}"),
            format!("LOCK TABLE {name} IN ACCESS SHARE MODE"),
            format!("COPY {name} TO STDOUT"),
        ] {
            statements.push_str(&format!("BEGIN; {statement}; ROLLBACK;\n"));
            asked += 1;
        }
    }
    let said = stage.as_ada(&statements);
    let refused = said.lines().filter(|line| line.contains("permission denied for")).count();
    assert_eq!((refused, said.lines().count()), (asked, asked), "{said}");
}

/// The identity is a setting of the session. It guards against handlers that ask for too much; a statement that somebody
/// smuggles in is another matter, as the README and `Ctx::db` say.
#[tokio::test(flavor = "multi_thread")]
async fn injected_sql_can_take_another_identity() {
    let stage = Stage::set().await;
    let said = stage.as_ada("SET catena.user_id = '{ben}'; SELECT title FROM tasks");
    assert_eq!(said, "hidden title\n");
    let said = stage.as_ada("SELECT set_config('catena.user_id', '{ben}', true), title FROM tasks");
    assert!(!said.contains(HIDDEN), "whom a statement acts for is known before it reads: {said}");
}
