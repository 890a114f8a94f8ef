//! The command that says what is wrong, as who runs it meets it.

use std::process::Command;

use catena::testing::TestDb;
use serde_json::{Value, json};

use crate::process::{LEDGER, Server, in_production, on, refusal};

/// Whether it succeeds, what it prints, and what it complains of.
fn run(command: &mut Command) -> (bool, String, String) {
    let output = command.output().expect("the program is built");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// The words without the lines they stand in.
fn unwrapped(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// No line is longer than a screen is wide, unless it is one long word.
fn assert_fits(words: &str) {
    for line in words.lines() {
        assert!(line.chars().count() <= 80 || line.split_whitespace().count() == 1, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_told_of_and_those_that_cannot_be_read_are_faults() {
    let db = TestDb::new(&LEDGER).await;
    let (ok, words, complaint) = run(on("ledger", &db).args(["doctor", "settings"]));
    assert!(ok && words.starts_with("settings\n  ok "), "{words}{complaint}");
    assert!(words.ends_with("\n0 faults, 0 warnings\n"), "{words}");

    let far = "postgres://me:hidden@db.example.test/app";
    let mut command = on("ledger", &db);
    command.env("DATABASE_URL", far).args(["doctor", "settings"]);
    let (ok, words, _) = run(&mut command);
    assert!(ok, "a warning is no failure: {words}");
    assert!(
        unwrapped(&words).contains("warning DATABASE_URL (postgres://me@db.example.test/app) leads over"),
        "{words}"
    );
    assert!(words.contains("?sslmode=verify-full") && !words.contains("hidden"), "{words}");
    assert_fits(&words);

    let mut command = on("ledger", &db);
    command.env("CATENA_ENV", "production").env("PORT", "many").args(["doctor", "--json"]);
    let (ok, printed, complaint) = run(&mut command);
    assert_eq!((ok, complaint.as_str()), (false, ""));
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    let expected = json!({
        "section": "settings", "level": "fault", "what": "PORT=many: write a port number from 0 to 65535"
    });
    assert!(found.as_array().is_some_and(|all| all.contains(&expected)), "{printed}");
    assert!(printed.contains("CATENA_SECRET is not set"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_as_it_should_be_has_no_faults() {
    let db = TestDb::new(&LEDGER).await;
    let (ok, words, complaint) = run(&mut in_production("ledger", &db, &["doctor"]));
    assert!(ok, "{words}{complaint}");
    assert_fits(&words);
    let sections: Vec<_> = words.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        sections,
        ["settings", "server", "migrations", "roles", "tables", "models", "limits", "0 faults, 2 warnings"],
        "the warnings are of /metrics and of limits: {words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_table_is_a_fault_in_production_which_does_not_start_with_it() {
    let db = TestDb::new(&LEDGER).await;
    db.execute("COMMENT ON TABLE ledger IS NULL").await;
    let what = "requests may DELETE, INSERT, SELECT, UPDATE public.ledger, all of it: it has no row-level security; if \
                everybody may: COMMENT ON TABLE public.ledger IS 'catena: public'";
    let mend = "REVOKE ALL ON public.ledger FROM catena_test_web";
    let (ok, printed, _) = run(&mut in_production("ledger", &db, &["doctor", "tables", "--json"]));
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    assert!(!ok, "{printed}");
    assert_eq!(found, json!([{"section": "tables", "level": "fault", "what": what, "mend": mend}]));
    assert_eq!(
        refusal(&mut in_production("ledger", &db, &["serve", "--no-jobs"])),
        format!("error: {what}\n  mend: {mend}\n")
    );

    let (ok, words, _) = run(on("ledger", &db).args(["doctor", "tables"]));
    assert!(ok && unwrapped(&words).starts_with(&format!("tables warning {what} mend: {mend}")), "{words}");
    assert_fits(&words);
    let server = Server::start("ledger", &db, &["serve", "--no-jobs"]);
    assert!(server.said().iter().any(|line| line.contains(what)), "{:?}", server.said());

    db.execute("COMMENT ON TABLE ledger IS 'catena: public'").await;
    assert!(run(&mut in_production("ledger", &db, &["doctor", "tables"])).0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_told_of_without_its_password() {
    let db = TestDb::new(&LEDGER).await;
    let mut command = in_production("ledger", &db, &["doctor"]);
    for setting in ["DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_OWNER_URL"] {
        command.env(setting, "postgres://me:hidden@127.0.0.1:1/app");
    }
    let (ok, words, complaint) = run(&mut command);
    assert!(!ok && complaint.is_empty(), "{complaint}");
    assert_fits(&words);
    let all = unwrapped(&words);
    assert!(
        all.contains("server FAULT DATABASE_URL: cannot connect to postgres://me@127.0.0.1:1/app"),
        "{words}"
    );
    assert!(all.contains("roles FAULT not looked at"), "{words}");
    assert!(!words.contains("hidden"), "{words}");
}

/// The private server of development, empty: what is to be migrated at the next start is no fault.
#[tokio::test(flavor = "multi_thread")]
async fn development_needs_no_database_of_its_own() {
    let db = TestDb::new(&LEDGER).await;
    let folder = std::env::temp_dir().join(format!("catena-doctor-{}", std::process::id()));
    let mut command = on("ledger", &db);
    for setting in ["DATABASE_URL", "DATABASE_JOBS_URL", "DATABASE_OWNER_URL"] {
        command.env_remove(setting);
    }
    let (ok, words, complaint) = run(command.env("CATENA_DIR", &folder).arg("doctor"));
    std::fs::remove_dir_all(&folder).expect("it was made");
    assert!(ok, "{words}{complaint}");
    assert!(unwrapped(&words).contains("migrations warning the database has not been migrated"), "{words}");
    assert_fits(&words);
}
