//! The example's tasks: created, listed, and nobody else's.

use catena::testing::{Answer, Client, Method, TestApp};
use diesel::{QueryableByName, sql_types::Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
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

    assert_eq!(ada.get("/api/tasks/list").await.json(), json!({"items": [task]}));
    assert_eq!(ben.get("/api/tasks/list").await.json(), json!({"items": []}));

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
    assert_eq!(ada.get("/api/tasks/list").await.json(), json!({"items": []}), "nothing was written");
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

/// Writes this many tasks of a user down, all at the same microsecond.
async fn written_at_once(app: &TestApp, client: &mut Client, count: u32) {
    let me = client.get("/api/auth/me").await.json();
    diesel::sql_query(
        "INSERT INTO tasks (owner_id, title, created_at)
         SELECT $1::uuid, 'task ' || number, '2026-01-31 12:00:00.123457+00' FROM generate_series(1, $2) AS number",
    )
    .bind::<diesel::sql_types::Text, _>(me["id"].as_str().expect("an id"))
    .bind::<diesel::sql_types::Integer, _>(i32::try_from(count).expect("a few"))
    .execute(&mut app.db().connect().await)
    .await
    .expect("the tasks are written");
}

async fn page(client: &mut Client, limit: u32, after: Option<&str>) -> Value {
    let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
    let answer = client.get(&format!("/api/tasks/list?limit={limit}{after}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    id: catena::types::Uuid,
}

#[tokio::test]
async fn paging_visits_every_task_once_while_others_are_written() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    written_at_once(&app, &mut ada, 10).await;
    let there: Vec<Id> = diesel::sql_query("SELECT id FROM tasks ORDER BY created_at DESC, id DESC")
        .load(&mut app.db().connect().await)
        .await
        .expect("the tasks are there");
    let there: Vec<_> = there.into_iter().map(|row| row.id.to_string()).collect();
    for limit in [1, 3, 5, 9, 10, 11] {
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        // The first page is read before, and every other after, newer tasks are written.
        loop {
            let page = page(&mut ada, limit, after.as_deref()).await;
            let items = page["items"].as_array().expect("a list").iter();
            seen.extend(items.map(|task| task["id"].as_str().expect("an id").to_owned()));
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            after = Some(next.to_owned());
            assert_eq!(ada.post("/api/tasks/create", json!({"title": "newer"})).await.status, 201);
        }
        assert_eq!(seen, there, "{limit} a page");
        assert_eq!(pages, 10_u32.div_ceil(limit));
        diesel::sql_query("DELETE FROM tasks WHERE title = 'newer'")
            .execute(&mut app.db().connect().await)
            .await
            .expect("the newer ones are gone");
    }
}

/// That an answer refuses the cursor, and nothing else.
#[track_caller]
fn check_refused(answer: &Answer) {
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert_eq!(
        answer.json()["errors"],
        json!([{
            "in": "query", "pointer": "/after", "code": "cursor",
            "message": "is not the `next` of a page of this list: leave it out to begin at the first page",
        }])
    );
}

#[tokio::test]
async fn a_cursor_of_another_user_or_of_nobody_is_refused() {
    let app = example().await;
    let (mut ada, mut ben) = (signed_up(&app, "ada").await, signed_up(&app, "ben").await);
    written_at_once(&app, &mut ada, 2).await;
    let cursor = page(&mut ada, 1, None).await["next"].as_str().expect("there is more").to_owned();
    let at = |cursor: &str| format!("/api/tasks/list?after={cursor}");

    assert_eq!(ada.get(&at(&cursor)).await.status, 200);
    check_refused(&ben.get(&at(&cursor)).await);
    for forged in [&cursor[1..], &cursor[..10], "x", "AAAAAAAAAAAAAAAAAAAAAA", "%E2%82%AC"] {
        check_refused(&ada.get(&at(forged)).await);
    }
    assert_eq!(ada.get(&at("")).await.status, 422, "one that is empty is too short");
    for limit in ["0", "101", "x"] {
        let answer = ada.get(&format!("/api/tasks/list?limit={limit}")).await;
        assert_eq!((answer.status, pointers(&answer.json())), (422, vec!["/limit"]), "{limit}");
    }
    assert_eq!(ada.get("/api/tasks/list?limit=100").await.status, 200);
}

#[tokio::test]
async fn a_query_without_input_refuses_parameters() {
    let app = example().await;
    assert_eq!(app.client().get("/api/stats/summary?").await.status, 200);
    let answer = app.client().get("/api/stats/summary?tasks=1&done").await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(pointers(&problem), ["/tasks", "/done"]);
    assert_eq!(
        (&problem["errors"][0]["code"], &problem["errors"][0]["in"]),
        (&json!("unknown"), &json!("query"))
    );
    assert_eq!(app.client().get("/api/auth/me?x=1").await.status, 401, "a stranger learns nothing");
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
