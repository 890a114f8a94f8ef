//! What goes in and out of the API and the queue, and what rows look like.

pub mod account;
pub mod mail;
pub mod stats;
pub mod task;
