//! The service with axum and garde.

use axum::{Json, Router, http::StatusCode, routing::post};
use catena_bench::{Mode, PATH, mode};
use garde::Validate as _;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, garde::Validate)]
#[serde(deny_unknown_fields)]
struct NewTask {
    #[garde(length(chars, min = 1, max = 200))]
    title: String,
    #[garde(range(min = 1, max = 5))]
    priority: i32,
    #[garde(skip)]
    labels: Vec<String>,
}

#[derive(Serialize)]
struct Task {
    id: i64,
    title: String,
    priority: i32,
    labels: Vec<String>,
}

async fn make(Json(input): Json<NewTask>) -> Result<Json<Task>, (StatusCode, String)> {
    input.validate().map_err(|report| (StatusCode::UNPROCESSABLE_ENTITY, report.to_string()))?;
    let NewTask { title, priority, labels } = input;
    Ok(Json(Task { id: 1, title, priority, labels }))
}

#[tokio::main]
async fn main() {
    let Mode::Serve(port) = mode() else { panic!("only served: its router has no in-process twin here") };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    axum::serve(listener, Router::new().route(PATH, post(make))).await.expect("it serves");
}
