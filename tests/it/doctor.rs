//! The command that says what is wrong, as who runs it meets it.

use std::process::Command;

use catena::testing::TestDb;
use serde_json::{Value, json};

use crate::process::{LEDGER, on};

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
    assert!(words.lines().all(|line| line.chars().count() <= 80), "{words}");

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
