//! What every request passes through: an id, a log line, and errors as problem documents.

use std::{
    borrow::Cow,
    net::SocketAddr,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use hyper::http::request::Parts;
use poem::{
    Endpoint, Request, Response,
    error::{MethodNotAllowedError, NotFoundError},
    http::{HeaderMap, HeaderName, HeaderValue, header},
};
use uuid::{NoContext, Timestamp, Uuid};

use super::{
    endpoint::Asked,
    payload::Payload,
    problem::problem,
    router::{Allow, Routes},
};
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
        Self { id: new_id(), at: Instant::now() }
    }
}

/// A new id: of version 7, whose order within a millisecond is left to chance. `Uuid::now_v7` keeps it, by a lock that
/// all threads share.
fn new_id() -> Uuid {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), now.subsec_nanos()))
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The target of the line that every answered request has in the log.
pub(crate) const REQUEST_TARGET: &str = "catena::request";

/// The two ends of a connection, where it has addresses.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) local: Option<SocketAddr>,
    pub(crate) remote: Option<SocketAddr>,
}

/// What answers every request.
pub(crate) struct Front {
    routes: Routes,
    /// Requests that no procedure is there for.
    unrouted: Requests,
}

impl Front {
    pub(super) fn new(routes: Routes) -> Self {
        Self { routes, unrouted: Requests::new("unrouted", "any") }
    }

    /// Answers a request, and logs it.
    pub(crate) async fn answer(
        &self,
        request: hyper::Request<Payload>,
        ends: Ends,
    ) -> hyper::Response<Payload> {
        let arrival = Arrival::now();
        let (parts, body) = request.into_parts();
        let method = parts.method.clone();
        let (path, outcome) = match self.routes.plain(parts.uri.path()) {
            Some((path, methods)) => {
                let outcome = match methods.find(&method) {
                    Ok(endpoint) => {
                        let Parts { method, uri, headers, .. } = parts;
                        let peer = ends.remote.map(|address| address.ip());
                        let asked = Asked { arrival, peer, method, uri, headers, path: Vec::new(), body };
                        let answer = endpoint.answer(asked).await;
                        answer.map(|response| response.map(Payload::Whole)).map_err(poem::Error::from)
                    }
                    Err(refusal) => Err(refusal),
                };
                (Cow::Borrowed(path), outcome)
            }
            None => {
                let path = Cow::Owned(parts.uri.path().to_owned());
                // Boxed, as every request would make room for it.
                (path, Box::pin(self.routes.other(parts, body, ends, arrival)).await)
            }
        };
        let mut response = outcome.unwrap_or_else(|error| {
            if is_unrouted(&error) {
                self.unrouted.begin(arrival.at).answered(404);
            }
            report(error, arrival.id)
        });
        let mut buffer = Uuid::encode_buffer();
        let request_id = &*arrival.id.hyphenated().encode_lower(&mut buffer);
        sign(response.headers_mut(), request_id);

        let status = response.status().as_u16();
        let ms = arrival.at.elapsed().as_millis() as u64;
        let method = method.as_str();
        tracing::info!(target: REQUEST_TARGET, message = "request", method, path = &*path, status, ms, request_id);
        response
    }
}

/// What every answer has.
fn sign(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What an API answers belongs to the caller who asked, and to no cache in between.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The same for requests that do not come from the network, but from a test.
impl Endpoint for Front {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let (local, remote) = (request.local_addr(), request.remote_addr());
        let (local, remote) = (local.as_socket_addr().copied(), remote.as_socket_addr().copied());
        let request = hyper::Request::from(request).map(Payload::Boxed);
        Ok(self.answer(request, Ends { local, remote }).await.into())
    }
}

/// Whether there is nothing at the path, or not for the method.
fn is_unrouted(error: &poem::Error) -> bool {
    error.data::<Allow>().is_some() || error.is::<NotFoundError>() || error.is::<MethodNotAllowedError>()
}

/// Logs what the caller will not learn, and makes a problem document of the rest.
fn report(error: poem::Error, id: Uuid) -> hyper::Response<Payload> {
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
    response.map(Payload::Whole)
}

impl poem::error::ResponseError for Error {
    fn status(&self) -> poem::http::StatusCode {
        poem::http::StatusCode::from_u16(self.code().status)
            .unwrap_or(poem::http::StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn as_response(&self) -> Response {
        problem(self, Arrival::now().id).map(Payload::Whole).into()
    }
}
