//! More requests than connections.

use catena::testing::TestDb;
use serde_json::json;

use super::{PAIRS, count, hold_all, observer};
use crate::process::Server;

#[tokio::test(flavor = "multi_thread")]
async fn who_gets_no_connection_is_told_to_come_back_and_others_are_served() {
    let db = TestDb::new(&PAIRS).await;
    let server = Server::start("pairs", &db, &["serve", "--no-jobs"]);
    assert_eq!(server.get("/api/ping").0, 204);

    hold_all(&server, &mut observer(&db).await, async || {
        let (status, problem) = server.post("/api/write", &json!({"number": 1}));
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{problem}");
        assert_eq!(server.get("/healthz").0, 200, "what needs no connection is answered");
    })
    .await;
    assert_eq!(count(&server), (0, 0, 0), "who was turned away wrote nothing");

    assert_eq!(server.post("/api/write", &json!({"number": 1})).0, 204);
    assert_eq!(count(&server), (1, 1, 1));
}
