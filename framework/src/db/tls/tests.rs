use std::{
    net::Ipv4Addr,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use diesel_async::SimpleAsyncConnection as _;
use futures_util::{StreamExt as _, poll};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::super::{Access, Connector, Pool, Scope, Session, Url, embedded::tests::OwnServer};

/// The host that the server's certificate is for.
const HOST: &str = "db.test";

/// An authority of the test's own, and what it signed.
struct Authority {
    folder: TempDir,
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.path().join("authority.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        let server = KeyPair::generate().unwrap();
        let names = [HOST, "other.test"].map(str::to_owned);
        let certificate = CertificateParams::new(names).unwrap().signed_by(&server, &issuer).unwrap().pem();
        Self { folder, certificate, key: server.serialize_pem() }
    }

    fn file(&self) -> String {
        self.folder.path().join("authority.pem").to_str().unwrap().to_owned()
    }

    /// A server with the certificate, that takes nobody from this machine without TLS but the role `plain`.
    fn server(&self) -> OwnServer {
        let rules = "hostssl all all 127.0.0.1/32 trust\nhostnossl all plain 127.0.0.1/32 trust\n";
        let files = [("server.crt", &*self.certificate), ("server.key", &*self.key), ("pg_hba.conf", rules)];
        OwnServer::start(&[("ssl", "on")], &files)
    }
}

/// Whether the connection is encrypted, or why there is none.
async fn encrypted(url: &Url) -> Result<bool, String> {
    let session = Session::open(url).await.map_err(|error| error.to_string())?;
    let question = "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(session.ask("test", question, &[]).await.unwrap())
}

/// What is told of a failure, without where it was.
async fn refusal(url: &Url) -> String {
    let told = encrypted(url).await.unwrap_err();
    let (place, why) = told.split_once(": ").unwrap();
    assert!(place.starts_with("cannot connect to postgres://postgres@"), "{told}");
    why.to_owned()
}

#[tokio::test]
async fn a_server_with_tls_is_met_as_the_mode_says() {
    let authority = Authority::new();
    let server = authority.server();
    let file = authority.file();
    for options in ["", "sslmode=prefer", "sslmode=require"] {
        // Nobody asks who the server is.
        assert_eq!(encrypted(&server.url("unknown.test", options)).await, Ok(true), "{options}");
    }
    let trusting = format!("sslmode=verify-full&sslrootcert={file}");
    assert_eq!(encrypted(&server.url(HOST, &trusting)).await, Ok(true));

    let admin = Session::open(&server.url(HOST, "")).await.unwrap();
    admin.run("test", "CREATE ROLE plain LOGIN").await.unwrap();
    let plain = server.url(HOST, "sslmode=disable").with_login("plain", None);
    assert_eq!(encrypted(&plain).await, Ok(false));
    assert_eq!(
        refusal(&server.url(HOST, "sslmode=disable")).await,
        "no pg_hba.conf entry for host \"127.0.0.1\", user \"postgres\", database \"postgres\", no encryption; \
         write sslmode=require into the URL if it is encryption that the server wants"
    );
    assert_eq!(
        refusal(&server.url("wrong.test", &trusting)).await,
        "the server's certificate is not for wrong.test, but for db.test, other.test; write a host that it is for \
         into the URL, or give the server a certificate for wrong.test"
    );
    let stranger = Authority::new();
    // Another one, or those of this machine.
    for authorities in [format!("&sslrootcert={}", stranger.file()), String::new()] {
        assert_eq!(
            refusal(&server.url(HOST, &format!("sslmode=verify-full{authorities}"))).await,
            "the server's certificate is signed by an authority that is not trusted here; write the authority's file \
             into the URL: sslrootcert=/path/to/it.pem"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_met_as_the_mode_says() {
    let server = OwnServer::start(&[], &[]);
    for options in ["", "sslmode=disable", "sslmode=prefer"] {
        assert_eq!(encrypted(&server.url(HOST, options)).await, Ok(false), "{options}");
    }
    let authority = Authority::new();
    for options in
        ["sslmode=require".to_owned(), format!("sslmode=verify-full&sslrootcert={}", authority.file())]
    {
        assert_eq!(
            refusal(&server.url(HOST, &options)).await,
            "the server has no TLS, and sslmode asks for it; turn `ssl` on there, or write sslmode=disable into the \
             URL if nobody can listen on the way"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_no_reason_to_go_without() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = Url::parse(&format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=prefer")).unwrap();
    let meddling = async {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        client.read_exact(&mut request).await.unwrap();
        client.write_all(b"Sthis is no handshake").await.unwrap();
        client
    };
    let (error, _client) = tokio::join!(refusal(&url), meddling);
    assert_eq!(error, "the TLS handshake failed: received corrupt message of type InvalidContentType");
    assert!(poll!(pin!(listener.accept())).is_pending(), "it is not tried again without TLS");
}

/// Passes connections on to a server and keeps what each began with.
async fn watched(server: &OwnServer) -> (u16, Arc<Mutex<Vec<u32>>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let (port, to) = (listener.local_addr().unwrap().port(), server.port());
    let beginnings = Arc::new(Mutex::new(Vec::new()));
    let seen = beginnings.clone();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await.unwrap();
            let seen = seen.clone();
            tokio::spawn(async move {
                let (length, code) = (client.read_u32().await.unwrap(), client.read_u32().await.unwrap());
                seen.lock().unwrap().push(code);
                server.write_u32(length).await.unwrap();
                server.write_u32(code).await.unwrap();
                let _ = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (port, beginnings)
}

#[tokio::test]
async fn pools_listeners_and_cancel_requests_are_all_encrypted() {
    /// How a connection begins that asks for TLS.
    const TLS: u32 = 80_877_103;
    let authority = Authority::new();
    let server = authority.server();
    let (port, beginnings) = watched(&server).await;
    let options = format!("hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={}", authority.file());
    let url = format!("postgres://postgres@{HOST}:{port}/postgres?{options}");
    let connector = Connector::of_test(&url);

    let mut listener = connector.connect().await.unwrap();
    listener.batch_execute("LISTEN test").await.unwrap();
    let pool = Pool::of_test(&url, 1);
    pool.get().await.unwrap().batch_execute("NOTIFY test, 'heard'").await.unwrap();
    let heard = pin!(listener.notifications_stream()).next().await.unwrap().unwrap();
    assert_eq!(heard.payload, "heard");

    let scope = Scope::new(pool.clone(), Access::ReadWrite);
    let mut db = scope.db().await.unwrap();
    {
        let mut long = pin!(db.batch_execute("SELECT pg_sleep(600)"));
        assert!(poll!(&mut long).is_pending());
    }
    drop((db, scope));
    let session = Session::open(&server.url(HOST, "")).await.unwrap();
    let quiet = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' AND state = 'active')";
    let cancelled = async { while !session.ask("test", quiet, &[]).await.unwrap() {} };
    timeout(Duration::from_secs(20), cancelled).await.expect("the statement is cancelled");
    assert_eq!(
        *beginnings.lock().unwrap(),
        [TLS; 3],
        "the listener, the pool's connection, the cancel request"
    );
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let told = |options: &str| {
        let url = Url::parse(&format!("postgres://me:secret@db.test/app?{options}"));
        url.and_then(|url| Connector::new(&url)).map(|_| ()).unwrap_err().to_string()
    };
    for mode in ["verify-ca", "allow", ""] {
        assert_eq!(
            told(&format!("sslmode={mode}")),
            format!("sslmode={mode}: write `disable`, `prefer`, `require` or `verify-full`")
        );
    }
    for (options, state) in [("sslmode=require&", "is `require`"), ("", "is not set")] {
        assert_eq!(
            told(&format!("{options}sslrootcert=authority.pem")),
            format!(
                "sslrootcert names authorities, which only sslmode=verify-full asks, and sslmode {state}: write \
                 sslmode=verify-full, or leave sslrootcert out"
            )
        );
    }
    let with = |path: &Path| told(&format!("sslmode=verify-full&sslrootcert={}", path.display()));
    let away = folder.path().join("away.pem");
    assert_eq!(
        with(&away),
        format!("sslrootcert: cannot read {}: No such file or directory (os error 2)", away.display())
    );
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    assert_eq!(
        with(&empty),
        format!("sslrootcert: {} has no certificate in PEM (-----BEGIN CERTIFICATE-----)", empty.display())
    );
}

#[test]
fn a_socket_needs_no_encryption() {
    let url = Url::parse("postgres://me@%2Frun%2Fpostgresql/app?sslmode=require").unwrap();
    assert_eq!(url.config().unwrap().get_ssl_mode(), tokio_postgres::config::SslMode::Disable);
}
