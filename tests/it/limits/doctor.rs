//! What `doctor limits` says, of every Redis that there may be.

use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;

use super::server::{Redis, free_port};

/// The findings, as `level what` with ` mend: …` behind it; whether the command succeeded.
fn doctor(vars: &[(&str, &str)]) -> (bool, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_ledger"))
        .env_clear()
        .current_dir(folder.path())
        .envs(vars.iter().copied())
        .args(["doctor", "limits", "--json"])
        .output()
        .expect("the program is built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "", "it says what it has to say in its findings");
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |finding: &Value| {
        assert_eq!(finding["section"], "limits");
        let part = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let mend = finding["mend"].as_str().map(|mend| format!(" mend: {mend}")).unwrap_or_default();
        format!("{} {}{mend}", part("level"), part("what"))
    };
    (output.status.success(), found.iter().map(text).collect())
}

const SET: &str = "set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL";
const PRODUCTION: [(&str, &str); 4] = [
    ("CATENA_ENV", "production"),
    ("CATENA_SECRET", "the secret of applications under test"),
    ("DATABASE_URL", "postgres://a@localhost/a"),
    ("DATABASE_JOBS_URL", "postgres://b@localhost/a"),
];

#[test]
fn limits_that_are_off() {
    assert_eq!(doctor(&[]), (true, vec![format!("ok limits are off: to switch them on, {SET}")]));
    let (ok, found) = doctor(&PRODUCTION);
    let warning =
        "warning limits are off: anybody may call, and guess passwords, as often as they like mend: ";
    assert_eq!((ok, found), (true, vec![format!("{warning}{SET}")]));
}

#[test]
fn a_redis_that_counts() {
    let redis = Redis::start_on_port(&[]);
    let url = redis.url();
    let (ok, found) = doctor(&[("REDIS_URL", &url), ("RATE_LIMIT_PUBLIC", "7/1h"), ("CLIENT_IP", "xff:2")]);
    assert!(ok, "{found:?}");
    assert!(found[0].starts_with(&format!("ok {url} took a decision in ")), "{found:?}");
    assert_eq!(
        found[1..],
        [
            "ok it forgets nothing too early when its memory is full (noeviction)",
            "ok public: 7/1h from one address",
            "ok auth: 10/1m from one address, and 5/15m on one account",
            "ok protected: 300/1m by one user",
            "ok CLIENT_IP is xff:2",
        ]
    );
    let calls = |command| {
        let stats = redis.call(&["INFO", "commandstats"]).texts().concat();
        stats.lines().any(|line| line.starts_with(command))
    };
    assert!(calls("cmdstat_evalsha:") && calls("cmdstat_set:"), "a decision was taken");

    redis.call(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let vars = [("REDIS_URL", &*url)].into_iter().chain(PRODUCTION).collect::<Vec<_>>();
    let (ok, found) = doctor(&vars);
    assert!(ok, "{found:?}");
    assert_eq!(
        found[1],
        "warning it forgets what it has counted when its memory is full (maxmemory-policy allkeys-lru) mend: CONFIG SET \
         maxmemory-policy noeviction"
    );
    assert!(found.last().is_some_and(|last| last.starts_with("warning CLIENT_IP is not set: ")), "{found:?}");
}

#[test]
fn a_redis_that_cannot_count() {
    let redis = Redis::start_on_port(&["--requirepass", "hush"]);
    let port = redis.port;
    let nowhere = free_port();
    for (var, url, expected) in [
        (
            "REDIS_URL",
            format!("redis://:wrong@127.0.0.1:{port}"),
            "fault Redis refuses REDIS_URL: write the user and the password that it knows, redis://user:password@host:6379"
                .to_owned(),
        ),
        (
            "REDIS_URL",
            format!("redis://127.0.0.1:{nowhere}"),
            format!(
                "fault redis://127.0.0.1:{nowhere} cannot be used: nobody listens there; until it answers, each process \
                 counts by itself mend: start that Redis, or write the right REDIS_URL"
            ),
        ),
        (
            "REDIS_URL",
            format!("rediss://:hush@127.0.0.1:{port}"),
            format!(
                "fault rediss://127.0.0.1:{port} cannot be used: it does not answer; if it does not speak TLS, write \
                 redis:// or http://; until it answers, each process counts by itself mend: start that Redis, or write \
                 the right REDIS_URL"
            ),
        ),
        (
            "REDIS_URL",
            "redis://nowhere.invalid".to_owned(),
            "fault redis://nowhere.invalid:6379 cannot be used: no machine has that name; until it answers, each process \
             counts by itself mend: start that Redis, or write the right REDIS_URL"
                .to_owned(),
        ),
    ] {
        let (ok, found) = doctor(&[(var, &url)]);
        assert_eq!((ok, &found[0]), (false, &expected));
        assert!(!found.concat().contains("hush") && !found.concat().contains("wrong@"), "{found:?}");
        let is_far = url.contains("nowhere.invalid");
        let warned = found[1].starts_with("warning the way to redis://nowhere.invalid:6379 leads over a network");
        assert_eq!(warned, is_far, "{found:?}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    std::fs::write(file("authority.pem"), params.self_signed(&key).expect("it signs").pem()).expect("a file");
    let issuer = Issuer::new(params, key);
    let server = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["redis.test".to_owned()]).expect("a name");
    let certificate = certificate.signed_by(&server, &issuer).expect("it signs");
    std::fs::write(file("server.pem"), certificate.pem()).expect("a file");
    std::fs::write(file("key.pem"), server.serialize_pem()).expect("a file");
    let port = free_port().to_string();
    let _redis = Redis::start(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &file("server.pem"),
        "--tls-key-file",
        &file("key.pem"),
        "--tls-ca-cert-file",
        &file("authority.pem"),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{port}");
    let subject = format!("fault the certificate of {url} ");
    let (ok, found) = doctor(&[("REDIS_URL", &url)]);
    assert_eq!(
        (ok, &found[0]),
        (
            false,
            &format!(
                "{subject}is signed by an authority that is not trusted here: install it, or name its file in \
                 SSL_CERT_FILE"
            )
        )
    );
    let (ok, found) = doctor(&[("REDIS_URL", &url), ("SSL_CERT_FILE", &file("authority.pem"))]);
    assert_eq!(
        (ok, &found[0]),
        (false, &format!("{subject}is for another host: write the name of one that it is for (redis.test)"))
    );
}
