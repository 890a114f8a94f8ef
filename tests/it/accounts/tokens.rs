//! One-time tokens, and passwords that change.

use std::time::Duration;

use catena::{
    testing::TestApp,
    types::{DateTime, Utc},
};
use diesel::QueryDsl as _;
use diesel_async::RunQueryDsl as _;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::club::{Mails, club, credentials, joined, postal_club, signed_in};

const MINUTE: Duration = Duration::from_secs(60);
const NEW: &str = "a young birch on the hill";

/// The token that is mailed to `name`.
async fn mailed(app: &TestApp, mails: &Mails, name: &str, purpose: &str) -> String {
    let asked = app.client().post("/api/ask", asking(name, purpose)).await;
    assert_eq!(asked.status, 204, "{}", asked.text());
    app.run_jobs().await;
    let mut sent = mails.take();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0].identity, format!("{name}@example.test"));
    sent.remove(0).token
}

fn asking(name: &str, purpose: &str) -> Value {
    json!({"email": format!(" {}@Example.test", name.to_uppercase()), "purpose": purpose})
}

async fn reset(app: &TestApp, token: &str, password: &str) -> (u16, Value) {
    let answer = app.client().post("/api/reset", json!({"token": token, "password": password})).await;
    (answer.status, answer.json())
}

async fn entered(app: &TestApp, password: &str) -> u16 {
    let body = json!({"email": "ada@example.test", "password": password});
    app.client().post("/api/enter", body).await.status
}

#[tokio::test]
async fn a_token_sets_a_new_password_once_and_ends_every_session() {
    let (app, mails) = postal_club().await;
    let mut bob = joined(&app, "bob").await;
    let mut ada = joined(&app, "ada").await;
    let mut phone = signed_in(&app, "ada", "phone").await;
    let token = mailed(&app, &mails, "ada", "reset").await;
    assert_eq!(ada.get("/api/sessions").await.status, 200, "asking alone changes nothing");

    assert_eq!(reset(&app, &token, NEW).await.0, 204);
    assert_eq!(ada.get("/api/sessions").await.status, 401);
    assert_eq!(phone.get("/api/sessions").await.status, 401);
    assert_eq!(bob.get("/api/sessions").await.status, 200);
    assert_eq!(entered(&app, "an old oak by the river").await, 401);
    assert_eq!(entered(&app, NEW).await, 200);

    let (status, again) = reset(&app, &token, "a third tree in the garden").await;
    assert_eq!((status, &again["code"]), (401, &json!("invalid_credentials")));
    assert_eq!(again["detail"], "this token is not valid, or not any more; ask for a new one");
    assert_eq!(entered(&app, NEW).await, 200);
}

#[tokio::test]
async fn a_token_ends_in_time_by_a_newer_one_and_by_another_way_to_the_password() {
    let (app, mails) = postal_club().await;
    let mut ada = joined(&app, "ada").await;
    let late = mailed(&app, &mails, "ada", "reset").await;
    app.advance(15 * MINUTE).await;
    assert_eq!(reset(&app, &late, NEW).await.0, 401, "after 15 minutes");

    let older = mailed(&app, &mails, "ada", "reset").await;
    let verify = mailed(&app, &mails, "ada", "verify").await;
    let newer = mailed(&app, &mails, "ada", "reset").await;
    assert_eq!(reset(&app, &older, NEW).await.0, 401, "there is a newer one");
    assert_eq!(reset(&app, &verify, NEW).await.0, 401, "it is for something else");
    let crossed = app.client().post("/api/verify", json!({"token": newer})).await;
    assert_eq!(crossed.status, 401, "the other way round: {}", crossed.text());

    let changed = json!({"password": "an old oak by the river", "new_password": NEW});
    assert_eq!(ada.post("/api/change_password", changed).await.status, 200);
    assert_eq!(reset(&app, &newer, "a third tree in the garden").await.0, 401, "it was for the old password");
    assert_eq!(
        app.client().post("/api/verify", json!({"token": verify})).await.status,
        200,
        "and this was not"
    );
    for none in ["", "x", &"0".repeat(64), &"é".repeat(32)] {
        assert_eq!(reset(&app, none, NEW).await.0, 401, "{none}");
    }
}

#[tokio::test]
async fn of_many_that_use_a_token_at_once_one_gets_it() {
    let (app, mails) = postal_club().await;
    joined(&app, "ada").await;
    let token = mailed(&app, &mails, "ada", "verify").await;
    let body = json!({"token": token});
    let mut clients: Vec<_> = (0..8).map(|_| app.client()).collect();
    let answers = join_all(clients.iter_mut().map(|client| client.post("/api/verify", body.clone()))).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401, 401, 401, 401, 401, 401, 401]);

    let token = mailed(&app, &mails, "ada", "reset").await;
    let passwords = [NEW, "a third tree in the garden"];
    let both = join_all(passwords.map(|password| reset(&app, &token, password))).await;
    let won: Vec<_> = both.iter().map(|(status, _)| *status == 204).collect();
    assert!(won == [true, false] || won == [false, true], "{both:?}");
    for (password, won) in passwords.into_iter().zip(won) {
        assert_eq!(entered(&app, password).await == 200, won);
    }
}

