//! What the programs that are compared share: the request they are sent, and how their calls are counted.

use std::{env, future::Future};

use poem::{Endpoint, Request, Response};

/// A valid request.
pub const BODY: &str = r#"{"title":"write it down","priority":3,"labels":["home","soon"]}"#;

/// The path of the one operation.
pub const PATH: &str = "/api/make";

/// What a program was started for.
pub enum Mode {
    /// To listen on the port of 127.0.0.1 that `PORT` names.
    Serve(u16),
    /// To answer this many calls in process.
    Calls(usize),
}

/// Reads what to do: to answer as many calls as `CALLS` says, else to serve on `PORT`.
pub fn mode() -> Mode {
    let number = |name| env::var(name).ok().map(|value| value.parse().expect("a number"));
    match number("CALLS") {
        Some(calls) => Mode::Calls(calls),
        None => Mode::Serve(number("PORT").map_or(8000, |port| u16::try_from(port).expect("a port"))),
    }
}

/// Runs a program on one thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

/// Has an endpoint answer as many calls.
pub async fn answer(endpoint: &impl Endpoint<Output = Response>, calls: usize) {
    for _ in 0..calls {
        let request = Request::builder()
            .method(poem::http::Method::POST)
            .uri(poem::http::Uri::from_static(PATH))
            .content_type("application/json")
            .body(BODY);
        let response = endpoint.get_response(request).await;
        assert_eq!(response.status(), 200);
        response.into_body().into_vec().await.expect("a body");
    }
}
