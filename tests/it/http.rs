//! Bad input gets its problem and status.

use catena::testing::{Answer, Client, Method, TestApp};
use serde_json::json;

use crate::support::{example, pointers, signed_up};

const CREATE: &str = "/api/tasks/create";

async fn create(client: &mut Client, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> Answer {
    client.send(Method::POST, CREATE, content_type, body).await
}

#[tokio::test]
async fn a_body_that_is_not_json() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    for body in
        [&b"{"[..], b"{\"title\":\"a\"} x", b"\xff\xfe", b"{title:1}", b"[1,", b"{\"title\":\"\xc3\"}"]
    {
        let answer = create(&mut ada, Some("application/json"), body).await;
        assert_eq!(answer.status, 400, "{body:?}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(problem["code"], "malformed_json");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("line 1"), "says where: {detail}");
    }
}

#[tokio::test]
async fn a_body_that_is_something_else() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    for (body, at, code) in [
        ("", vec![""], "required"),
        ("null", vec![""], "type"),
        ("[]", vec![""], "type"),
        ("7", vec![""], "type"),
        ("{}", vec!["/title"], "required"),
        (r#"{"title":null}"#, vec!["/title"], "type"),
        (r#"{"title":7}"#, vec!["/title"], "type"),
        (r#"{"title":"a","notes":null}"#, vec!["/notes"], "type"),
        (r#"{"title":"a","due_at":"tomorrow"}"#, vec!["/due_at"], "format"),
        (r#"{"title":"a\u0000b","notes":"\u0000"}"#, vec!["/title", "/notes"], "format"),
        (r#"{"title":"a","title":"b"}"#, vec!["/title"], "duplicate"),
        (r#"{"title":"a","x/y~z":1}"#, vec!["/x~1y~0z"], "unknown"),
    ] {
        let answer = create(&mut ada, Some("application/json"), body).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        let problem = answer.json();
        assert_eq!(pointers(&problem), at, "{body}");
        assert_eq!(problem["errors"][0]["code"], code, "{body}");
        assert_eq!(problem["errors"][0]["in"], "body");
    }
}

#[tokio::test]
async fn length_is_counted_in_characters() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let ok = ada.post(CREATE, json!({"title": "ä".repeat(200)})).await;
    assert_eq!(ok.status, 201, "{}", ok.text());
    let long = ada.post(CREATE, json!({"title": "ä".repeat(201)})).await;
    assert_eq!(long.status, 422);
    let problem = long.json();
    assert_eq!(problem["errors"][0]["code"], "length");
    assert!(!long.text().contains('ä'), "the value is not sent back");
}

#[tokio::test]
async fn the_content_type_must_be_json() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let body = r#"{"title":"a"}"#;
    for content_type in
        [Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/jsonp"), None]
    {
        let answer = create(&mut ada, content_type, body).await;
        assert_eq!(answer.status, 415, "{content_type:?}: {}", answer.text());
        assert_eq!(answer.json()["code"], "unsupported_media_type");
    }
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(create(&mut ada, Some(content_type), body).await.status, 201, "{content_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let answer = ada.post(CREATE, json!({"title": "a", "notes": "x".repeat(1024 * 1024)})).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["code"], "body_too_large");
    let answer = ada.post("/api/auth/login", json!({"email": "x".repeat(9000), "password": "x"})).await;
    assert_eq!(answer.status, 413, "strangers may send less: {}", answer.text());
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there() {
    let app = example().await;
    let mut client = app.client();
    let answer = client.get("/api/nothing").await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (404, Some("not_found")));
    let answer = client.get(CREATE).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (405, Some("method_not_allowed")));
    assert_eq!(answer.header("allow"), "POST");
    let answer = client.post("/api/stats/summary", json!({})).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET, HEAD"));
    let answer = client.get("/").await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn what_is_public_answers_anybody() {
    let app = example().await;
    let mut client = app.client();
    assert_eq!(client.get("/api/stats/summary").await.status, 200);
    assert_eq!(client.get("/healthz").await.text(), "ok");
}

#[tokio::test]
async fn what_needs_a_database_that_is_away_is_503() {
    let app = TestApp::builder(example_app::app()).without_database().start().await;
    let mut client = app.client();
    assert_eq!(client.get("/healthz").await.status, 200);
    assert_eq!(create(&mut client, Some("application/json"), "{}").await.status, 401, "nobody is signed in");
    let answer = client.get("/api/stats/summary").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.json()["code"], "unavailable");
    assert!(!answer.text().contains("127.0.0.1"), "the cause stays in the log: {}", answer.text());
}

#[tokio::test]
async fn every_answer_has_its_request_id() {
    let app = example().await;
    let answer = app.client().get("/api/auth/me").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    assert_eq!(answer.header("cache-control"), "no-store");
}
