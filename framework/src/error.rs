//! The one error type of handlers and jobs, and the one place that knows which code has which status.

use std::{any::Any, borrow::Cow, error::Error as StdError, fmt, time::Duration};

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

use crate::limit::Denial;

/// What procedures and jobs return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn StdError + Send + Sync + 'static>;

/// A kind of failure: a stable name for programs, the HTTP status it has and a title for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable name, as in the `code` member of a problem document.
    pub name: &'static str,
    /// The HTTP status, from 400 to 599.
    pub status: u16,
    /// A short summary of the kind of failure; the same for every occurrence.
    pub title: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $status:literal $name:literal $title:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $constant: Self = Self { name: $name, status: $status, title: $title };)*

            /// Every code the framework itself answers with.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];
        }
    };
}

codes! {
    /// The body is not JSON text.
    MALFORMED_JSON = 400 "malformed_json" "Malformed JSON";
    /// The request cannot be read at all, for example because it broke off.
    BAD_REQUEST = 400 "bad_request" "Bad request";
    /// Nobody is signed in.
    UNAUTHENTICATED = 401 "unauthenticated" "Sign-in required";
    /// The address and the secret do not belong together.
    INVALID_CREDENTIALS = 401 "invalid_credentials" "Wrong credentials";
    /// A browser sent the session from a page of another site.
    CROSS_SITE = 403 "cross_site" "Cross-site request refused";
    /// The caller is known and may not do this.
    FORBIDDEN = 403 "forbidden" "Forbidden";
    /// There is no such thing, or not for this caller.
    NOT_FOUND = 404 "not_found" "Not found";
    /// The path exists for other methods.
    METHOD_NOT_ALLOWED = 405 "method_not_allowed" "Method not allowed";
    /// The request did not arrive in time.
    REQUEST_TIMEOUT = 408 "request_timeout" "Request timed out";
    /// The request contradicts what is stored.
    CONFLICT = 409 "conflict" "Conflict";
    /// The body is longer than the limit.
    BODY_TOO_LARGE = 413 "body_too_large" "Body too large";
    /// The body is not of a type that the operation reads.
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported_media_type" "Unsupported media type";
    /// The input was read and does not match its schema.
    INVALID_INPUT = 422 "invalid_input" "Invalid input";
    /// A quota is used up.
    TOO_MANY_REQUESTS = 429 "too_many_requests" "Too many requests";
    /// Something failed that is not the caller's doing; the log has it under the request id.
    INTERNAL = 500 "internal" "Internal error";
    /// A part the server needs is away or busy; trying again later may succeed.
    UNAVAILABLE = 503 "unavailable" "Temporarily unavailable";
    /// The handler took longer than its limit.
    TIMEOUT = 504 "timeout" "Timed out";
}

/// Where in a request a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The JSON body.
    Body,
    /// The query string.
    Query,
    /// The path.
    Path,
}

impl Place {
    /// The name on the wire: `body`, `query` or `path`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Query => "query",
            Self::Path => "path",
        }
    }
}

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Where the input stands.
    pub place: Place,
    /// A JSON pointer (RFC 6901) to the value at fault: `/title`, `/items/3/name`; empty for the whole input.
    pub pointer: String,
    /// A stable name: `required`, `unknown`, `type`, `format`, `length`, `range`, `items`,
    /// `multiple_of`, `unique_items`, `pattern`, `enum`, `duplicate`, `custom`, `password`.
    pub code: Cow<'static, str>,
    /// A sentence for people, about this value.
    pub message: String,
    /// What would have been accepted, if that can be said in a few words: `string`, `1..=200`.
    pub expected: Option<String>,
}

/// What a failed job does next; requests ignore it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Tried again by the job's own backoff while attempts are left.
    #[default]
    Backoff,
    /// Tried again after this time while attempts are left.
    RetryIn(Duration),
    /// Never tried again.
    Discard,
    /// Tried again after this time, as if it had not been tried.
    Snooze(Duration),
    /// Stopped, which is no failure.
    Cancel,
}

/// Why a procedure or a job did not succeed: a code and a message for the caller, a source for the log.
///
/// A 5xx answer never tells its message or its source; the log has both under the request id.
///
/// ```
/// use catena::{Code, Error};
///
/// let error = Error::not_found("there is no such task");
/// assert_eq!(error.code(), Code::NOT_FOUND);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    detail: Cow<'static, str>,
    failures: Vec<Failure>,
    source: Option<Source>,
    verdict: Verdict,
    denial: Option<Denial>,
}

