//! The API's document.

use catena::testing::TestApp;
use serde_json::Value;

async fn document() -> Value {
    TestApp::start(example_app::app()).await.client().get("/openapi.json").await.json()
}

#[tokio::test]
async fn every_procedure_is_described() {
    let document = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "example-app");
    let mut operations: Vec<_> = document["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(method, _)| format!("{method} {path}"))
        })
        .collect();
    operations.sort();
    assert_eq!(
        operations,
        [
            "delete /api/tasks/{id}",
            "get /api/auth/me",
            "get /api/stats/summary",
            "get /api/tasks/list",
            "get /api/tasks/{id}",
            "patch /api/tasks/{id}",
            "post /api/auth/login",
            "post /api/auth/logout",
            "post /api/auth/signup",
            "post /api/tasks/create",
        ]
    );
    let create = &document["paths"]["/api/tasks/create"]["post"];
    assert_eq!(create["operationId"], "tasks.create");
    assert_eq!(create["summary"], "Creates a task for the signed-in user.");
    assert!(create["responses"]["201"]["content"]["application/json"].is_object(), "{create:#}");
    assert!(create["responses"]["422"]["content"]["application/problem+json"].is_object());
    assert!(create["responses"]["401"].is_object());
    assert!(document["paths"]["/api/stats/summary"]["get"]["responses"]["401"].is_null());
}

#[tokio::test]
async fn a_model_is_described_as_it_is_read() {
    let document = document().await;
    let task = &document["components"]["schemas"]["NewTask"];
    assert_eq!(task["required"], serde_json::json!(["title"]));
    assert_eq!(task["additionalProperties"], false);
    assert_eq!(task["properties"]["title"]["minLength"], 1);
    assert_eq!(task["properties"]["title"]["maxLength"], 200);
    assert_eq!(task["properties"]["title"]["description"], "What to do.");
    assert_eq!(task["properties"]["due_at"]["format"], "date-time");
}

#[tokio::test]
async fn the_page_shows_the_document() {
    let app = TestApp::start(example_app::app()).await;
    let page = app.client().get("/docs").await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.text().contains("tasks.create"));
}
