//! The command that makes the roles of a database, as who sets up production meets it.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use catena::testing::TestDb;
use diesel::{
    OptionalExtension as _, QueryableByName,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl as _;

use crate::process::{LEDGER, on};

/// The superuser's URL of another database than the test's own.
fn url_of(db: &TestDb, database: &str) -> String {
    let url = db.superuser_url();
    let options = url.find('?').unwrap_or(url.len());
    let slash = url[..options].rfind('/').expect("the URL names a database");
    format!("{}/{database}{}", &url[..slash], &url[options..])
}

fn roles(db: &TestDb, url: &str, args: &[&str]) -> Output {
    let mut command = on("ledger", db);
    command.env("DATABASE_URL", url).arg("roles").args(args).output().expect("the program is built")
}

fn text(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

/// What is set to the three URLs by lines such as `DATABASE_URL=…`.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(|line| line.trim_start_matches("-- "));
    lines
        .filter(|line| line.starts_with("DATABASE_"))
        .filter_map(|line| line.split_once('='))
        .map(|(name, url)| (name.to_owned(), url.to_owned()))
        .collect()
}

/// Runs a script as psql does.
fn psql(url: &str, script: &str) {
    let mut child = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql comes with PostgreSQL");
    child.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("psql reads");
    let output = child.wait_with_output().expect("psql ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    roles: String,
    #[diesel(sql_type = Bool)]
    kept_as_hash: bool,
}

/// The roles in the database, one text, and whether their passwords are there as hashes only.
async fn found(url: &str) -> Row {
    use diesel_async::{AsyncConnection as _, AsyncPgConnection};
    let mut superuser = AsyncPgConnection::establish(url).await.expect("a superuser logs in");
    let sql =
        "SELECT string_agg(concat_ws(' ', rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole), ', '
            ORDER BY rolname) AS roles, bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') AS kept_as_hash
        FROM pg_authid WHERE starts_with(rolname, 'catena_tests_')";
    let row: Option<Row> = diesel::sql_query(sql).get_result(&mut superuser).await.optional().expect("roles");
    row.expect("an aggregate is one row")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_that_is_printed_makes_what_apply_makes() {
    let db = TestDb::new(&LEDGER).await;
    let database = format!("catena_test_db_roles_{}", std::process::id());
    let url = url_of(&db, &database);

    let (ok, script, complaint) = text(&roles(&db, &url, &[]));
    assert!(ok, "{complaint}");
    let printed = settings(&script);
    // Twice, as whoever is not sure whether it ran runs it again.
    for _ in 0..2 {
        psql(&url_of(&db, "postgres"), &script);
    }
    let made = found(&url).await;
    assert_eq!(made.roles, "catena_tests_jobs t f t f, catena_tests_owner t f f f, catena_tests_web t f f f");
    assert!(made.kept_as_hash);

    let (ok, applied, complaint) = text(&roles(&db, &url, &["--apply"]));
    assert!(ok, "{complaint}");
    assert_eq!(applied.lines().count(), 3, "{applied}");
    let applied = settings(&applied);
    assert_eq!(found(&url).await.roles, made.roles);
    assert_eq!(
        applied.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_OWNER_URL"]
    );
    for ((_, applied), (_, printed)) in applied.iter().zip(&printed) {
        assert_ne!(applied, printed, "every run has passwords of its own");
    }

    let migrated = on("ledger", &db).envs(applied).arg("migrate").output().expect("the program is built");
    let (ok, _, complaint) = text(&migrated);
    assert!(ok, "{complaint}");
    psql(&url_of(&db, "postgres"), &format!("DROP DATABASE {database} WITH (FORCE)"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_make_roles_is_told_so() {
    let db = TestDb::new(&LEDGER).await;
    let (ok, printed, complaint) = text(&roles(&db, db.web_url(), &["--apply"]));
    assert_eq!((ok, printed.as_str()), (false, ""));
    assert_eq!(
        complaint,
        "error: DATABASE_URL: the role catena_test_web may not make roles; write the login of a superuser, or of a \
         role with CREATEROLE and CREATEDB\n"
    );
}
