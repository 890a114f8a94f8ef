//! The command that makes the roles of a database, as who sets up production meets it.

use std::process::Output;

use catena::testing::TestDb;
use diesel::{
    OptionalExtension as _, QueryableByName,
    sql_types::{Bool, Text},
};
use diesel_async::RunQueryDsl as _;

use crate::process::{self, LEDGER, in_production, on};

/// The superuser's URL of another database than the test's own.
pub(crate) fn url_of(db: &TestDb, database: &str) -> String {
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
    let output = process::psql(&["-q", "-v", "ON_ERROR_STOP=1", url], script);
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
    // Not named like the databases of tests, of which others drop those that nobody holds.
    let database = format!("roles_{}", std::process::id());
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

/// As on hosts where nobody may give BYPASSRLS: a login that makes roles, and no superuser.
#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_give_bypassrls_jobs_see_every_row_by_policies() {
    let db = TestDb::new(&LEDGER).await;
    let id = std::process::id();
    let (maker, database) = (format!("maker_{id}"), format!("fallback_{id}"));
    let postgres = url_of(&db, "postgres");
    psql(&postgres, &format!("CREATE ROLE {maker} LOGIN CREATEROLE CREATEDB"));
    let url = url_of(&db, &database).replace("://postgres@", &format!("://{maker}@"));

    let mut command = on("example", &db);
    let (ok, applied, note) =
        text(&command.env("DATABASE_URL", &url).args(["roles", "--apply"]).output().expect("it runs"));
    assert!(ok, "{note}");
    assert_eq!(
        note,
        format!(
            "note: {maker} may not give BYPASSRLS, so `migrate` will make a policy catena_jobs\nfor example_app_jobs on \
             each table; a superuser may spare that by:\nALTER ROLE example_app_jobs BYPASSRLS\n"
        )
    );
    let applied = settings(&applied);
    let run = |args: &[&str]| {
        let mut command = in_production("example", &db, args);
        text(&command.envs(applied.clone()).env("SMTP_URL", "smtp://127.0.0.1:1").output().expect("it runs"))
    };
    let (ok, _, complaint) = run(&["migrate"]);
    assert!(ok, "{complaint}");
    let (ok, told, complaint) = run(&["doctor", "migrations", "roles", "tables"]);
    assert!(ok && told.ends_with("\n0 faults, 0 warnings\n"), "{told}{complaint}");

    // A table that came by other ways than `migrate`, until `migrate` runs again.
    let owner = &applied[2].1;
    psql(
        owner,
        "CREATE TABLE late (user_id uuid PRIMARY KEY); ALTER TABLE late ENABLE ROW LEVEL SECURITY;
        CREATE POLICY late_own ON late USING (user_id = (SELECT catena.user_id()))",
    );
    let (ok, _, complaint) = run(&["serve", "--no-jobs"]);
    assert!(!ok);
    assert_eq!(
        complaint.lines().skip_while(|line| !line.starts_with("error: ")).collect::<Vec<_>>(),
        [
            "error: jobs would not see all of public.late: their role, example_app_jobs, is under row-level security, \
             and the table has no policy catena_jobs for it, which `migrate` makes",
            "  mend: CREATE POLICY catena_jobs ON public.late TO example_app_jobs USING (true) WITH CHECK (true)",
        ]
    );
    assert_eq!(run(&["migrate"]).1, "the database is up to date\n");
    assert!(run(&["doctor", "tables"]).0);

    psql(&postgres, &format!("DROP DATABASE {database} WITH (FORCE)"));
    psql(&postgres, &format!("DROP ROLE example_app_owner, example_app_web, example_app_jobs, {maker}"));
}
