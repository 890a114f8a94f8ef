//! What Redis is asked, and what it is told of people.

use catena::testing::TestApp;

use super::{
    server::{Connection, Redis, Reply},
    service::{PING, at, credentials, service, try_to_enter, violated},
};

/// The commands that clients have sent since the last question, by Redis's own account; those of scripts are left out.
struct Monitor<'a, S> {
    redis: &'a Redis,
    lines: Connection<S>,
}

impl<S: std::io::Read + std::io::Write> Monitor<'_, S> {
    fn commands(&mut self) -> Vec<String> {
        self.redis.call(&["ECHO", "until here"]);
        let mut commands = Vec::new();
        loop {
            let Ok(Reply::Text(line)) = self.lines.receive() else { panic!("it monitors") };
            if line.contains("until here") {
                return commands;
            }
            if !line.contains(" lua]") {
                commands.push(line.split('"').nth(1).unwrap_or_default().to_owned());
            }
        }
    }
}

#[tokio::test]
async fn one_round_trip_a_request_and_none_for_known_offenders() {
    let redis = Redis::start(&[]);
    let app = service(&[("REDIS_URL", &redis.url()), ("RATE_LIMIT_PUBLIC", "3/1h")]).start().await;
    let off = service(&[]).start().await;
    let mut lines = redis.connect();
    assert_eq!(lines.call(&["MONITOR"]), Reply::Text("OK".to_owned()));
    let mut monitor = Monitor { redis: &redis, lines };
    let mut ada = at(&app, "1.2.3.4");
    for _ in 0..3 {
        assert_eq!(ada.get(PING).await.status, 204);
        assert_eq!(monitor.commands(), ["EVALSHA"]);
    }
    assert_eq!(ada.get(PING).await.status, 429);
    assert_eq!(monitor.commands(), ["EVALSHA"], "the first denial");
    for _ in 0..5 {
        assert_eq!(violated(&ada.get(PING).await), "public");
    }
    assert_eq!(monitor.commands(), [""; 0], "and those that follow it");
    assert_eq!(at(&app, "1.2.3.5").get(PING).await.status, 204);
    assert_eq!(monitor.commands(), ["EVALSHA"]);
    assert_eq!(try_to_enter(&mut ada, "ada@a.test").await.status, 403);
    assert_eq!(monitor.commands(), ["EVALSHA"], "an address and an account at once");
    redis.call(&["SCRIPT", "FLUSH"]);
    monitor.commands();
    assert_eq!(at(&app, "1.2.3.6").get(PING).await.status, 204);
    assert_eq!(monitor.commands(), ["EVALSHA", "EVAL"], "a script that was forgotten is sent again");
    at(&off, "1.2.3.4").get(PING).await;
    assert_eq!(monitor.commands(), [""; 0], "nothing without the variables");
}

#[tokio::test]
async fn keys_tell_nothing_of_people_and_none_stays() {
    let redis = Redis::start(&[]);
    let app = TestApp::builder(example_app::app()).var("CLIENT_IP", "header:x-real-ip");
    let app = app.var("REDIS_URL", redis.url()).start().await;
    let mut ada = at(&app, "203.0.113.77");
    let signed_up = ada.post("/api/auth/signup", credentials("ada")).await;
    assert_eq!(signed_up.status, 201, "{}", signed_up.text());
    let id = signed_up.json()["user_id"].as_str().expect("an id").to_owned();
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
    assert_eq!(ada.get("/api/stats/summary").await.status, 200);
    assert_eq!(app.client().get("/api/auth/me").await.status, 401);

    let keys = redis.call(&["KEYS", "*"]).texts();
    for policy in ["auth", "account", "public", "protected"] {
        assert!(keys.iter().any(|key| key.contains(policy)), "{policy} was charged: {keys:?}");
    }
    for key in &keys {
        assert!(key.starts_with("example-app:limit:{"), "{key}");
        let value = redis.call(&["GET", key]).texts().concat();
        let text = format!("{key} {value}").to_lowercase();
        for told in ["ada@", "example.test", "203.0", "0.113", &id, &id.replace('-', "")] {
            assert!(!text.contains(told), "{told} is in {text}");
        }
        assert!(redis.call(&["PTTL", key]).number() > 0, "{key} goes by itself");
    }
}
