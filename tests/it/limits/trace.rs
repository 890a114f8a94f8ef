//! Servers in processes of their own, and one Redis between them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use catena::testing::{EmbeddedMigrations, TestDb, diesel_migrations};
use tempfile::TempDir;

use super::server::Redis;

const LEDGER: EmbeddedMigrations = diesel_migrations::embed_migrations!("apps/ledger/migrations");

/// A server in a process of its own, killed when dropped.
struct Server {
    child: Child,
    address: String,
    /// What it said before it listened.
    log: String,
}

impl Server {
    fn start(db: &TestDb, folder: &TempDir, vars: &[(&str, &str)]) -> Self {
        Self::try_start(db, folder, vars).unwrap_or_else(|log| panic!("it stopped: {log}"))
    }

    /// Fails with what it said if it does not come up.
    fn try_start(db: &TestDb, folder: &TempDir, vars: &[(&str, &str)]) -> Result<Self, String> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ledger"))
            .args(["serve", "--no-jobs"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs([("PORT", "0"), ("DATABASE_URL", db.web_url()), ("DATABASE_JOBS_URL", db.jobs_url())])
            .env("DATABASE_OWNER_URL", db.owner_url())
            .envs(vars.iter().copied())
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program is built");
        let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut server = Self { child, address: String::new(), log: String::new() };
        loop {
            let Some(Ok(line)) = lines.next() else { return Err(std::mem::take(&mut server.log)) };
            if let Some((_, address)) = line.split_once("listening on http://") {
                address.split(',').next().unwrap_or_default().clone_into(&mut server.address);
                break;
            }
            server.log += &(line + "\n");
        }
        std::thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        BufReader::new(stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls `ping` on a connection; returns the status.
fn ping(connection: &mut BufReader<TcpStream>) -> u16 {
    connection.get_mut().write_all(b"GET /api/ping HTTP/1.1\r\nhost: test\r\n\r\n").expect("it reads");
    let (mut status, mut length, mut line) = (0, 0, String::new());
    loop {
        line.clear();
        connection.read_line(&mut line).expect("it answers");
        if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
            status = rest[..3].parse().expect("a status");
        }
        if let Some(rest) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = rest.trim().parse().expect("a length");
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).expect("a body");
    status
}

/// By the clock that Redis counts by.
fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_micros()).expect("before the year 500000")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_window_admits_more_than_the_quota_and_nearly_all_of_it_is_used() {
    const QUOTA: usize = 1000;
    const WINDOW_US: u64 = 2_000_000;
    const CLIENTS: usize = 8;
    const REQUESTS: u32 = 200_000;
    let (db, folder, redis) =
        (TestDb::new(&LEDGER).await, TempDir::new().expect("a folder"), Redis::start(&[]));
    let vars = [("REDIS_URL", &*redis.url()), ("RATE_LIMIT_PUBLIC", "1000/2s")];
    let servers = [(); 2].map(|()| Server::start(&db, &folder, &vars));
    let left = AtomicU32::new(REQUESTS);
    let start = now_us();
    // When each admitted request was sent, and when its answer came: it was admitted somewhere between.
    let mut admitted: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (server, left) = (&servers[client % 2], &left);
                scope.spawn(move || {
                    let (mut connection, mut admitted) = (server.connect(), Vec::new());
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                        .is_ok()
                    {
                        let sent = now_us();
                        match ping(&mut connection) {
                            204 => admitted.push((sent, now_us())),
                            429 => {}
                            other => panic!("{other}"),
                        }
                    }
                    admitted
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("it ends")).collect()
    });
    let lasted = now_us() - start;
    admitted.sort_unstable();
    let mut received: Vec<_> = admitted.iter().map(|(_, received)| *received).collect();
    received.sort_unstable();
    // Of any window: those whose answers came before its end, without those that were sent before its start.
    for (before, (window_start, _)) in admitted.iter().enumerate() {
        let answered = received.partition_point(|received| *received <= window_start + WINDOW_US);
        let inside = answered.saturating_sub(before);
        assert!(inside <= QUOTA, "{inside} in the window from {window_start}");
    }
    let windows = lasted as f64 / WINDOW_US as f64;
    assert!(windows > 3.0, "{windows} windows are too few to tell");
    let reached = admitted.len() as f64 / (windows * QUOTA as f64);
    eprintln!("{} of {REQUESTS} admitted in {windows:.1} windows: {reached:.3} of the quota", admitted.len());
    assert!(reached >= 0.97, "{reached}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_trusted_by_the_authority_of_the_system_only() {
    let (db, folder) = (TestDb::new(&LEDGER).await, TempDir::new().expect("a folder"));
    let port = super::server::free_port();
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    // An authority, and a certificate of its own making.
    let openssl = |words: &[&str]| {
        let made = Command::new("openssl").args(words).stderr(Stdio::null()).status();
        assert!(made.expect("openssl is installed").success(), "{words:?}");
    };
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let authority =
        ["req", "-x509", "-subj", "/CN=authority", "-keyout", &file("ca.key"), "-out", &file("ca.pem")];
    openssl(&[&authority[..], &key].concat());
    let request = ["req", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    openssl(&[&request[..], &key, &["-keyout", &file("key.pem"), "-out", &file("csr.pem")]].concat());
    let signed = ["x509", "-req", "-in", &file("csr.pem"), "-CA", &file("ca.pem"), "-CAkey", &file("ca.key")];
    openssl(
        &[&signed[..], &["-CAcreateserial", "-copy_extensions", "copy", "-out", &file("cert.pem")]].concat(),
    );
    let _redis = Redis::start(
        &[
            &["--tls-port", &port.to_string(), "--tls-auth-clients", "no"][..],
            &["--tls-cert-file", &file("cert.pem"), "--tls-key-file", &file("key.pem")],
            &["--tls-ca-cert-file", &file("ca.pem")],
        ]
        .concat(),
    );
    let url = format!("rediss://localhost:{port}");
    let trusted = [("REDIS_URL", &*url), ("SSL_CERT_FILE", &*file("ca.pem")), ("RATE_LIMIT_PUBLIC", "3/1h")];
    let server = Server::start(&db, &folder, &trusted);
    assert!(server.log.contains("rate limits are on"), "{}", server.log);
    let mut connection = server.connect();
    let statuses: Vec<_> = (0..5).map(|_| ping(&mut connection)).collect();
    assert_eq!(statuses, [204, 204, 204, 429, 429]);
    let said = Server::try_start(&db, &folder, &[("REDIS_URL", &url)]).err().expect("it does not start");
    assert!(said.contains("is not trusted") && said.contains("SSL_CERT_FILE"), "{said}");
}
