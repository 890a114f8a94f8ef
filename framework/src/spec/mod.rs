//! Descriptors to OpenAPI; the only user of `poem_openapi::registry`.

mod clashes;
mod document;
mod operations;
mod schema;

pub(crate) use clashes::{clashes, refused_defaults};
pub(crate) use document::Document;
pub use schema::{parse_from_json, register, schema_ref, to_json};
