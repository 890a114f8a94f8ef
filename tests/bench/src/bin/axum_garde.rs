//! The service with axum and garde; with `LINE` set, with an id and a line in the log for every request, which is counted
//! too.

use std::{
    env, io,
    sync::LazyLock,
    time::{Duration, Instant},
};

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
use metrics::{Gauge, Histogram, gauge, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;
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

/// What the framework counts, by handles that are made once as well.
struct Counted {
    in_flight: Gauge,
    /// By class of statuses, from 1xx on.
    durations: [Histogram; 5],
}

static COUNTED: LazyLock<Counted> = LazyLock::new(|| Counted {
    in_flight: gauge!("requests_in_flight"),
    durations: ["1xx", "2xx", "3xx", "4xx", "5xx"].map(|status| {
        histogram!("request_duration_seconds", "operation" => "make", "method" => "POST", "status" => status)
    }),
});

/// Has what is counted kept, as the exporter's own server would: durations are sorted into buckets every few seconds.
fn count() {
    let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let kept = PrometheusBuilder::new().set_buckets(&bounds).expect("bounds").install_recorder().expect("the first");
    tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(5));
        loop {
            every.tick().await;
            kept.run_upkeep();
        }
    });
}

/// Writes what the framework writes: the same fields, to the same place; and counts what it counts.
async fn line(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    COUNTED.in_flight.increment(1.0);
    let mut response = next.run(request).await;
    COUNTED.in_flight.decrement(1.0);
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", value);
    }
    let status = response.status().as_u16();
    COUNTED.durations[usize::from(status / 100 - 1)].record(started.elapsed());
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
        count();
        router = router.layer(middleware::from_fn(line));
    }
    axum::serve(listener, router).await.expect("it serves");
}
