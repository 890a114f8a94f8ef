//! Work behind the API: it runs in the background, is tried again when it fails, and sees every row.

pub mod digest;
pub mod mail;
pub mod purge;
