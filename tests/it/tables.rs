//! A database whose tables are not those of the models, as who starts an application meets it.

use catena::testing::TestDb;
use serde_json::Value;

use crate::process::{in_production, on, refusal};

const EXAMPLE: catena::testing::EmbeddedMigrations = {
    use catena::testing::diesel_migrations;
    diesel_migrations::embed_migrations!("../example-app/migrations")
};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_the_models_do_not_fit_stops_the_boot_with_every_fault() {
    let db = TestDb::new(&EXAMPLE).await;
    let doctor =
        on("example", &db).args(["doctor", "models", "--json"]).output().expect("the program is built");
    let found: Value = serde_json::from_slice(&doctor.stdout).expect("JSON");
    assert_eq!(found[0]["what"], "the database has the columns that the models read and write", "{found}");

    db.execute(
        "ALTER TABLE tasks ALTER title TYPE varchar(200), ADD colour text;
         ALTER TABLE tasks DROP notes;
         ALTER TABLE tasks ALTER due_at TYPE date;
         ALTER TABLE profiles RENAME email TO address",
    )
    .await;
    let faults = [
        "column profiles.email is not in the database",
        "column profiles.address is NOT NULL and has no default, and `table!` lacks it: no row can be inserted",
        "column tasks.notes is not in the database",
        "column tasks.due_at is date in the database and timestamp with time zone in `table!`",
    ];
    for args in [&["serve"][..], &["serve", "--no-jobs"], &["work"]] {
        let said = refusal(on("example", &db).args(args));
        let errors: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
        assert_eq!(errors, faults, "{said}");
        assert!(said.contains("`table!` and from `Task` at example-app/src/models/task.rs:"), "{said}");
        assert!(said.contains("column tasks.colour is in the database and not in `table!`"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_tells_of_tables_that_have_not_been_made() {
    let db = TestDb::new(&EXAMPLE).await;
    db.execute("DROP TABLE tasks, profiles CASCADE; DELETE FROM __diesel_schema_migrations").await;
    let mut command = in_production("example", &db, &["serve", "--no-jobs"]);
    let said = refusal(command.env("SMTP_URL", "smtp://127.0.0.1:1"));
    let errors: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    assert_eq!(
        errors,
        ["table profiles is not in the database", "table tasks is not in the database"],
        "{said}"
    );
    assert!(said.contains("run the command `migrate`"), "{said}");
}
