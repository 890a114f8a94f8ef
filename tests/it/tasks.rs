//! The example's tasks: created, listed, and nobody else's.

use catena::testing::{Answer, Client, Method};
use serde_json::{Value, json};

use crate::support::{example, pointers, signed_up};

#[tokio::test]
async fn a_task_is_seen_by_its_owner_only() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let mut ben = signed_up(&app, "ben").await;

    let created = ada.post("/api/tasks/create", json!({"title": "buy milk"})).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let task = created.json();
    assert_eq!(task["title"], "buy milk");
    assert!(task.get("notes").is_none(), "what is not there is left out: {task}");
    assert!(task.get("owner_id").is_none(), "an omitted column is not exposed: {task}");

    assert_eq!(ada.get("/api/tasks/list").await.json(), json!([task]));
    assert_eq!(ben.get("/api/tasks/list").await.json(), json!([]));

    let summary = app.client().get("/api/stats/summary").await;
    assert_eq!(summary.json(), json!({"tasks": 1, "done": 0}));
}

#[tokio::test]
async fn every_failure_of_an_input_is_reported_at_once() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;

    let answer = ada.post("/api/tasks/create", json!({"title": "", "due_at": 7, "bogus": 1})).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let problem = answer.json();
    assert_eq!(problem["code"], "invalid_input");
    let mut at = pointers(&problem);
    at.sort_unstable();
    assert_eq!(at, ["/bogus", "/due_at", "/title"]);
    assert_eq!(ada.get("/api/tasks/list").await.json(), json!([]), "nothing was written");
}

#[tokio::test]
async fn nobody_signed_in_is_401_whatever_the_body() {
    let app = example().await;
    for body in [r#"{"title":"buy milk"}"#, r#"{"title":"","due_at":7}"#, "{", "", "\u{0}"] {
        for content_type in [Some("application/json"), Some("text/plain"), None] {
            let answer =
                app.client().send(Method::POST, "/api/tasks/create", content_type, body.as_bytes()).await;
            assert_eq!(answer.status, 401, "{body:?} as {content_type:?}: {}", answer.text());
            assert_eq!(answer.json()["code"], "unauthenticated");
        }
    }
}

#[tokio::test]
async fn a_task_is_read_and_removed_by_its_owner_only() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let mut ben = signed_up(&app, "ben").await;
    let task = ada.post("/api/tasks/create", json!({"title": "buy milk"})).await.json();
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap_or_default());

    assert_eq!(ada.get(&path).await.json(), task);
    for (method, status) in [(Method::GET, 404), (Method::DELETE, 404)] {
        let answer = ben.send(method.clone(), &path, None, "").await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!("not_found")), "{method}");
    }
    assert_eq!(ada.get(&path).await.status, 200, "it is still there");

    let removed = ada.send(Method::DELETE, &path, None, "").await;
    assert_eq!((removed.status, removed.text().as_str()), (204, ""));
    assert_eq!(ada.get(&path).await.status, 404);
    assert_eq!(ada.send(Method::DELETE, &path, None, "").await.status, 404);
}

#[tokio::test]
async fn a_task_has_a_uuid() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let answer = ada.get("/api/tasks/7").await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    assert_eq!((pointers(&problem), &problem["errors"][0]["in"]), (vec!["/id"], &json!("path")));
    assert_eq!(app.client().get("/api/tasks/7").await.status, 401, "a stranger learns nothing");
}

#[tokio::test]
async fn a_task_is_changed_where_a_patch_says_so() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let new = json!({"title": "buy milk", "notes": "whole", "due_at": "2026-02-01T12:00:00Z"});
    let task = ada.post("/api/tasks/create", new).await.json();
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap_or_default());

    let unchanged = patch(&mut ada, &path, json!({})).await;
    assert_eq!((unchanged.status, unchanged.json()), (200, task.clone()), "an empty patch reads the row");

    let mut expected = task.clone();
    expected["title"] = json!("buy oat milk");
    let changed = patch(&mut ada, &path, json!({"title": "buy oat milk"})).await;
    assert_eq!((changed.status, changed.json()), (200, expected.clone()), "what is absent stays");

    let members = expected.as_object_mut().expect("a task is an object");
    members.remove("notes");
    members.remove("due_at");
    members.insert("done_at".to_owned(), json!("2026-01-31T08:00:00Z"));
    let edit = json!({"notes": null, "due_at": null, "done_at": "2026-01-31T09:00:00+01:00"});
    let changed = patch(&mut ada, &path, edit).await;
    assert_eq!((changed.status, changed.json()), (200, expected.clone()), "null removes, a value sets");
    assert_eq!(ada.get(&path).await.json(), expected, "and it stays so");
}

#[tokio::test]
async fn a_patch_is_refused_like_any_input() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let mut ben = signed_up(&app, "ben").await;
    let task = ada.post("/api/tasks/create", json!({"title": "buy milk"})).await.json();
    let path = format!("/api/tasks/{}", task["id"].as_str().unwrap_or_default());

    for edit in [json!({}), json!({"title": "mine"})] {
        let answer = patch(&mut ben, &path, edit).await;
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("not_found")), "somebody else's");
    }
    let edit = json!({"title": null, "notes": 1, "due_at": "soon", "owner_id": null});
    let answer = patch(&mut ada, &path, edit).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(pointers(&problem), ["/title", "/notes", "/due_at", "/owner_id"]);
    assert_eq!(problem["errors"][0]["message"], "must not be null; leave the field out instead");
    assert_eq!(ada.get(&path).await.json(), task, "nothing was written");
}

async fn patch(client: &mut Client, path: &str, edit: Value) -> Answer {
    client.send(Method::PATCH, path, Some("application/json"), edit.to_string()).await
}
