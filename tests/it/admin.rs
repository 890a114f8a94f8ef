//! What those who run an application look at.

use catena::testing::{TestApp, TestDb};
use serde_json::json;

use crate::{
    process::{LEDGER, Server, agent, on},
    support::{example, signed_up},
};

const TOKEN: &str = "the token of whoever runs applications under test";

/// The value of a number; its name has its labels.
fn value(text: &str, name: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("no {name} in\n{text}"))
}

#[tokio::test]
async fn requests_jobs_and_transactions_are_counted() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    for (title, status) in [("buy milk", 201), ("", 422), ("bake bread", 201)] {
        assert_eq!(ada.post("/api/tasks/create", json!({"title": title})).await.status, status);
    }
    ada.get("/api/nothing").await;
    ada.get("/api/tasks/create").await;
    app.run_jobs().await;

    let answer = ada.get("/metrics").await;
    assert!(answer.header("content-type").starts_with("text/plain; version=0.0.4"));
    let text = answer.text();
    let requests = |labels: &str| value(&text, &format!("catena_request_duration_seconds_count{{{labels}}}"));
    // Other tests may run in the same process.
    assert!(requests(r#"operation="tasks.create",method="POST",status="2xx""#) >= 2.0);
    assert!(requests(r#"operation="tasks.create",method="POST",status="4xx""#) >= 1.0);
    assert!(requests(r#"operation="unrouted",method="any",status="4xx""#) >= 2.0);
    assert!(value(&text, r#"catena_job_duration_seconds_count{job="send_mail",outcome="completed"}"#) >= 1.0);
    assert!(value(&text, r#"catena_transactions_total{outcome="committed"}"#) >= 3.0);
    assert!(value(&text, r#"catena_pool_connections{pool="web",state="idle"}"#) >= 1.0);
    assert!(value(&text, r#"catena_pool_waiting{pool="jobs"}"#) >= 0.0);
    assert!(value(&text, "catena_requests_in_flight ") >= 0.0);
}

/// The example in production, without the database that it would have.
async fn in_production(token: &str) -> TestApp {
    let app = TestApp::builder(example_app::app()).without_database();
    let app = app.var("CATENA_ENV", "production").var("CATENA_ADMIN_TOKEN", token);
    let app = app.var("DATABASE_URL", "postgres://web@127.0.0.1:1/away");
    let app = app.var("DATABASE_JOBS_URL", "postgres://jobs@127.0.0.1:1/away");
    app.var("SMTP_URL", "smtp://127.0.0.1:1").start().await
}

#[tokio::test]
async fn production_shows_metrics_to_those_who_have_the_token() {
    let app = in_production(TOKEN).await;
    for path in ["/metrics", "/docs"] {
        for (sent, status) in [(None, 401), (Some("Bearer no"), 401), (Some(TOKEN), 401)] {
            let mut client = app.client();
            if let Some(sent) = sent {
                client.header("authorization", sent);
            }
            let answer = client.get(path).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (status, "Bearer"), "{sent:?}");
        }
        let answer = app.client().header("authorization", &format!("Bearer {TOKEN}")).get(path).await;
        assert_eq!(answer.status, 200, "{path}");
    }
    for path in ["/healthz", "/openapi.json"] {
        assert_eq!(app.client().get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn production_without_a_token_has_no_metrics() {
    let app = in_production("").await;
    for path in ["/metrics", "/docs"] {
        let answer = app.client().header("authorization", "Bearer ").get(path).await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")), "{path}");
    }
}

#[tokio::test]
async fn ready_is_who_has_a_database() {
    let answer = example().await.client().get("/readyz").await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ready"));
    let away = TestApp::builder(example_app::app()).without_database().start().await;
    let answer = away.client().get("/readyz").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")));
    assert_eq!(away.client().get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_may_have_an_address_of_their_own() {
    let db = TestDb::new(&LEDGER).await;
    let server = Server::started(on("ledger", &db).env("ADMIN_LISTEN", "127.0.0.1:0"));
    let text = agent().get(server.metrics_url()).call().expect("it answers").body_mut().read_to_string();
    assert!(text.is_ok_and(|text| text.contains("catena_pool_connections")));
}
