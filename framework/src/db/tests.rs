use diesel_async::SimpleAsyncConnection as _;

use super::{embedded::tests::Directory, *};
use crate::testing::{NoMigrations, TestDb};

/// What an application does in development.
async fn open(source: &Source, app: &str) -> Result<Database, SetupError> {
    let prepared = Prepared::new(source, app).await?;
    prepared.migrate(&Migrations::read(&NoMigrations)?).await?;
    prepared.connect(PoolSettings { web: 2, jobs: 1, ..PoolSettings::default() })
}

async fn attempt(pool: &Pool, sql: &str) -> Result<(), diesel::result::Error> {
    pool.get().await.unwrap().batch_execute(sql).await
}

/// What a working database lets its roles do.
async fn check(database: &Database) {
    attempt(&database.web, "SELECT catena.user_id()").await.unwrap();
    attempt(&database.web, "SELECT * FROM catena.migrations").await.unwrap_err();
    attempt(&database.web, "SELECT * FROM public.__diesel_schema_migrations").await.unwrap_err();
    attempt(&database.jobs, "SELECT * FROM catena.migrations").await.unwrap();
    attempt(&database.jobs, "DELETE FROM catena.migrations").await.unwrap_err();
    attempt(&database.jobs, "SELECT catena.user_id()").await.unwrap();
    database.engine.connect().await.unwrap();
}

#[tokio::test]
async fn an_empty_directory_is_enough() {
    let directory = Directory::new();
    let source = Source::Embedded(directory.path().to_owned());
    let (one, other) = tokio::try_join!(open(&source, "my-app"), open(&source, "my-app")).unwrap();
    check(&one).await;
    check(&other).await;
    assert_eq!(one.engine.url().user().as_deref(), Some("my_app_jobs"));
}

#[tokio::test]
async fn a_superuser_is_enough() {
    let db = TestDb::new(&NoMigrations).await;
    let name = format!("catena_superuser_{}", Uuid::now_v7().simple());
    let url = db.admin_url().with_database(&name);
    let database = open(&Source::Privileged(url), "catena_test").await.unwrap();
    check(&database).await;
    assert_eq!(
        database.engine.url().database(),
        Some(name.clone()),
        "the database is the one that the URL names"
    );
    drop(database);
    let admin = Session::open(&db.admin_url()).await.unwrap();
    admin.run("clean", &format!("DROP DATABASE {} WITH (FORCE)", identifier(&name))).await.unwrap();
}

#[tokio::test]
async fn roles_made_before_are_taken_as_they_are() {
    let db = TestDb::new(&NoMigrations).await;
    let [web, jobs] = [db.web_url(), db.jobs_url()].map(|url| Url::parse(url).unwrap());
    let database = open(&Source::Roles { web, jobs, owner: None }, "unused").await.unwrap();
    check(&database).await;
    database.close();
    assert_eq!(database.web.get().await.map(|_| ()).unwrap_err().code(), crate::Code::UNAVAILABLE);
}

#[tokio::test]
async fn a_server_that_asks_for_passwords_gets_them() {
    let directory = Directory::new();
    let cluster = directory.acquire();
    let trusted = cluster.superuser_url();
    let admin = trusted.with_login("postgres", Some("it's secret/:@"));
    let session = Session::open(&trusted).await.unwrap();
    session.run("test", "ALTER ROLE postgres PASSWORD 'it''s secret/:@'").await.unwrap();
    let rules = directory.path().join("pg/pg_hba.conf");
    std::fs::write(rules, "local all all scram-sha-256\n").unwrap();
    session.run("test", "SELECT pg_reload_conf()").await.unwrap();
    while Session::open(&trusted).await.is_ok() {}

    for _ in 0..2 {
        let database = open(&Source::Privileged(admin.clone()), "app").await.unwrap();
        check(&database).await;
        let unknown = Session::open(&database.engine.url().with_login("app_web", Some("wrong"))).await;
        let error = unknown.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("password authentication failed") && !error.contains("wrong"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_named_without_its_password() {
    let source = Source::Privileged(Url::parse("postgres://me:hidden@%2Fnowhere/app").unwrap());
    let error = open(&source, "app").await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("postgres://me@%2Fnowhere/postgres"), "{error}");
    assert!(!error.contains("hidden"), "{error}");
    assert!(!format!("{source:?}").contains("hidden"));
}
