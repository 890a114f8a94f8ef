//! The service with axum and garde; with `LINE` set, with an id and a line in the log for every request.

use std::{env, io, time::Instant};

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderValue, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::post,
};
use catena_bench::{Mode, PATH, mode};
use garde::Validate as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

/// Writes what the framework writes: the same fields, to the same place.
async fn line(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", value);
    }
    let status = response.status().as_u16();
    tracing::info!(%method, path, status, ms = started.elapsed().as_millis() as u64, request_id = %id, "request");
    response
}

#[tokio::main]
async fn main() {
    let Mode::Serve(port) = mode() else { panic!("only served: its router has no in-process twin here") };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let mut router = Router::new().route(PATH, post(make));
    if env::var_os("LINE").is_some() {
        tracing_subscriber::fmt().with_ansi(false).with_target(false).with_writer(io::stderr).init();
        router = router.layer(middleware::from_fn(line));
    }
    axum::serve(listener, router).await.expect("it serves");
}
