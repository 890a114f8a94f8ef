//! Applications, databases and clocks for tests: real PostgreSQL, a database a test, all tests at once.
//!
//! The feature `testing` brings it; an application has it in its `[dev-dependencies]`, beside `tokio` and `serde_json`.
//!
//! ```
//! use catena::testing::TestApp;
//! use serde_json::json;
//!
//! # fn app() -> catena::App { catena::app!() }
//! #[tokio::test]
//! async fn a_task_is_listed() {
//!     let app = TestApp::start(app()).await;
//!     let mut ada = app.client();
//!     ada.post("/api/auth/signup", json!({"email": "ada@example.test", "password": "correct horse"})).await;
//!     let created = ada.post("/api/tasks/create", json!({"title": "buy milk"})).await;
//!     assert_eq!(created.status, 201);
//!     // What was enqueued runs now; time passes when the test says so: `app.advance(..)`.
//!     app.run_jobs().await;
//! }
//! ```

mod app;
mod client;
mod db;

pub use app::{TestApp, TestAppBuilder};
pub use client::{Answer, Client};
#[cfg(test)]
pub(crate) use db::NoMigrations;
pub use db::TestDb;
pub use diesel_migrations::{self, EmbeddedMigrations};
pub use poem::http::Method;
