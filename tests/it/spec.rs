//! The API's document.

use std::{fs, path::Path, process::Command};

use catena::testing::{TestApp, TestDb};
use serde_json::{Value, json};

use crate::process::Server;

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
            "post /api/auth/request_reset",
            "post /api/auth/reset",
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

#[tokio::test]
async fn every_operation_says_who_may_call_it() {
    let document = document().await;
    for (path, method, tier, security) in [
        ("/api/stats/summary", "get", "public", json!([])),
        ("/api/auth/login", "post", "auth", json!([])),
        ("/api/tasks/create", "post", "protected", json!([{"session_cookie": []}, {"session_token": []}])),
    ] {
        let operation = &document["paths"][path][method];
        assert_eq!((&operation["x-tier"], &operation["security"]), (&json!(tier), &security), "{path}");
    }
}

#[tokio::test]
async fn every_problem_has_an_example_of_each_code() {
    let document = document().await;
    let responses = &document["paths"]["/api/tasks/create"]["post"]["responses"];
    for (status, response) in responses.as_object().into_iter().flatten() {
        let content = &response["content"]["application/problem+json"];
        let Some(codes) = content["schema"]["allOf"][1]["properties"]["code"]["enum"].as_array() else {
            continue;
        };
        for code in codes {
            let example = &content["examples"][code.as_str().unwrap_or_default()]["value"];
            assert_eq!(
                (&example["code"], example["status"].to_string()),
                (code, status.clone()),
                "{example:#}"
            );
        }
    }
    let invalid =
        &responses["422"]["content"]["application/problem+json"]["examples"]["invalid_input"]["value"];
    let error = json!({
        "in": "body", "pointer": "/title", "code": "required", "message": "is required", "expected": "string",
    });
    assert_eq!(invalid["errors"], json!([error]), "it is what this operation would say");
}

#[tokio::test]
async fn an_input_that_is_shown_is_accepted() {
    let app = TestApp::start(example_app::app()).await;
    let document = app.client().get("/openapi.json").await.json();
    let mut ada = crate::support::signed_up(&app, "ada").await;
    let body = &document["paths"]["/api/tasks/create"]["post"]["requestBody"];
    let answer = ada.post("/api/tasks/create", body["content"]["application/json"]["example"].clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// The example application, in a folder of its own and with a document of its own.
fn openapi(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_example"))
        .env_clear()
        .current_dir(folder)
        .arg("openapi")
        .args(args)
        .output()
        .expect("the program is built");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).expect("text"))
}

#[test]
fn two_runs_write_the_same_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ok, printed) = openapi(folder.path(), &["--print"]);
    assert!(ok && !printed.contains("charset"), "{printed}");
    assert_eq!(openapi(folder.path(), &["--print"]), (true, printed.clone()));
    assert_eq!(openapi(folder.path(), &[]), (true, "wrote openapi.json\n".to_owned()));
    assert_eq!(fs::read_to_string(folder.path().join("openapi.json")).expect("the file"), printed);
    assert_eq!(openapi(folder.path(), &["--check"]), (true, String::new()));
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing else is left there");
}

#[test]
fn the_document_in_the_repository_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-app/openapi.json");
    let folder = tempfile::tempdir().expect("a folder");
    let checked = openapi(folder.path(), &["--check", "--file", file.to_str().expect("text")]);
    assert_eq!(checked, (true, String::new()));
}

#[test]
fn a_check_tells_what_breaks_clients_from_what_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("openapi.json");
    openapi(folder.path(), &[]);
    let current: Value = serde_json::from_str(&fs::read_to_string(&file).expect("the file")).expect("JSON");

    let mut reworded = current.clone();
    reworded["paths"]["/api/tasks/create"]["post"]["summary"] = json!("Makes a task.");
    fs::write(&file, reworded.to_string()).expect("the file");
    assert_eq!(
        openapi(folder.path(), &["--check"]),
        (
            false,
            "error: openapi.json is out of date, but nothing breaks clients: write it anew by `example-app openapi`\n"
                .to_owned()
        )
    );

    let mut looser = current.clone();
    looser["components"]["schemas"]["NewTask"]["properties"]["title"]["maxLength"] = json!(500);
    looser["paths"]["/api/tasks/find"] = json!({"get": {"operationId": "tasks.find", "responses": {}}});
    fs::write(&file, looser.to_string()).expect("the file");
    assert_eq!(
        openapi(folder.path(), &["--check"]),
        (
            false,
            "error: tasks.create: input /title takes at most 200 characters now, was 500\n\
             error: tasks.find: it was removed (was GET /api/tasks/find)\n\
             error: 2 changes to openapi.json break clients; if they are meant, run `example-app openapi`\n"
                .to_owned()
        )
    );

    fs::remove_file(&file).expect("the file");
    let (ok, text) = openapi(folder.path(), &["--check"]);
    assert!(!ok && text.starts_with("error: cannot read openapi.json: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_development_keeps_the_file_current() {
    let db = TestDb::new(&crate::process::LEDGER).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("openapi.json");
    fs::write(&file, "{}").expect("the file");
    let server = Server::start_in(folder.path(), "ledger", &db, &["serve", "--no-jobs"]);
    let (_, served) = server.get("/openapi.json");
    assert_eq!(fs::read_to_string(&file).expect("the file"), served);
}

#[tokio::test]
async fn whatever_is_limited_says_how_it_refuses() {
    let document = document().await;
    let operations =
        document["paths"].as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object());
    let operations: Vec<_> = operations.flatten().map(|(_, operation)| operation).collect();
    assert_eq!(operations.len(), 12, "every procedure has a tier, and so a limit");
    for operation in operations {
        let denial = &operation["responses"]["429"];
        let headers = denial["headers"].as_object().into_iter().flatten();
        let headers: Vec<_> =
            headers.map(|(name, header)| (name.as_str(), &header["schema"]["type"])).collect();
        assert_eq!(
            headers,
            [
                ("Retry-After", &json!("integer")),
                ("RateLimit", &json!("string")),
                ("RateLimit-Policy", &json!("string"))
            ],
            "{}",
            operation["operationId"]
        );
        assert!(denial["content"]["application/problem+json"].is_object(), "{denial}");
    }
}