impl Error {
    /// Returns an error of the given code; `detail` is a sentence for the caller.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            failures: Vec::new(),
            source: None,
            verdict: Verdict::Backoff,
            denial: None,
        }))
    }

    /// 404: there is no such thing, or not for this caller.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NOT_FOUND, detail)
    }

    /// 403: the caller is known and may not do this.
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::FORBIDDEN, detail)
    }

    /// 409: the request contradicts what is stored.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::CONFLICT, detail)
    }

    /// 401: nobody is signed in.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(Code::UNAUTHENTICATED, "sign in, then send the session as a cookie or as a Bearer token")
    }

    /// 422: the input does not match its schema, with everything that is wrong.
    #[must_use]
    pub fn invalid(failures: Vec<Failure>) -> Self {
        let detail: Cow<'static, str> = match failures.len() {
            1 => "1 problem in the input".into(),
            n => format!("{n} problems in the input").into(),
        };
        let mut error = Self::new(Code::INVALID_INPUT, detail);
        error.0.failures = failures;
        error
    }

    /// 429: a limit is used up.
    #[cfg(feature = "limits")]
    pub(crate) fn denied(denial: Denial) -> Self {
        let mut error = Self::new(Code::TOO_MANY_REQUESTS, denial.detail());
        error.0.denial = Some(denial);
        error
    }

    /// 500: something failed that is not the caller's doing. The caller learns nothing of the source.
    pub fn internal(source: impl Into<Source>) -> Self {
        let source = source.into();
        Self::new(Code::INTERNAL, source.to_string()).because(source)
    }

    /// 503: a part the server needs is away or busy.
    pub fn unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::UNAVAILABLE, detail)
    }

    /// Ends the job that returns it: it is never tried again, whatever attempts are left.
    /// From a procedure it is a 500.
    pub fn discard(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Code::INTERNAL, detail);
        error.0.verdict = Verdict::Discard;
        error
    }

    /// Has the job that returns it tried again after `delay`, if attempts are left.
    /// From a procedure it is a 500.
    pub fn retry_in(delay: Duration, detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Code::INTERNAL, detail);
        error.0.verdict = Verdict::RetryIn(delay);
        error
    }

    /// Has the job that returns it wait for `delay`, as if it had not begun: the attempt does not count, and nothing is
    /// recorded. What it wrote through `job.db()` is undone. From a procedure it is a 500.
    #[must_use]
    pub fn snooze(delay: Duration) -> Self {
        let mut error = Self::new(Code::INTERNAL, "the job is not ready to run");
        error.0.verdict = Verdict::Snooze(delay);
        error
    }

    /// Ends the job that returns it as one that nobody needs any more: it counts as cancelled, not as given up.
    /// From a procedure it is a 500.
    pub fn cancel(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Code::INTERNAL, detail);
        error.0.verdict = Verdict::Cancel;
        error
    }

    /// Adds what caused the error, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of failure.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for the caller (for a 5xx: for the log).
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Everything that is wrong with the input; empty unless the code is `invalid_input`.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.0.failures
    }

    pub(crate) fn denial(&self) -> Option<&Denial> {
        self.0.denial.as_ref()
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.0.verdict
    }

    /// The detail and every source below it, outermost first, joined by `: `; for logs and job records.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.0.detail.to_string();
        let mut next = self.source();
        while let Some(source) = next {
            let part = source.to_string();
            if !text.ends_with(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            next = source.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name, self.0.detail)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code.name)
            .field("detail", &self.0.detail)
            .field("failures", &self.0.failures)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

const CHANGED_MEANWHILE: &str = "somebody changed the same records at the same time; try again";

/// Maps what the database says to what the caller may know.
///
/// Not found → 404; unique, foreign key or exclusion → 409; check or not null → 422; serialisation failure and deadlock
/// → 409; a lost connection → 503; a statement that takes too long → 504; anything else → 500.
///
/// A 422 points at the field that is named like the column. PostgreSQL tells the column of a not-null rule; that of a
/// check is known while the check has the name that PostgreSQL gives it: `books_pages_check`.
impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        use DatabaseErrorKind as Kind;

        let mapped = match &error {
            DieselError::NotFound => Self::not_found("there is no such record"),
            DieselError::DatabaseError(kind, info) => match kind {
                Kind::UniqueViolation => Self::conflict("this already exists"),
                Kind::ForeignKeyViolation | Kind::RestrictViolation => {
                    Self::conflict("this refers to something that is not there, or is still in use")
                }
                Kind::ExclusionViolation => Self::conflict("this overlaps with something stored"),
                Kind::SerializationFailure => Self::conflict(CHANGED_MEANWHILE),
                // Diesel has no kind for it and hides its code; a server that speaks another language gets a 500.
                Kind::Unknown if info.message() == "deadlock detected" => Self::conflict(CHANGED_MEANWHILE),
                Kind::Unknown if info.message() == "canceling statement due to statement timeout" => {
                    Self::new(Code::TIMEOUT, "a statement took longer than the database allows")
                }
                Kind::NotNullViolation | Kind::CheckViolation => Self::invalid(vec![Failure {
                    place: Place::Body,
                    pointer: column(info.as_ref()).map(|name| format!("/{name}")).unwrap_or_default(),
                    code: "constraint".into(),
                    message: "is refused by a rule of the database".into(),
                    expected: info.constraint_name().map(str::to_owned),
                }]),
                Kind::ClosedConnection | Kind::UnableToSendCommand => {
                    Self::unavailable("the connection to the database was lost")
                }
                _ => return Self::internal(error),
            },
            _ => return Self::internal(error),
        };
        mapped.because(error)
    }
}

/// The column whose value was refused, if that can be told.
fn column(info: &dyn DatabaseErrorInformation) -> Option<&str> {
    info.column_name().or_else(|| {
        let rule = info.constraint_name()?.strip_prefix(info.table_name()?)?;
        let numbered = rule.trim_end_matches(|c: char| c.is_ascii_digit());
        numbered.strip_suffix("_check")?.strip_prefix('_')
    })
}

/// What a panic said, for logs and records.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("with a value that is no text")
}
