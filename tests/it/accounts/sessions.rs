//! Sessions: listed, ended, rotated, expired.

use std::time::Duration;

use catena::{
    testing::{Client, Method, TestApp},
    types::{DateTime, Utc},
};
use diesel::{QueryDsl as _, dsl::count_star};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};

use crate::club::{club, credentials, joined, signed_in};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn list(client: &mut Client) -> Vec<Value> {
    let answer = client.get("/api/sessions").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().as_array().expect("a list").clone()
}

async fn is_signed_in(client: &mut Client) -> bool {
    let status = client.get("/api/sessions").await.status;
    assert!([200, 401].contains(&status), "{status}");
    status == 200
}

fn agents(sessions: &[Value]) -> Vec<&str> {
    sessions.iter().map(|session| session["user_agent"].as_str().unwrap_or("-")).collect()
}

#[tokio::test]
async fn a_user_sees_where_they_are_signed_in_and_nobody_else_s() {
    let app = club().await;
    joined(&app, "bob").await;
    joined(&app, "ada").await;
    app.advance(MINUTE).await;
    let mut phone = signed_in(&app, "ada", "Phone/1").await;
    app.advance(MINUTE).await;
    let mut laptop = signed_in(&app, "ada", &"L".repeat(1000)).await;

    let seen = list(&mut laptop).await;
    let long = "L".repeat(256);
    assert_eq!(agents(&seen), [&long, "Phone/1", "-"], "the one used last first");
    let current: Vec<_> = seen.iter().map(|session| session["is_current"] == true).collect();
    assert_eq!(current, [true, false, false]);
    assert_eq!(list(&mut phone).await.len(), 3);
    for session in &seen {
        assert!(session["token"].is_null(), "{session}");
        assert!(session["created_at"].as_str() <= session["seen_at"].as_str());
        assert!(session["seen_at"].as_str() < session["expires_at"].as_str());
    }
}

#[tokio::test]
async fn a_session_is_ended_by_its_id_and_only_one_s_own() {
    let app = club().await;
    let mut bob = joined(&app, "bob").await;
    let mut ada = joined(&app, "ada").await;
    let mut phone = signed_in(&app, "ada", "Phone/1").await;
    let id = async |client: &mut Client, agent: &str| {
        let all = list(client).await;
        let found = all.iter().find(|session| session["user_agent"].as_str().unwrap_or("-") == agent);
        found.expect("it is listed")["id"].as_str().expect("an id").to_owned()
    };
    let end = async |client: &mut Client, id: &str| {
        client.send(Method::DELETE, &format!("/api/sessions/{id}"), None, "").await.status
    };
    let of_phone = id(&mut ada, "Phone/1").await;
    assert_eq!(end(&mut bob, &of_phone).await, 404, "it is not theirs");
    assert!(is_signed_in(&mut phone).await);
    assert_eq!(end(&mut ada, &of_phone).await, 204);
    assert!(!is_signed_in(&mut phone).await);
    assert_eq!(end(&mut ada, &of_phone).await, 404, "it has ended");

    let own = id(&mut ada, "-").await;
    assert_eq!(end(&mut ada, &own).await, 204);
    assert!(!is_signed_in(&mut ada).await);
    assert!(is_signed_in(&mut bob).await);
}

#[tokio::test]
async fn all_others_are_ended_at_once() {
    let app = club().await;
    let mut bob = joined(&app, "bob").await;
    let mut ada = joined(&app, "ada").await;
    let mut others = [signed_in(&app, "ada", "a").await, signed_in(&app, "ada", "b").await];
    let ended = ada.post("/api/end_other_sessions", json!(null)).await;
    assert_eq!(ended.json(), json!({"count": 2}), "{}", ended.text());
    for other in &mut others {
        assert!(!is_signed_in(other).await);
    }
    assert_eq!(list(&mut ada).await.len(), 1);
    assert!(is_signed_in(&mut bob).await);
}

#[tokio::test]
async fn a_request_knows_who_it_signed_in_and_out() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    let before = ada.cookie("catena").expect("signed in").to_owned();
    let answer = ada.post("/api/in_and_out", credentials("ada")).await;
    let seen = answer.json();
    let id = &seen[0]["id"];
    assert!(id.is_string(), "{}", answer.text());
    assert_eq!(seen, json!([{"id": id}, {"id": id}, {}, {"id": id}]));
    assert_eq!(list(&mut ada).await.len(), 1, "each sign-in took the place of the one before");
    assert_ne!(ada.cookie("catena"), Some(before.as_str()));
}

