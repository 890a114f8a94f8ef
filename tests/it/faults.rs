//! What goes wrong between the two halves of a request: nothing is half written, and afterwards all is as before.

mod crowded;
mod dropped;
mod restarted;
mod swallowed;

use catena::testing::{EmbeddedMigrations, TestDb, diesel_migrations};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use serde_json::{Value, json};

use crate::{
    process::{Server, wait_for},
    roles::url_of,
};

const PAIRS: EmbeddedMigrations = diesel_migrations::embed_migrations!("apps/pairs/migrations");

/// The connections of a pool.
const POOL: usize = 16;

/// How many left halves, right halves and pairs there are.
fn count(server: &Server) -> (i64, i64, i64) {
    let (status, text) = server.get("/api/count");
    let found: Value = serde_json::from_str(&text).unwrap_or_default();
    let number = |name: &str| found[name].as_i64().unwrap_or_else(|| panic!("{status}: {text}"));
    (number("lefts"), number("rights"), number("pairs"))
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A connection that sees what the others are doing.
async fn observer(db: &TestDb) -> AsyncPgConnection {
    let url = db.web_url();
    let path = url.split('?').next().unwrap_or_default();
    let database = path.rsplit('/').next().unwrap_or_default();
    AsyncPgConnection::establish(&url_of(db, database)).await.expect("a superuser logs in")
}

/// Asks for a number.
async fn ask(observer: &mut AsyncPgConnection, sql: &str) -> usize {
    let row: Number = sql_query(format!("SELECT ({sql})::bigint AS number"))
        .get_result(observer)
        .await
        .expect("the observer may ask");
    usize::try_from(row.number).expect("a count")
}

/// The connections of requests, all of them or those that a condition names.
async fn connections(observer: &mut AsyncPgConnection, condition: &str) -> usize {
    let all = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = 'catena_test_web'";
    ask(observer, &format!("{all} AND {condition}")).await
}

/// Has requests hold every connection of the pool, and runs `meanwhile`; all of them are answered afterwards.
async fn hold_all(server: &Server, observer: &mut AsyncPgConnection, meanwhile: impl AsyncFnOnce()) {
    observer.batch_execute("SELECT pg_advisory_lock(4242)").await.expect("it is free");
    let statuses: Vec<u16> = std::thread::scope(|threads| {
        let callers: Vec<_> =
            (0..POOL).map(|_| threads.spawn(|| server.post("/api/hold", &json!(null)).0)).collect();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let waiting = "wait_event = 'advisory' AND state = 'active'";
                wait_for(async || connections(observer, waiting).await == POOL).await;
                meanwhile().await;
                observer.batch_execute("SELECT pg_advisory_unlock(4242)").await.expect("it is held");
            });
        });
        callers.into_iter().map(|caller| caller.join().expect("it is answered")).collect()
    });
    assert_eq!(statuses, [204; POOL]);
}
