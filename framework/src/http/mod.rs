//! From a request to a procedure and back.

mod admin;
mod call;
mod context;
mod cookie;
mod endpoint;
mod front;
mod output;
mod patience;
mod payload;
mod problem;
mod router;
pub(crate) mod server;

pub use call::Call;
pub(crate) use context::ContextOf;
pub(crate) use endpoint::longest_request;
pub(crate) use front::{Front, REQUEST_TARGET};
pub(crate) use output::Reply;
pub use output::{Created, Output, Redirect};
pub(crate) use problem::{MEDIA_TYPE as PROBLEM_MEDIA_TYPE, document as problem_document};
pub(crate) use router::{admin_router, router};
