//! What every request passes through: an id, a log line, and errors as problem documents.

use std::time::Instant;

use poem::{
    Endpoint, IntoResponse as _, Request, Response,
    error::{MethodNotAllowedError, NotFoundError},
    http::{HeaderName, HeaderValue, header},
};
use uuid::Uuid;

use super::{problem::problem, router::Allow};
use crate::{
    error::{Code, Error},
    metrics::Requests,
};

/// What a request gets when it arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: Uuid,
    pub(crate) at: Instant,
}

impl Arrival {
    pub(crate) fn now() -> Self {
        Self { id: Uuid::now_v7(), at: Instant::now() }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The target of the line that every answered request has in the log.
pub(crate) const REQUEST_TARGET: &str = "catena::request";

/// The outermost endpoint.
pub(crate) struct Front<E> {
    inner: E,
    /// Requests that no procedure is there for.
    unrouted: Requests,
}

impl<E: Endpoint> Front<E> {
    pub(crate) fn new(inner: E) -> Self {
        Self { inner, unrouted: Requests::new("unrouted", "any") }
    }
}

impl<E: Endpoint> Endpoint for Front<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let arrival = Arrival::now();
        request.set_data(arrival);
        let method = request.method().clone();
        let path = request.uri().path().to_owned();

        let mut response = match self.inner.call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => {
                if is_unrouted(&error) {
                    self.unrouted.begin(arrival.at).answered(404);
                }
                report(error, arrival.id)
            }
        };
        let headers = response.headers_mut();
        let mut buffer = Uuid::encode_buffer();
        let request_id = &*arrival.id.hyphenated().encode_lower(&mut buffer);
        if let Ok(value) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, value);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // What an API answers belongs to the caller who asked, and to no cache in between.
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));

        let status = response.status().as_u16();
        let ms = arrival.at.elapsed().as_millis() as u64;
        let method = method.as_str();
        tracing::info!(target: REQUEST_TARGET, method, path, status, ms, request_id, "request");
        Ok(response)
    }
}

/// Whether there is nothing at the path, or not for the method.
fn is_unrouted(error: &poem::Error) -> bool {
    error.data::<Allow>().is_some() || error.is::<NotFoundError>() || error.is::<MethodNotAllowedError>()
}

/// Logs what the caller will not learn, and makes a problem document of the rest.
fn report(error: poem::Error, id: Uuid) -> Response {
    let allow = error.data::<Allow>().cloned();
    let error = match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) if error.is::<NotFoundError>() => {
            Error::not_found("there is nothing at this path; see /docs")
        }
        Err(error) if error.is::<MethodNotAllowedError>() => {
            // Only the framework's own pages come here; they are all read.
            Error::new(Code::METHOD_NOT_ALLOWED, "this path takes GET; see /docs")
        }
        Err(error) => Error::internal(error.to_string()),
    };
    if error.code().status >= 500 {
        tracing::error!(code = error.code().name, error = error.chain(), request_id = %id, "request failed");
    }
    let mut response = problem(&error, id);
    if error.code() == Code::METHOD_NOT_ALLOWED {
        let allow = allow.map_or(HeaderValue::from_static("GET, HEAD"), |Allow(methods)| methods);
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

impl poem::error::ResponseError for Error {
    fn status(&self) -> poem::http::StatusCode {
        poem::http::StatusCode::from_u16(self.code().status)
            .unwrap_or(poem::http::StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        problem(self, Uuid::now_v7())
    }
}
