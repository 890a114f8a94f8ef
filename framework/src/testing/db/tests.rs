use super::*;

async fn open(url: &str) -> Session {
    Session::open(&Url::parse(url).unwrap()).await.unwrap()
}

#[tokio::test]
async fn two_databases_are_apart_and_migrated() {
    let (one, other) = tokio::join!(TestDb::new(&NoMigrations), TestDb::new(&NoMigrations));
    open(one.owner_url()).await.run("test", "CREATE TABLE things ()").await.unwrap();
    let exists = "SELECT to_regclass('things') IS NOT NULL";
    assert!(open(one.web_url()).await.ask("test", exists, &[]).await.unwrap());
    assert!(!open(other.web_url()).await.ask("test", exists, &[]).await.unwrap());
    for url in [one.web_url(), one.jobs_url(), other.jobs_url()] {
        let nobody = "SELECT catena.user_id() IS NULL";
        assert!(open(url).await.ask("test", nobody, &[]).await.unwrap(), "the house's migrations have run");
    }
}

#[tokio::test]
async fn databases_of_tests_that_have_ended_are_dropped_and_others_stay() {
    let ended = TestDb::new(&NoMigrations).await;
    let name = Url::parse(ended.web_url()).unwrap().database().unwrap();
    let running = TestDb::new(&NoMigrations).await;
    drop(ended);
    // The server learns of a closed connection in its own time, and other tests leave databases too.
    let exists = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)";
    let watching = open(running.owner_url()).await;
    let gone = async {
        while watching.ask("test", exists, &[&name]).await.unwrap() {
            TestDb::new(&NoMigrations).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the database is dropped");
    open(running.web_url()).await;
}
