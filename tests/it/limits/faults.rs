//! Redis fails in every way that it can, under load: nobody gets a 5xx, nobody waits long, nobody is without a limit,
//! and when it is back it counts again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use catena::testing::TestApp;
use nix::sys::signal::Signal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{
    server::{Redis, Reply, free_port},
    service::{PING, at, service},
};

/// How many an address may have: fewer than are tried.
const QUOTA: usize = 20;

/// A bound against hanging, far above the budget of 100 ms.
const SLOWEST: Duration = Duration::from_secs(2);

/// How long Redis may be away once it answers again.
const BACK: Duration = Duration::from_secs(5);

/// Addresses that nobody has used yet.
fn new_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("10.{}.{}.{}", next >> 16, next >> 8 & 255, next & 255)
}

async fn limited(url: &str) -> Arc<TestApp> {
    Arc::new(service(&[("REDIS_URL", url), ("RATE_LIMIT_PUBLIC", "20/1h")]).start().await)
}

/// Sends many requests at once, each from an address of its own, and many one after the other from one; asserts that
/// the former all get in, and the latter as often as they may.
async fn load(app: &Arc<TestApp>) {
    let strangers: Vec<_> = (0..40)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move {
                for _ in 0..5 {
                    let started = Instant::now();
                    let answer = at(&app, &new_address()).get(PING).await;
                    assert_eq!(answer.status, 204, "{}", answer.text());
                    assert!(started.elapsed() < SLOWEST, "{:?}", started.elapsed());
                }
            })
        })
        .collect();
    for stranger in strangers {
        stranger.await.expect("all get in");
    }
    let (mut greedy, mut admitted) = (at(app, &new_address()), 0);
    for _ in 0..3 * QUOTA {
        let answer = greedy.get(PING).await;
        assert!([204, 429].contains(&answer.status), "{}", answer.text());
        admitted += usize::from(answer.status == 204);
    }
    // Some may have been admitted by Redis before it failed, and as many by the process after that.
    assert!((QUOTA..=2 * QUOTA).contains(&admitted), "{admitted}");
}

/// Waits until requests are counted in this Redis.
pub(super) async fn counts_again(redis: &Redis, app: &TestApp) {
    let start = Instant::now();
    let size = || redis.call(&["DBSIZE"]).number();
    loop {
        let before = size();
        assert_eq!(at(app, &new_address()).get(PING).await.status, 204);
        if size() > before {
            return;
        }
        assert!(start.elapsed() < BACK, "it is not used again after {BACK:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again_empty() {
    let mut redis = Redis::start_on_port(&[]);
    let app = limited(&redis.url()).await;
    load(&app).await;
    redis.kill();
    load(&app).await;
    redis.restart();
    counts_again(&redis, &app).await;
    load(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_and_started_on_a_socket() {
    let mut redis = Redis::start(&[]);
    let app = limited(&redis.url()).await;
    load(&app).await;
    let mut connection = redis.connect();
    connection.send(&["SHUTDOWN", "NOSAVE"]).expect("it listens");
    assert!(connection.receive().is_err(), "it is down");
    load(&app).await;
    redis.kill();
    redis.restart();
    counts_again(&redis, &app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paused() {
    let redis = Redis::start_on_port(&[]);
    let app = limited(&redis.url()).await;
    load(&app).await;
    redis.signal(Signal::SIGSTOP);
    load(&app).await;
    load(&app).await;
    redis.signal(Signal::SIGCONT);
    counts_again(&redis, &app).await;
    load(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_password() {
    let redis = Redis::start_on_port(&[]);
    let app = limited(&redis.url()).await;
    load(&app).await;
    let mut operator = redis.connect();
    let ok = Reply::Text("OK".to_owned());
    assert_eq!(operator.call(&["CONFIG", "SET", "requirepass", "hush"]), ok);
    operator.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
    load(&app).await;
    assert_eq!(operator.call(&["CONFIG", "SET", "requirepass", ""]), ok);
    counts_again(&redis, &app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_and_forgetful() {
    let redis = Redis::start_on_port(&[]);
    let app = limited(&redis.url()).await;
    redis.call(&["SCRIPT", "FLUSH"]);
    load(&app).await;
    counts_again(&redis, &app).await;
    redis.call(&["CONFIG", "SET", "maxmemory", "1"]);
    load(&app).await;
    redis.call(&["CONFIG", "SET", "maxmemory", "0"]);
    counts_again(&redis, &app).await;
}

/// What a proxy does with what it carries.
#[derive(Clone, Copy)]
enum Carries {
    All,
    Slowly,
    Nothing,
}

/// A proxy before a Redis, whose way can be changed; returns its port.
async fn proxy(redis: u16, way: Arc<AtomicU8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(("127.0.0.1", redis)).await else { continue };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(carry(from_client, to_server, way.clone()));
            tokio::spawn(carry(from_server, to_client, way.clone()));
        }
    });
    port
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    way: Arc<AtomicU8>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let pause = || tokio::time::sleep(Duration::from_millis(20));
        while way.load(Ordering::Relaxed) == Carries::Nothing as u8 {
            pause().await;
        }
        if way.load(Ordering::Relaxed) == Carries::Slowly as u8 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_silent() {
    let redis = Redis::start_on_port(&[]);
    let way = Arc::new(AtomicU8::new(Carries::All as u8));
    let port = proxy(redis.port, way.clone()).await;
    let app = limited(&format!("redis://127.0.0.1:{port}")).await;
    load(&app).await;
    for fault in [Carries::Slowly, Carries::Nothing] {
        way.store(fault as u8, Ordering::Relaxed);
        load(&app).await;
        load(&app).await;
        way.store(Carries::All as u8, Ordering::Relaxed);
        counts_again(&redis, &app).await;
    }
}

/// Three masters that know each other.
async fn cluster() -> [Redis; 3] {
    let options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "500"];
    let nodes = [(); 3].map(|()| Redis::on(free_port(), &options));
    for (node, slots) in nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]) {
        assert_eq!(node.call(&["CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1]), Reply::Text("OK".to_owned()));
        node.call(&["CLUSTER", "MEET", "127.0.0.1", &nodes[0].port.to_string()]);
    }
    let start = Instant::now();
    let is_whole = |node: &Redis| {
        let info = node.call(&["CLUSTER", "INFO"]).texts().concat();
        info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
    };
    while !nodes.iter().all(is_whole) {
        assert!(start.elapsed() < Duration::from_secs(30), "the cluster does not come up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nodes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_loses_a_node() {
    let mut nodes = cluster().await;
    let app = limited(&format!("redis-cluster://127.0.0.1:{}", nodes[0].port)).await;
    load(&app).await;
    let keys: Vec<_> = nodes.iter().map(|node| node.call(&["DBSIZE"]).number()).collect();
    assert!(keys.iter().all(|keys| *keys > 20), "all of them count: {keys:?}");
    nodes[2].kill();
    load(&app).await;
    load(&app).await;
    nodes[2].restart();
    let start = Instant::now();
    while !nodes
        .iter()
        .all(|node| node.call(&["CLUSTER", "INFO"]).texts().concat().contains("cluster_state:ok"))
    {
        assert!(start.elapsed() < Duration::from_secs(30), "the cluster does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let start = Instant::now();
    let size = || nodes[2].call(&["DBSIZE"]).number();
    let before = size();
    while size() == before {
        assert_eq!(at(&app, &new_address()).get(PING).await.status, 204);
        assert!(start.elapsed() < BACK, "it is not used again after {BACK:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    load(&app).await;
}
