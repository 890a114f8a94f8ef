//! One call of a procedure: what the macro's closure reads from and answers with.

use std::{future::Future, sync::Arc};

use bytes::Bytes;
use hyper::Response;
use poem::http::{HeaderValue, header};

use super::{context::ContextOf as _, output::Reply};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    auth::{device, normal_identity},
    ctx::RequestScope,
    error::{Code, Error, Result},
    model::{Schema, Shape, parse_body, parse_no_query, parse_query, parse_segment},
    procedure::{PathArgument, Procedure, ProcedureType, Tier},
};

/// One call of a procedure.
pub struct Call {
    pub(super) procedure: &'static Procedure,
    pub(super) request: Arc<RequestScope>,
    pub(super) path: Vec<(&'static str, String)>,
    pub(super) query: String,
    pub(super) body: Bytes,
}

impl Call {
    /// Finds out who is calling, as far as the procedure `P` wants to know.
    ///
    /// # Errors
    /// `unauthenticated` when somebody must be signed in and nobody is; `invalid_input` for a query string that nobody
    /// reads.
    pub fn context<P: ProcedureType>(&self) -> impl Future<Output = Result<P::Context>> + Send {
        P::Context::enter(self)
    }

    /// Refuses a query string that nobody reads: its parameters are unknown.
    ///
    /// # Errors
    /// `invalid_input`.
    pub(super) fn refuse_unread_query(&self) -> Result<()> {
        if self.procedure.is_query() && self.procedure.input.is_none() {
            parse_no_query(&self.query)?;
        }
        Ok(())
    }

    /// Charges the address for a caller who should have been signed in; returns what the caller is told.
    pub(super) async fn refuse_stranger(&self, error: Error) -> Error {
        match &self.request.services.limits {
            // What is no fault of the caller's, such as a database that is away, costs nothing.
            Some(limits) if error.code().status < 500 => {
                limits.charge_stranger(&self.request).await.err().unwrap_or(error)
            }
            _ => error,
        }
    }

    /// Charges a signed-in user.
    pub(super) async fn charge_user(&self, user_id: Uuid) -> Result<()> {
        match &self.request.services.limits {
            Some(limits) => limits.charge_user(&self.request, user_id).await,
            None => Ok(()),
        }
    }

    /// Charges an attempt of tier `auth`, now that its input is known to be valid; what others are charged for is
    /// charged before.
    ///
    /// # Errors
    /// `too_many_requests`.
    pub async fn admit(&self) -> Result<()> {
        match &self.request.services.limits {
            Some(limits) if self.procedure.tier == Tier::Auth => {
                let account = self.identity();
                let device = account.as_deref().and_then(|account| device::known(&self.request, account));
                limits.charge_attempt(&self.request, account.as_deref(), device).await
            }
            _ => Ok(()),
        }
    }

    /// The account that the input is about, in the spelling by which accounts are found: the field that is marked as
    /// `#[identity]`.
    fn identity(&self) -> Option<String> {
        let Shape::Object(object) = (self.procedure.input?)().unnamed() else { return None };
        let field = object.fields.iter().find(|field| field.identity)?;
        let text = if self.procedure.is_query() {
            let pairs = url::form_urlencoded::parse(self.query.as_bytes());
            pairs.into_iter().find(|(name, _)| name == field.name)?.1.into_owned()
        } else {
            match serde_json::from_slice::<Value>(&self.body).ok()?.get(field.name)? {
                Value::String(text) => text.clone(),
                Value::Null => return None,
                value => value.to_string(),
            }
        };
        Some(normal_identity(&text))
    }

    /// Reads the argument `name` from the path.
    ///
    /// # Errors
    /// `invalid_input`.
    pub fn path<P: PathArgument>(&self, name: &str) -> Result<P> {
        let value = self.path.iter().find(|(known, _)| *known == name);
        parse_segment(name, value.map_or("", |(_, value)| value))
    }

    /// Reads and validates the input: the body, or the query string of a procedure that only reads.
    ///
    /// # Errors
    /// `unsupported_media_type`, `malformed_json` or `invalid_input`.
    pub fn input<I: Schema>(&self) -> Result<I> {
        if self.procedure.is_query() {
            return parse_query(&self.query);
        }
        if !is_json(self.request.headers.get(header::CONTENT_TYPE), &self.body) {
            return Err(Error::new(
                Code::UNSUPPORTED_MEDIA_TYPE,
                "send JSON, with the header `content-type: application/json`",
            ));
        }
        parse_body(&self.body)
    }

    /// Answers with what has been written: commits, then there is something to send.
    ///
    /// # Errors
    /// That of what should have been written, and those of the commit.
    pub async fn reply(&self, written: Result<Reply>) -> Result<Response<Bytes>> {
        let Reply { status, body, location } = written?;
        self.request.scope.commit().await?;
        if let Some(limits) = &self.request.services.limits {
            limits.settle(&self.request.ledger).await;
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        if let Some(body) = body {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *response.body_mut() = body.into();
        }
        if let Some(location) = location {
            response.headers_mut().insert(header::LOCATION, location);
        }
        for cookie in self.request.take_cookies() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        Ok(response)
    }
}

/// Whether the content type is JSON. A request without a body needs none: its input is reported as missing.
fn is_json(content_type: Option<&HeaderValue>, body: &Bytes) -> bool {
    match content_type.map(HeaderValue::to_str) {
        Some(Ok(value)) => {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json")
        }
        Some(Err(_)) => false,
        None => body.is_empty(),
    }
}
