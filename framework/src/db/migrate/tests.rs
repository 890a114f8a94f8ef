use std::path::Path;

use diesel_migrations::FileBasedMigrations;
use tempfile::TempDir;

use super::*;
use crate::testing::{NoMigrations, TestDb};

const ROLES: (&str, &str) = ("catena_test_web", "catena_test_jobs");

/// A folder of migrations.
struct Folder(TempDir);

impl Folder {
    fn new(migrations: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, sql) in migrations {
            folder.write(&format!("{name}/up.sql"), sql);
        }
        folder
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self) -> Migrations {
        Migrations::read(&FileBasedMigrations::from_path(self.0.path()).unwrap()).unwrap()
    }
}

async fn database() -> (TestDb, Url) {
    let db = TestDb::new(&NoMigrations).await;
    let owner = Url::parse(db.owner_url()).unwrap();
    (db, owner)
}

async fn exists(owner: &Url, table: &str) -> bool {
    let session = Session::open(owner).await.unwrap();
    session.ask("test", "SELECT to_regclass($1) IS NOT NULL", &[&table]).await.unwrap()
}

#[tokio::test]
async fn migrations_run_once_and_in_order() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[
        ("2025-01-02-000000_second", "ALTER TABLE things ADD name text"),
        ("2025-01-01-000000_first", "CREATE TABLE things ()"),
    ]);
    let migrations = folder.read();
    let status = migrations.status(&owner).await.unwrap();
    assert!(status.iter().all(|one| one.applied == one.house), "{status:?}");
    assert!(status.iter().any(|one| one.name == "0001_foundation"), "{status:?}");
    let done = migrations.run(&owner, ROLES.0, ROLES.1).await.unwrap();
    assert_eq!(done, ["2025-01-01-000000_first", "2025-01-02-000000_second"]);
    assert!(migrations.status(&owner).await.unwrap().iter().all(|one| one.applied));
    assert_eq!(migrations.run(&owner, ROLES.0, ROLES.1).await.unwrap(), [""; 0]);

    let cli = "SELECT version::text FROM __diesel_schema_migrations ORDER BY 1";
    let session = Session::open(&owner).await.unwrap();
    assert_eq!(session.texts("test", cli, &[]).await.unwrap(), ["20250101000000", "20250102000000"]);
}

#[tokio::test]
async fn a_database_without_anything_has_everything_pending() {
    let (db, _) = database().await;
    let admin = db.admin_url().with_database("postgres");
    let status = Migrations::read(&NoMigrations).unwrap().status(&admin).await.unwrap();
    assert!(status.iter().all(|one| one.house && !one.applied), "{status:?}");
}

#[tokio::test]
async fn a_failure_leaves_nothing_of_its_migration_and_says_where_it_is() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[
        ("0001_good", "CREATE TABLE good ()"),
        ("0002_bad", "-- größer\nCREATE TABLE half ();\n\n  CREATE TABL other ();\n"),
        ("0003_later", "CREATE TABLE later ()"),
    ]);
    let error = folder.read().run(&owner, ROLES.0, ROLES.1).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "migration 0002_bad failed at line 4 (CREATE TABL other ();): syntax error at or near \"TABL\""
    );
    assert!(exists(&owner, "good").await);
    assert!(!exists(&owner, "half").await);
    assert!(!exists(&owner, "later").await);
    folder.write("0002_bad/up.sql", "CREATE TABLE half ()");
    assert_eq!(folder.read().run(&owner, ROLES.0, ROLES.1).await.unwrap(), ["0002_bad", "0003_later"]);
}

#[tokio::test]
async fn an_error_in_a_function_is_not_blamed_on_a_line() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[("0001_bad", "\n\nDO $$ BEGIN\nPERFORM nothing;\nEND $$;")]);
    let error = folder.read().run(&owner, ROLES.0, ROLES.1).await.unwrap_err().to_string();
    assert_eq!(error, "migration 0001_bad failed: column \"nothing\" does not exist");
}

