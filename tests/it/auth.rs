//! Signing up, in and out.

use serde_json::json;

use crate::support::{credentials, example, signed_up};

#[tokio::test]
async fn a_session_works_as_a_cookie_and_as_a_bearer_token() {
    let app = example().await;
    let mut ada = app.client();
    let answer = ada.post("/api/auth/signup", credentials("ada")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let session = answer.json();

    let me = ada.get("/api/auth/me").await;
    assert_eq!(me.status, 200, "{}", me.text());
    assert_eq!(me.json()["email"], "ada@example.test");
    assert_eq!(me.json()["id"], session["user_id"]);

    let token = session["token"].as_str().expect("a token");
    let mut api = app.client();
    api.header("authorization", &format!("Bearer {token}"));
    assert_eq!(api.get("/api/auth/me").await.json(), me.json());

    let set = answer.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    assert_eq!(ada.cookie("catena"), Some(token), "the same token either way");
}

#[tokio::test]
async fn signing_out_ends_the_session_everywhere() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let token = ada.cookie("catena").expect("signed in").to_owned();

    let out = ada.post("/api/auth/logout", json!(null)).await;
    assert_eq!(out.status, 204, "{}", out.text());
    assert_eq!(ada.cookie("catena"), None, "the cookie is taken back");
    let mut thief = app.client();
    thief.header("authorization", &format!("Bearer {token}"));
    assert_eq!(thief.get("/api/auth/me").await.status, 401);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let before = ada.cookie("catena").expect("signed in").to_owned();

    assert_eq!(ada.post("/api/auth/login", credentials("ada")).await.status, 200);
    assert_ne!(ada.cookie("catena"), Some(before.as_str()));
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
    let mut thief = app.client();
    thief.header("authorization", &format!("Bearer {before}"));
    assert_eq!(thief.get("/api/auth/me").await.status, 401, "who knew the old token has nothing");
}

#[tokio::test]
async fn logging_in_takes_the_right_password_and_tells_nothing_else() {
    let app = example().await;
    signed_up(&app, "ada").await;

    let mut ada = app.client();
    let ok = ada
        .post("/api/auth/login", json!({"email": " ADA@example.test", "password": "correct horse battery"}))
        .await;
    assert_eq!(ok.status, 200, "{}", ok.text());
    assert_eq!(ada.get("/api/auth/me").await.json()["email"], "ada@example.test");

    let login = async |body| {
        let mut answer = app.client().post("/api/auth/login", body).await.json();
        answer["request_id"] = json!(null);
        answer
    };
    let wrong = login(json!({"email": "ada@example.test", "password": "wrong"})).await;
    let unknown = login(json!({"email": "bob@example.test", "password": "wrong"})).await;
    assert_eq!(wrong["status"], 401);
    assert_eq!(wrong["code"], "invalid_credentials");
    assert_eq!(wrong, unknown, "a stranger does not learn who has an account");
}

#[tokio::test]
async fn an_address_is_signed_up_once() {
    let app = example().await;
    signed_up(&app, "ada").await;
    let again = app.client().post("/api/auth/signup", credentials("ada")).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert_eq!(again.json()["code"], "conflict");
}

#[tokio::test]
async fn tokens_that_were_never_given_are_nobody() {
    let app = example().await;
    for token in ["", "x", &"0".repeat(64), &"é".repeat(64), &"a".repeat(100_000)] {
        let mut client = app.client();
        if token.is_ascii() {
            client.header("authorization", &format!("Bearer {token}"));
        }
        client.header("cookie", &format!("catena={token}"));
        let answer = client.get("/api/auth/me").await;
        assert_eq!(answer.status, 401, "{token:.20}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_cookie() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    ada.header("sec-fetch-site", "cross-site");
    let answer = ada.post("/api/tasks/create", json!({"title": "forged"})).await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.json()["code"], "cross_site");
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
    app.advance(days(6)).await;
    assert_eq!(ada.get("/api/auth/me").await.status, 200, "used again within its idle time");
    app.advance(days(6)).await;
    assert_eq!(ada.get("/api/auth/me").await.status, 200);
    app.advance(days(8)).await;
    assert_eq!(ada.get("/api/auth/me").await.status, 401, "a week without use");
}

fn days(days: u64) -> std::time::Duration {
    std::time::Duration::from_secs(days * 24 * 60 * 60)
}
