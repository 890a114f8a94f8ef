//! The framework as its users meet it: over HTTP, through the queue, on the command line.

mod admin;
mod auth;
mod bad_input;
mod doctor;
mod escapes;
mod faults;
mod http;
mod jobs;
mod others;
mod process;
#[path = "../../framework/src/limit/store/tests/server.rs"]
mod redis;
mod roles;
mod secrets;
mod spec;
mod support;
mod tables;
mod tasks;
