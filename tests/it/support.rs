//! What several tests need.

use catena::testing::{Client, TestApp};
use serde_json::{Value, json};

/// The example application, up.
pub(crate) async fn example() -> TestApp {
    TestApp::start(example_app::app()).await
}

/// A client that has signed up as `name`.
pub(crate) async fn signed_up(app: &TestApp, name: &str) -> Client {
    let mut client = app.client();
    let answer = client.post("/api/auth/signup", credentials(name)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    client
}

/// What `name` signs up and in with.
pub(crate) fn credentials(name: &str) -> Value {
    json!({"email": format!("{name}@example.test"), "password": "correct horse battery"})
}

/// The pointers of a problem document's errors, in order.
pub(crate) fn pointers(problem: &Value) -> Vec<&str> {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().filter_map(|error| error["pointer"].as_str()).collect()
}