#[tokio::test]
async fn sessions_end_by_the_settings() {
    let app = TestApp::builder(catena::app!("apps/accounts/migrations"))
        .var("SESSION_IDLE", "2d")
        .var("SESSION_LIFETIME", "5d")
        .start()
        .await;
    let mut idle = joined(&app, "ada").await;
    let mut used = signed_in(&app, "ada", "used").await;
    for day in 1..5 {
        app.advance(DAY).await;
        assert!(is_signed_in(&mut used).await, "day {day}");
    }
    assert!(!is_signed_in(&mut idle).await, "two days without use");
    app.advance(DAY).await;
    assert!(!is_signed_in(&mut used).await, "five days, however much it was used");
}

diesel::table! {
    catena.sessions (id) {
        id -> Uuid,
        seen_at -> Timestamptz,
    }
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    let mut db = app.db().connect().await;
    let mut seen = async || -> DateTime<Utc> {
        sessions::table.select(sessions::seen_at).first(&mut db).await.expect("a session")
    };
    let first = seen().await;
    list(&mut ada).await;
    assert_eq!(seen().await, first, "within the minute");
    app.advance(2 * MINUTE).await;
    let earlier = seen().await;
    list(&mut ada).await;
    assert!(seen().await > earlier, "after it");
}

#[tokio::test]
async fn what_has_expired_is_deleted() {
    let app = club().await;
    joined(&app, "ada").await;
    app.advance(31 * DAY).await;
    let mut ada = signed_in(&app, "ada", "new").await;
    let mut db = app.db().connect().await;
    let mut left =
        async || -> i64 { sessions::table.select(count_star()).first(&mut db).await.expect("a number") };
    assert_eq!(left().await, 2);
    // The engine deletes beside the jobs, from its start on.
    for _ in 0..100 {
        app.run_jobs().await;
        if left().await == 1 {
            break;
        }
    }
    assert_eq!(left().await, 1, "the new one");
    assert!(is_signed_in(&mut ada).await);
}

#[tokio::test]
async fn pages_of_other_sites_sign_nobody_in_or_out() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    let token = ada.cookie("catena").expect("signed in").to_owned();
    ada.header("sec-fetch-site", "cross-site");
    let mut stranger = app.client();
    stranger.header("sec-fetch-site", "cross-site");
    let refused = async |client: &mut Client, path: &str, body: Value| {
        let answer = client.post(path, body).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{path}: {}", answer.text());
        assert_eq!(answer.json()["code"], "cross_site");
    };
    refused(&mut stranger, "/api/enter", credentials("ada")).await;
    refused(&mut ada, "/api/enter", credentials("ada")).await;
    refused(&mut ada, "/api/leave", json!(null)).await;
    refused(&mut ada, "/api/end_other_sessions", json!(null)).await;
    assert_eq!(ada.cookie("catena"), Some(token.as_str()));
    assert!(is_signed_in(&mut ada).await, "a query only reads");

    let mut api = app.client();
    api.header("sec-fetch-site", "cross-site").header("authorization", &format!("Bearer {token}"));
    assert_eq!(api.post("/api/end_other_sessions", json!(null)).await.status, 200);
}

#[tokio::test]
async fn the_host_of_http2_stands_in_the_address() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    ada.header("origin", "https://app.test");
    let mut status =
        async |address: &str| ada.send(Method::POST, address, Some("application/json"), "null").await.status;
    assert_eq!(status("https://app.test/api/end_other_sessions").await, 200);
    assert_eq!(status("https://other.test/api/end_other_sessions").await, 403);
}

#[tokio::test]
async fn a_browser_keeps_that_it_signed_in_and_signs_nobody_in_by_it() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    let device = ada.cookie("catena-device").expect("it signed in").to_owned();
    assert!(!device.contains("ada"), "it names nobody: {device}");
    assert_eq!(ada.post("/api/leave", json!(null)).await.status, 204);
    assert_eq!(ada.cookie("catena"), None);
    assert_eq!(ada.cookie("catena-device"), Some(device.as_str()), "it outlives the session");
    assert!(!is_signed_in(&mut ada).await);

    let answer = ada.post("/api/enter", credentials("ada")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_ne!(ada.cookie("catena-device"), Some(device.as_str()), "another one every time");
    let wrong = json!({"email": "ada@example.test", "password": "another tree entirely"});
    let refused = app.client().post("/api/enter", wrong).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (401, ""));
}
