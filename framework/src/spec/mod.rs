//! Descriptors to OpenAPI; the only user of `poem_openapi::registry`.

mod changes;
mod clashes;
mod document;
mod examples;
mod operations;
mod schema;

pub(crate) use changes::breaking_changes;
pub(crate) use clashes::{clashes, refused_defaults};
pub(crate) use document::{Document, Info};
pub use schema::openapi_type;
#[cfg(test)]
pub(crate) use schema::{parameters, register};
