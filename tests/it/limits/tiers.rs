//! What each tier is limited by. Counted in memory, by a clock that moves when the test says so.

use std::time::Duration;

use catena::testing::{Answer, Client, TestApp};
use serde_json::json;

use super::service::{ENTER, PING, RARELY, at, credentials, service, try_to_enter, violated};

/// Calls until it is denied; returns how often it was not, and the denial.
async fn exhaust(client: &mut Client, path: &str) -> (usize, Answer) {
    for admitted in 0..1000 {
        let answer = client.get(path).await;
        if answer.status == 429 {
            return (admitted, answer);
        }
    }
    panic!("{path} has no limit")
}

#[tokio::test]
async fn what_is_public_is_limited_by_address() {
    let app = service(&[("RATE_LIMIT_PUBLIC", "3/1m")]).with_limits().start().await;
    let mut ada = at(&app, "1.2.3.4");
    let first = ada.get(PING).await;
    assert_eq!(first.status, 204);
    assert_eq!(first.header("ratelimit-policy"), "\"public\";q=3;w=60");
    assert!(first.header("ratelimit").starts_with("\"public\";r=2;t=6"), "{:?}", first.headers);

    let (admitted, denial) = exhaust(&mut ada, PING).await;
    assert_eq!(admitted, 2);
    let problem = denial.json();
    assert_eq!(problem["code"], "too_many_requests");
    assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(violated(&denial), "public");
    let retry: u64 = denial.header("retry-after").parse().expect("seconds");
    assert!((60..=61).contains(&retry), "{retry}");
    assert_eq!(denial.header("ratelimit"), format!("\"public\";r=0;t={retry}"));
    assert_eq!(denial.header("ratelimit-policy"), "\"public\";q=3;w=60");
    assert_eq!(denial.header("access-control-expose-headers"), "RateLimit, RateLimit-Policy, Retry-After");
    assert_eq!(denial.header("content-type"), "application/problem+json");

    assert_eq!(at(&app, "1.2.3.5").get(PING).await.status, 204, "another address has its own");
    assert_eq!(ada.get("/healthz").await.status, 200, "health is nobody's quota");
    app.advance(Duration::from_secs(retry)).await;
    assert_eq!(ada.get(PING).await.status, 204, "whoever waits as long as told gets in");
}

#[tokio::test]
async fn half_an_ipv6_address_is_one_client() {
    let app = service(&[("RATE_LIMIT_PUBLIC", "3/1m")]).with_limits().start().await;
    exhaust(&mut at(&app, "2001:db8:1:2::1"), PING).await;
    assert_eq!(at(&app, "2001:db8:1:2:ffff::2").get(PING).await.status, 429);
    assert_eq!(at(&app, "2001:db8:1:3::1").get(PING).await.status, 204);
    exhaust(&mut at(&app, "1.2.3.4"), PING).await;
    assert_eq!(at(&app, "::ffff:1.2.3.4").get(PING).await.status, 429, "an IPv4 address in another spelling");
}

#[tokio::test]
async fn a_procedure_may_have_a_limit_of_its_own() {
    let app = service(&[]).with_limits().start().await;
    let mut ada = at(&app, "1.2.3.4");
    let (admitted, denial) = exhaust(&mut ada, RARELY).await;
    assert_eq!((admitted, violated(&denial).as_str()), (2, "rarely"));
    assert_eq!(denial.header("ratelimit-policy"), "\"rarely\";q=2;w=3600");
    assert_eq!(exhaust(&mut ada, PING).await.0, 100, "it is counted for itself");
}

#[tokio::test]
async fn without_a_policy_headers_change_nothing() {
    let app =
        TestApp::builder(catena::App::new("limited", "0.0.0", catena::testing::EmbeddedMigrations::new(&[])));
    let app = app.without_database().var("RATE_LIMIT_PUBLIC", "3/1m").with_limits().start().await;
    let mut admitted = 0;
    for name in ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip"] {
        for number in 1..4 {
            let mut client = app.client();
            client.header(name, &format!("1.2.3.{number}"));
            admitted += usize::from(client.get(PING).await.status == 204);
        }
    }
    assert_eq!(admitted, 3);
}

#[tokio::test]
async fn attempts_are_limited_by_address_and_by_account() {
    let app = service(&[("RATE_LIMIT_AUTH", "10/1m"), ("RATE_LIMIT_ACCOUNT", "5/15m")]);
    let app = app.with_limits().start().await;
    for number in 0..5 {
        let mut client = at(&app, &format!("1.2.3.{number}"));
        let spelling = ["ada@a.test", "ADA@a.test", " ada@a.test "][number % 3];
        assert_eq!(try_to_enter(&mut client, spelling).await.status, 403);
    }
    let mut eve = at(&app, "6.6.6.6");
    for _ in 0..20 {
        let denial = try_to_enter(&mut eve, "ada@a.test").await;
        assert_eq!(violated(&denial), "account", "whatever the address: {}", denial.text());
        assert_eq!(denial.header("ratelimit-policy"), "\"account\";q=5;w=900");
    }
    for _ in 0..30 {
        let invalid = eve.post(ENTER, json!({"email": "x"})).await;
        assert_eq!(invalid.status, 422, "{}", invalid.text());
    }
    // Neither what was denied nor what was invalid was charged to the address.
    for number in 0..10 {
        let answer = try_to_enter(&mut eve, &format!("user{number}@a.test")).await;
        assert_eq!(answer.status, 403, "{number}: {}", answer.text());
        assert_eq!(answer.header("ratelimit"), "", "an error says nothing of limits");
    }
    let denial = try_to_enter(&mut eve, "user11@a.test").await;
    assert_eq!(violated(&denial), "auth");
    let denial = eve.post(ENTER, json!({"email": "x"})).await;
    assert_eq!(violated(&denial), "auth", "known offenders are not even read");
}

