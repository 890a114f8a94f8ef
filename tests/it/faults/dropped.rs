//! Clients that hang up at any moment.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use catena::testing::TestDb;
use diesel_async::AsyncPgConnection;

use super::{PAIRS, POOL, ask, connections, count, hold_all, observer};
use crate::process::{Server, wait_for};

const REQUESTS: u64 = 2000;

/// As many clients as keep the pool busy, and have some wait for a connection.
const CLIENTS: u64 = 24;

/// The longest that a client waits for its answer.
const LONGEST: u64 = 30_000;

/// Sends a request and hangs up after some microseconds; whether there was an answer before that.
fn hang_up(address: &str, number: u64, after: u64) -> bool {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let body = format!("{{\"number\":{number}}}");
    let request = format!(
        "POST /api/write HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    stream.set_read_timeout(Some(Duration::from_micros(after))).expect("a time");
    let mut status = [0; 12];
    if stream.read_exact(&mut status).is_err() {
        return false;
    }
    assert_eq!(&status, b"HTTP/1.1 204", "{}", String::from_utf8_lossy(&status));
    true
}

/// Sends all requests; returns the numbers of those that were answered.
fn storm(server: &Server) -> BTreeSet<u64> {
    let next = AtomicU64::new(0);
    let client = || {
        let mut answered = BTreeSet::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= REQUESTS {
                return answered;
            }
            // Every moment is as likely as every other, and the same in the next run; a tenth is patient.
            let after = number.wrapping_mul(6_364_136_223_846_793_005).rotate_left(32) % LONGEST + 1;
            let after = if number.is_multiple_of(10) { 60_000_000 } else { after };
            if hang_up(server.address(), number, after) {
                answered.insert(number);
            }
        }
    };
    std::thread::scope(|threads| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| threads.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().expect("no client fails")).collect()
    })
}

/// Waits until the observer is the only one left; returns how many sessions the database has had. They are counted for
/// certain once they have ended.
async fn sessions(observer: &mut AsyncPgConnection) -> usize {
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    wait_for(async || ask(observer, others).await == 0).await;
    ask(observer, "SELECT sessions FROM pg_stat_database WHERE datname = current_database()").await
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_dropped_at_any_moment_leave_nothing_behind() {
    let db = TestDb::new(&PAIRS).await;
    let mut observer = observer(&db).await;
    let before = sessions(&mut observer).await;
    // What a server opens whose requests all end well.
    let server = Server::start("pairs", &db, &["serve", "--no-jobs"]);
    hold_all(&server, &mut observer, async || ()).await;
    assert!(server.stop().success());
    let calm = sessions(&mut observer).await - before;

    let server = Server::start("pairs", &db, &["serve", "--no-jobs"]);
    let answered = tokio::task::block_in_place(|| storm(&server));
    let dropped = REQUESTS - answered.len() as u64;
    assert!(dropped > REQUESTS / 10 && answered.len() as u64 >= REQUESTS / 10, "{dropped} were dropped");

    wait_for(async || connections(&mut observer, "xact_start IS NOT NULL").await == 0).await;
    let (lefts, rights, pairs) = count(&server);
    assert_eq!((lefts, rights), (pairs, pairs), "no half is without the other");
    let numbers: Vec<_> = answered.iter().map(u64::to_string).collect();
    let kept = format!("SELECT count(*) FROM lefts WHERE number IN ({})", numbers.join(","));
    assert_eq!(ask(&mut observer, &kept).await, answered.len(), "what was answered is there");

    // The pool is as large as before: so many requests have a connection at once, and no more than that are open.
    hold_all(&server, &mut observer, async || ()).await;
    assert_eq!(connections(&mut observer, "true").await, POOL);
    assert!(server.stop().success());
    let stormy = sessions(&mut observer).await - calm - before;
    assert!(stormy < calm + 20, "{} connections were replaced for {dropped} dropped requests", stormy - calm);
}
