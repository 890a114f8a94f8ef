//! Input that is made to break something: each has its problem, and never a 500.

use catena::testing::{Answer, Client, Method};
use serde_json::json;

use crate::support::{example, pointers, signed_up};

async fn create(client: &mut Client, body: impl Into<Vec<u8>>) -> Answer {
    client.send(Method::POST, "/api/tasks/create", Some("application/json"), body).await
}

#[tokio::test]
async fn a_text_that_is_far_too_long_is_not_read() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let answer = create(&mut ada, json!({"title": "x".repeat(10 * 1024 * 1024)}).to_string()).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (413, Some("body_too_large")));
    // Within the limit of a body it is read, and refused without being repeated.
    let answer = create(&mut ada, json!({"title": "x".repeat(500_000)}).to_string()).await;
    assert_eq!((answer.status, pointers(&answer.json())), (422, vec!["/title"]));
    assert!(answer.text().len() < 1000, "{} bytes", answer.text().len());
}

#[tokio::test]
async fn what_is_no_json_is_told_where() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        &b"{\"title\":\"\xff\"}"[..],
        b"{\"title\":\"\xed\xa0\x80\"}",
        b"{\"title\":\"a\nb\"}",
        b"{\"title\":\"a\"}\0",
        b"\xef\xbb\xbf{}",
        b"{\"title\":NaN}",
        b"{\"title\":01}",
        deep.as_bytes(),
        format!("{{\"title\":\"a\",\"notes\":{deep}}}").as_bytes(),
    ] {
        let answer = create(&mut ada, body).await;
        let code = answer.json()["code"].clone();
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!((answer.status, code), (400, json!("malformed_json")), "{shown}: {}", answer.text());
    }
}

#[tokio::test]
async fn what_json_allows_and_nobody_means_is_told_where() {
    let app = example().await;
    let mut ada = signed_up(&app, "ada").await;
    for (body, at, code) in [
        (r#"{"title":1e400}"#, "/title", "type"),
        (r#"{"title":"\ud800"}"#, "/title", "format"),
        (r#"{"title":"\udc00\ud800"}"#, "/title", "format"),
        (r#"{"title":"a\u0000"}"#, "/title", "format"),
        (r#"{"title":"a","titl\u0065":"b"}"#, "/title", "duplicate"),
        (r#"{"title":"a","__proto__":{}}"#, "/__proto__", "unknown"),
        (r#"{"title":"a","due_at":1.0}"#, "/due_at", "type"),
    ] {
        let answer = create(&mut ada, body).await;
        let problem = answer.json();
        assert_eq!((answer.status, pointers(&problem)), (422, vec![at]), "{body}: {}", answer.text());
        assert_eq!(problem["errors"][0]["code"], code, "{body}");
    }
}
