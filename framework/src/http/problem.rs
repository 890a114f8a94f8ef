//! Errors on the wire: RFC 9457 problem documents.

use bytes::Bytes;
use hyper::Response;
use poem::http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    error::{Error, Failure},
    limit::QUOTA_EXCEEDED,
};

/// The media type of every answer that reports an error.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What callers learn of a failure that is not theirs.
const HIDDEN: &str = "the cause is in the server's log under this request id";

/// Turns an error into the answer of request `id`. A 5xx tells nothing of its cause.
pub(crate) fn problem(error: &Error, id: Uuid) -> Response<Bytes> {
    let code = error.code();
    let status = StatusCode::from_u16(code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let document = serde_json::to_vec(&Problem::of(error, id)).unwrap_or_default();
    let mut response = Response::new(document.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(denial) = error.denial() {
        denial.write(headers);
    }
    response
}

/// The document as JSON.
pub(crate) fn document(error: &Error, id: Uuid) -> serde_json::Value {
    serde_json::to_value(Problem::of(error, id)).unwrap_or_default()
}

/// The document, in the order in which people read it.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
    request_id: Uuid,
    #[serde(rename = "violated-policies", skip_serializing_if = "Option::is_none")]
    violated_policies: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FailureOnTheWire<'a>>,
}

impl<'a> Problem<'a> {
    fn of(error: &'a Error, id: Uuid) -> Self {
        let code = error.code();
        Self {
            r#type: if error.denial().is_some() { QUOTA_EXCEEDED } else { "about:blank" },
            title: code.title,
            status: code.status,
            code: code.name,
            detail: if code.status >= 500 { HIDDEN } else { error.detail() },
            request_id: id,
            violated_policies: error.denial().map(|denial| [denial.policy]),
            errors: error.failures().iter().map(FailureOnTheWire::from).collect(),
        }
    }
}

#[derive(Serialize)]
struct FailureOnTheWire<'a> {
    r#in: &'static str,
    pointer: &'a str,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
}

impl<'a> From<&'a Failure> for FailureOnTheWire<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            r#in: failure.place.name(),
            pointer: &failure.pointer,
            code: &failure.code,
            message: &failure.message,
            expected: failure.expected.as_deref(),
        }
    }
}