#[tokio::test]
async fn a_password_that_may_not_be_chosen_leaves_the_token_valid() {
    let (app, mails) = postal_club().await;
    joined(&app, "ada").await;
    let token = mailed(&app, &mails, "ada", "reset").await;
    for (password, message) in [
        ("too short", "must have from 10 to 256 characters, has 9"),
        ("ada@example.test", "is little more than the name of the account"),
        ("password2026!", "is one of the commonest passwords, or one with little around it"),
    ] {
        let (status, problem) = reset(&app, &token, password).await;
        let error = &problem["errors"][0];
        assert_eq!(
            (status, &error["pointer"], &error["code"]),
            (422, &json!("/password"), &json!("password"))
        );
        assert_eq!(error["message"], message);
    }
    assert_eq!(reset(&app, &token, NEW).await.0, 204);
}

#[tokio::test]
async fn a_changed_password_ends_every_session_but_a_new_one() {
    let (app, _) = postal_club().await;
    let mut ada = joined(&app, "ada").await;
    let mut phone = signed_in(&app, "ada", "phone").await;
    let before = ada.cookie("catena").expect("signed in").to_owned();
    let mut change = async |password: &str, new: &str| {
        let answer =
            ada.post("/api/change_password", json!({"password": password, "new_password": new})).await;
        (answer.status, answer.json())
    };
    let (status, problem) = change("another tree entirely", NEW).await;
    assert_eq!((status, &problem["code"]), (401, &json!("invalid_credentials")));
    let (status, problem) = change("an old oak by the river", "short").await;
    assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/new_password")));
    assert_eq!(change("an old oak by the river", NEW).await.0, 200);

    assert_eq!(ada.get("/api/sessions").await.json().as_array().map(Vec::len), Some(1));
    assert_ne!(ada.cookie("catena"), Some(before.as_str()), "who knew the old token has nothing");
    assert_eq!(phone.get("/api/sessions").await.status, 401);
    assert_eq!((entered(&app, "an old oak by the river").await, entered(&app, NEW).await), (401, 200));
}

#[tokio::test]
async fn a_password_that_changes_while_it_is_used_opens_no_session() {
    let (app, mails) = postal_club().await;
    joined(&app, "ada").await;
    let token = mailed(&app, &mails, "ada", "reset").await;
    let mut thief = app.client();
    let (late, _) = tokio::join!(thief.post("/api/enter_late", credentials("ada")), async {
        mails.meet().await;
        assert_eq!(reset(&app, &token, NEW).await.0, 204);
        mails.meet().await;
    });
    assert_eq!((late.status, late.header("set-cookie")), (401, ""), "{}", late.text());
}

#[tokio::test]
async fn strangers_and_members_are_answered_alike() {
    let app = club().await;
    joined(&app, "ada").await;
    let wrong =
        |name: &str| json!({"email": format!("{name}@example.test"), "password": "another tree entirely"});
    for (path, [known, unknown]) in [
        ("/api/enter", [wrong("ada"), wrong("eve")]),
        ("/api/ask", [asking("ada", "reset"), asking("eve", "reset")]),
        ("/api/ask", [asking("ada", "verify"), asking("eve", "verify")]),
    ] {
        let answer = async |body: Value| {
            let mut answer = app.client().post(path, body).await;
            let id = answer.headers.remove("x-request-id").expect("each has one");
            let text = answer.text().replace(id.to_str().expect("text"), "");
            (answer.status, answer.headers, text)
        };
        assert_eq!(answer(known).await, answer(unknown).await, "{path}");
    }
}

diesel::table! {
    catena.passwords (user_id) {
        user_id -> Uuid,
        hash -> Text,
        changed_at -> Timestamptz,
    }
}

#[tokio::test]
async fn a_hash_of_other_parameters_is_made_anew_when_its_owner_signs_in() {
    let app = club().await;
    joined(&app, "ada").await;
    let mut db = app.db().connect().await;
    let mut stored = async || -> (String, DateTime<Utc>) {
        let query = passwords::table.select((passwords::hash, passwords::changed_at));
        query.first(&mut db).await.expect("a password")
    };
    let before = stored().await;
    // The same password with a hundredth of the work.
    const WEAK: &str =
        "$argon2id$v=19$m=1024,t=1,p=1$87n8ss41ggcXIsaMcetS2A$rghyBf9DEtrmEk7qyF23FM5yqxDPWgrfrHqfGW7VvPY";
    app.db().execute(&format!("UPDATE catena.passwords SET hash = '{WEAK}'")).await;
    assert_eq!(entered(&app, "another tree entirely").await, 401);
    assert_eq!(stored().await.0, WEAK, "only its owner has it made anew");
    let mut ada = signed_in(&app, "ada", "phone").await;
    let after = stored().await;
    let parameters = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
    assert_eq!(parameters(&after.0), parameters(&before.0));
    assert_ne!(after.0, before.0, "it has a salt of its own");
    assert_eq!(after.1, before.1, "the password has not changed");
    assert_eq!(ada.get("/api/sessions").await.status, 200, "so no session ends by it");
    signed_in(&app, "ada", "laptop").await;
    assert_eq!(stored().await.0, after.0, "once");
}
