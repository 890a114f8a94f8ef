//! From a request to a procedure and back.

mod call;
mod context;
mod cookie;
mod endpoint;
mod front;
mod output;
mod patience;
mod problem;
mod router;
pub(crate) mod server;

pub use call::Call;
pub(crate) use context::ContextOf;
use front::RequestId;
pub(crate) use output::Reply;
pub use output::{Created, Output, Redirect};
pub(crate) use problem::MEDIA_TYPE as PROBLEM_MEDIA_TYPE;
pub(crate) use router::router;
