//! What several tests need.

use catena::testing::TestApp;
use serde_json::Value;

/// The library, up. Its procedures are those of all tests.
pub(crate) async fn library() -> TestApp {
    TestApp::start(catena::app!("apps/library/migrations")).await
}

/// Place, pointer and code of a problem document's errors, in order.
pub(crate) fn failures(problem: &Value) -> Vec<[&str; 3]> {
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors
        .iter()
        .map(|error| ["in", "pointer", "code"].map(|name| error[name].as_str().unwrap_or_default()))
        .collect()
}
