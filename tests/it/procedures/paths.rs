//! Methods, paths and limits.

use std::future::pending;

use catena::{
    Ctx, Result, model, procedure,
    testing::{Answer, Client, Method},
    types::Uuid,
};
use serde_json::{Value, json};

use crate::support::{failures, library};

/// What a request said.
#[model]
struct Echo {
    shelf: i32,
    book: Uuid,
    chapter: String,
    lent: bool,
    note: Option<String>,
}

/// What to write on the margin.
#[model]
struct Margin {
    #[check(len = 1..=20)]
    note: Option<String>,
}

/// Writes on a margin. The arguments stand in another order than in the path.
#[procedure(tier = "public", method = "PUT", path = "/api/shelves/{shelf}/{book}/{chapter}/{lent}")]
async fn annotate(
    ctx: &Ctx,
    chapter: String,
    input: Margin,
    book: Uuid,
    lent: bool,
    /// The number that stands
    /// on the shelf.
    shelf: i32,
) -> Result<Echo> {
    let _ = ctx;
    Ok(Echo { shelf, book, chapter, lent, note: input.note })
}

/// Reads a margin.
#[procedure(query, tier = "public", path = "/api/shelves/{shelf}/{book}/{chapter}/{lent}")]
async fn margin(
    ctx: &Ctx,
    shelf: i32,
    book: Uuid,
    chapter: String,
    lent: bool,
    input: Margin,
) -> Result<Echo> {
    let _ = ctx;
    Ok(Echo { shelf, book, chapter, lent, note: input.note })
}

/// Takes for ever.
#[procedure(query, tier = "public", timeout = "20ms", hidden)]
async fn wait(ctx: &Ctx) -> Result<()> {
    let _ = ctx;
    pending().await
}

/// Reads little.
#[procedure(tier = "public", body_limit = "64B", id = "short", tag = "Notes", deprecated)]
async fn note(ctx: &Ctx, input: Margin) -> Result<()> {
    let _ = (ctx, input);
    Ok(())
}

const BOOK: &str = "0198c0de-0000-7000-8000-000000000000";

async fn put(client: &mut Client, path: &str, body: Value) -> Answer {
    client.send(Method::PUT, path, Some("application/json"), body.to_string()).await
}

#[tokio::test]
async fn arguments_are_read_from_the_path_by_name() {
    let app = library().await;
    let path = format!("/api/shelves/-3/{BOOK}/caf%C3%A9%2Fbar/true");
    let expected = json!({"shelf": -3, "book": BOOK, "chapter": "café/bar", "lent": true, "note": "hm"});
    let answer = put(&mut app.client(), &path, json!({"note": "hm"})).await;
    assert_eq!((answer.status, answer.json()), (200, expected.clone()), "{}", answer.text());
    let answer = app.client().get(&format!("{path}?note=hm")).await;
    assert_eq!((answer.status, answer.json()), (200, expected), "another method of the path");
}

#[tokio::test]
async fn what_is_wrong_in_path_and_body_is_said_at_once() {
    let app = library().await;
    let answer = put(&mut app.client(), "/api/shelves/1.5/7/a/yes", json!({"note": ""})).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let problem = answer.json();
    assert_eq!(
        failures(&problem),
        [
            ["body", "/note", "length"],
            ["path", "/book", "format"],
            ["path", "/lent", "type"],
            ["path", "/shelf", "type"],
        ]
    );
}

#[tokio::test]
async fn a_segment_is_no_json() {
    let app = library().await;
    for (segment, code) in [
        ("%22a%22", "type"),
        ("1e2", "type"),
        ("01", "type"),
        ("99999999999", "range"),
        ("null", "type"),
        ("%ff", "type"),
    ] {
        let answer =
            put(&mut app.client(), &format!("/api/shelves/{segment}/{BOOK}/a/true"), json!({})).await;
        assert_eq!(answer.status, 422, "{segment}: {}", answer.text());
        assert_eq!(failures(&answer.json()), [["path", "/shelf", code]], "{segment}");
    }
}

#[tokio::test]
async fn malformed_json_is_told_before_anything_else() {
    let app = library().await;
    let answer =
        app.client().send(Method::PUT, "/api/shelves/x/7/a/yes", Some("application/json"), "{").await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &json!("malformed_json")));
}

#[tokio::test]
async fn a_handler_has_the_time_it_asks_for() {
    let app = library().await;
    let answer = app.client().get("/api/wait").await;
    assert_eq!((answer.status, &answer.json()["code"]), (504, &json!("timeout")), "{}", answer.text());
}

#[tokio::test]
async fn a_body_has_the_length_that_is_allowed() {
    let app = library().await;
    assert_eq!(app.client().post("/api/note", json!({"note": "x"})).await.status, 204);
    let long = format!("{{\"note\":\"x\"{}}}", " ".repeat(64));
    let answer = app.client().send(Method::POST, "/api/note", Some("application/json"), long).await;
    assert_eq!((answer.status, &answer.json()["code"]), (413, &json!("body_too_large")));
}

#[tokio::test]
async fn the_document_says_what_was_said() {
    let app = library().await;
    let document = app.client().get("/openapi.json").await.json();
    let item = &document["paths"]["/api/shelves/{shelf}/{book}/{chapter}/{lent}"];
    let parameters = |method: &str| {
        let all = item[method]["parameters"].as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|each| (each["in"].clone(), each["name"].clone(), each["required"].clone()))
            .collect::<Vec<_>>()
    };
    let path = |name| (json!("path"), json!(name), json!(true));
    assert_eq!(parameters("put"), [path("chapter"), path("book"), path("lent"), path("shelf")]);
    let query = (json!("query"), json!("note"), json!(false));
    assert_eq!(parameters("get"), [path("shelf"), path("book"), path("chapter"), path("lent"), query]);

    let described = |at: usize| item["put"]["parameters"][at]["description"].clone();
    assert_eq!(described(3), "The number that stands\non the shelf.");
    assert_eq!(described(0), "The chapter.", "nothing is said about it");

    let note = &document["paths"]["/api/note"]["post"];
    assert_eq!(
        [&note["operationId"], &note["tags"], &note["deprecated"]],
        [&json!("short"), &json!(["Notes"]), &json!(true)]
    );
    assert!(document["paths"].get("/api/wait").is_none(), "it is hidden");
}

#[tokio::test]
async fn a_method_that_is_not_there() {
    let app = library().await;
    let answer = app.client().post(&format!("/api/shelves/1/{BOOK}/a/true"), json!({})).await;
    assert_eq!(answer.status, 405, "{}", answer.text());
}
