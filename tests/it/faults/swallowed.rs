//! A statement that fails, in a handler that does not mind.

use catena::testing::TestDb;
use serde_json::json;

use super::{PAIRS, count};
use crate::process::Server;

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_swallowed_is_a_500_and_in_a_savepoint_it_is_none() {
    let db = TestDb::new(&PAIRS).await;
    let server = Server::start("pairs", &db, &["serve", "--no-jobs"]);
    let pair = json!({"number": 1});
    assert_eq!(server.post("/api/write", &json!({"number": 2})).0, 204);
    db.execute("INSERT INTO lefts VALUES (1)").await;

    let (status, problem) = server.post("/api/swallow", &pair);
    assert_eq!((status, &problem["code"]), (500, &json!("internal")), "{problem}");
    assert!(!problem.to_string().contains("lefts"), "the cause stays in the log: {problem}");
    assert_eq!(count(&server), (2, 1, 1), "nothing was written");

    assert_eq!(server.post("/api/save", &pair), (200, pair.clone()));
    assert_eq!(count(&server), (2, 2, 2), "what was around the savepoint was");
    assert_eq!(server.post("/api/swallow", &json!({"number": 3})).0, 204, "without a failure there is none");
}