#[tokio::test]
async fn rows_hidden_from_the_owner_are_an_error_and_not_left_out() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[
        (
            "0001_table",
            "CREATE TABLE things (n int); ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        ),
        ("0002_rows", "UPDATE things SET n = 1"),
    ]);
    let error = folder.read().run(&owner, ROLES.0, ROLES.1).await.unwrap_err().to_string();
    assert!(error.contains("0002_rows") && error.contains("row-level security"), "{error}");
}

#[tokio::test]
async fn several_processes_at_once_run_each_migration_once() {
    let (_db, owner) = database().await;
    let folder =
        Folder::new(&[("0001_things", "CREATE TABLE things ()"), ("0002_more", "CREATE TABLE more ()")]);
    let migrations = folder.read();
    let run = || migrations.run(&owner, ROLES.0, ROLES.1);
    let (one, two, three) = tokio::try_join!(run(), run(), run()).unwrap();
    assert_eq!([one.len(), two.len(), three.len()].iter().sum::<usize>(), 2);
}

#[tokio::test]
async fn the_last_migration_is_undone_and_runs_again() {
    let (_db, owner) = database().await;
    let folder =
        Folder::new(&[("0001_things", "CREATE TABLE things ()"), ("0002_others", "CREATE TABLE others ()")]);
    folder.write("0002_others/down.sql", "DROP TABLE others");
    let migrations = folder.read();
    let revert = async || migrations.revert(&owner, ROLES.0, ROLES.1).await;
    assert_eq!(revert().await.unwrap(), None, "nothing has run");
    migrations.run(&owner, ROLES.0, ROLES.1).await.unwrap();
    assert_eq!(revert().await.unwrap().as_deref(), Some("0002_others"));
    assert!(exists(&owner, "things").await && !exists(&owner, "others").await);
    assert_eq!(
        revert().await.unwrap_err().to_string(),
        "migration 0001_things says nothing of how to undo it; write it into its down.sql, or write a new migration \
         that undoes it"
    );
    assert_eq!(migrations.run(&owner, ROLES.0, ROLES.1).await.unwrap(), ["0002_others"]);

    let older = Folder::new(&[("0001_things", "CREATE TABLE things ()")]).read();
    let error = older.revert(&owner, ROLES.0, ROLES.1).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the database has migration 0002, which this program does not know"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failing_way_back_leaves_everything_as_it_was() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[("0001_things", "CREATE TABLE things ()")]);
    folder.write("0001_things/down.sql", "DROP TABLE things;\nDROP TABLE thing;\n");
    let migrations = folder.read();
    migrations.run(&owner, ROLES.0, ROLES.1).await.unwrap();
    let error = migrations.revert(&owner, ROLES.0, ROLES.1).await.unwrap_err().to_string();
    assert_eq!(error, "migration 0001_things (down.sql) failed: table \"thing\" does not exist");
    assert!(exists(&owner, "things").await);
    assert!(migrations.status(&owner).await.unwrap().iter().all(|one| one.applied));
}

#[tokio::test]
async fn what_is_checked_at_the_end_names_its_migration_too() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[(
        "0001_things",
        "CREATE TABLE things (n int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO things VALUES (1), (1)",
    )]);
    let error = folder.read().run(&owner, ROLES.0, ROLES.1).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot record that migration 0001_things ran: duplicate key"), "{error}");
    assert!(!exists(&owner, "things").await);
}

#[tokio::test]
async fn a_migration_may_ask_to_run_outside_a_transaction() {
    let (_db, owner) = database().await;
    let folder = Folder::new(&[
        ("0001_table", "CREATE TABLE things (n int)"),
        ("0002_index", "CREATE INDEX CONCURRENTLY things_n ON things (n)"),
    ]);
    folder.write("0002_index/metadata.toml", "run_in_transaction = false");
    // Others wait for their turn meanwhile: an index made concurrently must not wait for them.
    let migrations = folder.read();
    let run = || migrations.run(&owner, ROLES.0, ROLES.1);
    tokio::try_join!(run(), run(), run()).unwrap();
    assert!(exists(&owner, "things_n").await);
}