#[tokio::test]
async fn a_log_in_gives_the_account_back_what_it_took() {
    let app = TestApp::builder(example_app::app())
        .var("CLIENT_IP", "header:x-real-ip")
        .var("RATE_LIMIT_ACCOUNT", "2/15m")
        .var("RATE_LIMIT_AUTH", "9/1m");
    let app = app.with_limits().start().await;
    let mut ada = at(&app, "1.2.3.4");
    assert_eq!(ada.post("/api/auth/signup", credentials("ada")).await.status, 201);
    for _ in 0..5 {
        assert_eq!(ada.post("/api/auth/login", credentials("ada")).await.status, 200);
    }
    ada.forget_cookies();
    let wrong = json!({"email": "ada@example.test", "password": "wrong horse battery"});
    for _ in 0..2 {
        assert_eq!(ada.post("/api/auth/login", wrong.clone()).await.status, 401);
    }
    let denial = ada.post("/api/auth/login", wrong.clone()).await;
    assert_eq!(violated(&denial), "account", "{}", denial.text());
    // Eight attempts were charged to the address, whatever became of them; one is left.
    let bob = json!({"email": "bob@example.test", "password": "wrong horse battery"});
    assert_eq!(ada.post("/api/auth/login", bob.clone()).await.status, 401);
    assert_eq!(violated(&ada.post("/api/auth/login", bob).await), "auth");
}

#[tokio::test]
async fn what_is_protected_is_limited_by_user() {
    let app = TestApp::builder(example_app::app())
        .var("CLIENT_IP", "header:x-real-ip")
        .var("RATE_LIMIT_PUBLIC", "3/1m")
        .var("RATE_LIMIT_PROTECTED", "4/1m");
    let app = app.with_limits().start().await;
    let mut ada = at(&app, "1.2.3.4");
    assert_eq!(ada.post("/api/auth/signup", credentials("ada")).await.status, 201);
    let mut stranger = at(&app, "1.2.3.4");
    for _ in 0..3 {
        assert_eq!(stranger.get("/api/auth/me").await.status, 401);
    }
    assert_eq!(violated(&stranger.get("/api/auth/me").await), "public", "who is not signed in");
    for number in 0..4 {
        // From anywhere: it is the user who counts.
        ada.header("x-real-ip", &format!("1.2.3.{number}"));
        let answer = ada.get("/api/auth/me").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("ratelimit").starts_with(&format!("\"protected\";r={}", 3 - number)));
    }
    assert_eq!(violated(&ada.get("/api/auth/me").await), "protected");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_guesses_reach_the_password_five_times() {
    let app = TestApp::builder(example_app::app()).var("CLIENT_IP", "header:x-real-ip").with_limits();
    let app = std::sync::Arc::new(app.start().await);
    let mut ada = at(&app, "9.9.9.9");
    assert_eq!(ada.post("/api/auth/signup", credentials("ada")).await.status, 201);
    let guess = json!({"email": "ada@example.test", "password": "one of ten thousand"});
    let attackers = (0..200).map(|number| {
        let (app, guess) = (app.clone(), guess.clone());
        tokio::spawn(async move {
            let mut client = at(&app, &format!("10.0.{}.{}", number / 100, number % 100));
            let mut tried = 0;
            for _ in 0..50 {
                let answer = client.post("/api/auth/login", guess.clone()).await;
                assert!([401, 429].contains(&answer.status), "{}", answer.text());
                // Only a password that was looked at can be wrong.
                tried += usize::from(answer.status == 401);
                // What is denied waits for nothing, and would let nobody else run.
                tokio::task::yield_now().await;
            }
            tried
        })
    });
    let mut tried = 0;
    for attacker in attackers.collect::<Vec<_>>() {
        tried += attacker.await.expect("it ends");
    }
    assert_eq!(tried, 5);
    let mut elsewhere = at(&app, "9.9.9.8");
    let denial = elsewhere.post("/api/auth/login", credentials("ada")).await;
    assert_eq!(violated(&denial), "account", "a browser that nobody knows waits");
    let answer = ada.post("/api/auth/login", credentials("ada")).await;
    assert_eq!(answer.status, 200, "the owner's gets in: {}", answer.text());
}
