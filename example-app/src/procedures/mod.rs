//! The API, a file a noun.

pub mod auth;
pub mod stats;
pub mod tasks;
