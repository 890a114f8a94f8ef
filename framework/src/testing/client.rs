//! A client of an application under test, in the same process: no sockets, everything else as it is.

use std::sync::Arc;

use poem::{
    Body, Endpoint as _, Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
};
use serde_json::Value;

use crate::http::Front;

/// A client with cookies of its own, like a browser.
#[derive(Clone)]
pub struct Client {
    endpoint: Arc<Front>,
    cookies: Vec<(String, String)>,
    headers: HeaderMap,
}

/// What an application answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is empty.
    ///
    /// # Panics
    /// If the body is neither empty nor JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty if there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Client {
    pub(super) fn new(endpoint: Arc<Front>) -> Self {
        Self { endpoint, cookies: Vec::new(), headers: HeaderMap::new() }
    }

    /// Sends a header with every request from now on.
    ///
    /// # Panics
    /// If name or value are no header.
    pub fn header(&mut self, name: &'static str, value: &str) -> &mut Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Forgets every cookie.
    pub fn forget_cookies(&mut self) {
        self.cookies.clear();
    }

    /// GET.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None, Vec::new()).await
    }

    /// POST with a JSON body.
    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.to_string().into_bytes()).await
    }

    /// Any request. Cookies that the answer sets are sent with the next ones.
    ///
    /// # Panics
    /// If the path is no URI, or the body of the answer breaks off.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let uri: Uri = path.parse().expect("a path such as /api/tasks/list");
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(content_type) = content_type {
            request = request.content_type(content_type);
        }
        let mut request = request.body(Body::from(body.into()));
        request.headers_mut().extend(self.headers.clone());
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let value = HeaderValue::from_str(&pairs.join("; ")).expect("cookies came as headers");
            request.headers_mut().insert(header::COOKIE, value);
        }
        let response = self.endpoint.get_response(request).await;
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            self.store(cookie.to_str().expect("a cookie of the framework is text"));
        }
        let body = body.into_vec().await.expect("the body of an answer in the same process");
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    fn store(&mut self, cookie: &str) {
        let pair = cookie.split(';').next().unwrap_or_default();
        let Some((name, value)) = pair.split_once('=') else { return };
        self.cookies.retain(|(key, _)| key != name);
        if !value.is_empty() {
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}
