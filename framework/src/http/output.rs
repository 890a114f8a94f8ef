//! What a procedure may answer with.

use poem::http::{HeaderValue, StatusCode};

use crate::{
    error::{Error, Result},
    model::{Schema, write_body},
    procedure::Answer,
};

/// A value that a procedure can answer with: a model, or one of the framework's own answers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the answer of a procedure",
    label = "no schema for this type",
    note = "put `#[model]` above the definition of `{Self}`, or of the type in its `<..>`",
    note = "or answer with `Created<T>`, `Option<T>`, `Vec<T>`, `Redirect` or `()`"
)]
pub trait Output: Sized + Send + 'static {
    /// Describes the answer.
    fn answer() -> Answer;

    /// Writes the answer.
    ///
    /// # Errors
    /// `internal` for a value that its own schema cannot express; `not_found` for a `None`.
    fn write(self) -> Result<Reply>;
}

/// An answer that has been written.
#[derive(Debug)]
pub struct Reply {
    pub(super) status: StatusCode,
    /// JSON.
    pub(super) body: Option<Vec<u8>>,
    /// Where to look instead.
    pub(super) location: Option<HeaderValue>,
}

impl Reply {
    fn new(status: StatusCode, body: Option<Vec<u8>>) -> Self {
        Self { status, body, location: None }
    }
}

/// Answers with 200. An `Option` that is `None` is a 404.
impl<T: Schema> Output for T {
    fn answer() -> Answer {
        Answer { status: 200, shape: Some(T::shape()), may_be_missing: T::OPTIONAL }
    }

    fn write(self) -> Result<Reply> {
        let body = write_body(&self)?;
        // Only the `None` of an optional value is written like this.
        if T::OPTIONAL && body == b"null" {
            return Err(Error::not_found("there is no such thing, or not for you"));
        }
        Ok(Reply::new(StatusCode::OK, Some(body)))
    }
}

/// Answers with 204 and no body.
impl Output for () {
    fn answer() -> Answer {
        Answer { status: 204, shape: None, may_be_missing: false }
    }

    fn write(self) -> Result<Reply> {
        Ok(Reply::new(StatusCode::NO_CONTENT, None))
    }
}

/// Answers with 201 and the thing that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created<T>(pub T);

impl<T: Schema> Output for Created<T> {
    fn answer() -> Answer {
        Answer { status: 201, shape: Some(T::shape()), may_be_missing: false }
    }

    fn write(self) -> Result<Reply> {
        Ok(Reply::new(StatusCode::CREATED, Some(write_body(&self.0)?)))
    }
}

/// Sends the caller elsewhere with 303: what was asked for is at another address, to be read by GET.
///
/// ```
/// use catena::Redirect;
///
/// let done = Redirect::to("/api/tasks/list");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect(String);

impl Redirect {
    /// Sends the caller to a path or URL, percent-encoded where it has to be. Never pass on what a caller has sent: it
    /// may lead anywhere.
    pub fn to(address: impl Into<String>) -> Self {
        Self(address.into())
    }
}

impl Output for Redirect {
    fn answer() -> Answer {
        Answer { status: 303, shape: None, may_be_missing: false }
    }

    fn write(self) -> Result<Reply> {
        let location = HeaderValue::try_from(self.0).map_err(Error::internal)?;
        Ok(Reply { location: Some(location), ..Reply::new(StatusCode::SEE_OTHER, None) })
    }
}
