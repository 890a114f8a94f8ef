//! What a procedure answers with.

use std::time::Duration;

use catena::{Ctx, Error, Redirect, Result, model, procedure};
use serde_json::json;

use crate::support::library;

/// A shelf.
#[model]
struct Shelf {
    name: String,
}

/// Which shelf.
#[model]
struct Which {
    id: Option<i32>,
}

/// Finds a shelf.
#[procedure(query, tier = "public")]
async fn find(ctx: &Ctx, input: Which) -> Result<Option<Shelf>> {
    let _ = ctx;
    Ok(input.id.map(|id| Shelf { name: id.to_string() }))
}

/// Lists shelves. </script><script>alert(1)</script>
///
/// <!-- <script> a comment that does not end
#[procedure(query, tier = "public")]
async fn shelves(ctx: &Ctx, input: Which) -> Result<Vec<Shelf>> {
    let _ = ctx;
    Ok(input.id.map(|id| Shelf { name: id.to_string() }).into_iter().collect())
}

/// Sends the caller to the shelf that was seen last.
#[procedure(query, tier = "public")]
async fn last(ctx: &Ctx) -> Result<Redirect> {
    Ok(Redirect::to(format!("/api/find?id={}", ctx.cookie("last").unwrap_or("1"))))
}

/// Remembers a shelf, or forgets it.
#[procedure(tier = "public")]
async fn remember(ctx: &Ctx, input: Which) -> Result<()> {
    match input.id {
        Some(0) => {
            ctx.set_cookie("last", "0", Duration::from_secs(60))?;
            Err(Error::conflict("there is no shelf 0"))
        }
        Some(id) => ctx.set_cookie("last", &id.to_string(), Duration::from_secs(60)),
        None => ctx.set_cookie("last", "", Duration::ZERO),
    }
}

/// Sets cookies that are none.
#[procedure(tier = "public")]
async fn crumble(ctx: &Ctx) -> Result<Vec<bool>> {
    let bad =
        [("", "a"), ("a b", "a"), ("a=b", "a"), ("a", "a;b"), ("a", "a\r\nb"), ("a", "ä"), ("catena", "a")];
    Ok(bad.map(|(name, value)| ctx.set_cookie(name, value, Duration::ZERO).is_err()).into())
}

#[tokio::test]
async fn nothing_is_not_found() {
    let app = library().await;
    let there = app.client().get("/api/find?id=7").await;
    assert_eq!((there.status, there.json()), (200, json!({"name": "7"})));
    let missing = app.client().get("/api/find").await;
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("not_found")));
    assert_eq!(missing.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_list_may_be_empty() {
    let app = library().await;
    assert_eq!(app.client().get("/api/shelves").await.json(), json!([]));
    assert_eq!(app.client().get("/api/shelves?id=7").await.json(), json!([{"name": "7"}]));
}

#[tokio::test]
async fn a_redirect_and_the_cookie_it_reads() {
    let app = library().await;
    let mut client = app.client();
    let first = client.get("/api/last").await;
    assert_eq!((first.status, first.header("location"), first.text().as_str()), (303, "/api/find?id=1", ""));

    let set = client.post("/api/remember", json!({"id": 7})).await;
    assert_eq!(set.header("set-cookie"), "last=7; Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
    assert_eq!(client.get("/api/last").await.header("location"), "/api/find?id=7");

    let failed = client.post("/api/remember", json!({"id": 0})).await;
    assert_eq!((failed.status, failed.header("set-cookie")), (409, ""), "a failure sets no cookie");

    let forgotten = client.post("/api/remember", json!({})).await;
    assert_eq!(forgotten.header("set-cookie"), "last=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    assert_eq!(client.get("/api/last").await.header("location"), "/api/find?id=1");
}

#[tokio::test]
async fn a_cookie_cannot_become_another_header() {
    let app = library().await;
    let answer = app.client().post("/api/crumble", json!({})).await;
    assert_eq!(answer.json(), json!([true, true, true, true, true, true, true]), "{}", answer.text());
    assert_eq!(answer.header("set-cookie"), "");
}

#[tokio::test]
async fn the_document_has_every_answer() {
    let app = library().await;
    let document = app.client().get("/openapi.json").await.json();
    let answers = |path: &str| document["paths"][path]["get"]["responses"].clone();
    assert_eq!(
        answers("/api/find")["200"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/Shelf"
    );
    assert!(answers("/api/find")["404"].is_object());
    assert!(answers("/api/shelves")["404"].is_null());
    assert_eq!(answers("/api/last")["303"]["headers"]["Location"]["required"], true);
    assert!(answers("/api/last")["200"].is_null());
}

/// The texts of a page's scripts, found as browsers find them (HTML, "script data state" and those it leads to).
fn scripts(page: &str) -> Vec<&str> {
    let lower = page.to_ascii_lowercase();
    let next = |from: usize, what: &str| lower[from..].find(what).map(|at| from + at);
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(tag) = next(at, "<script") {
        let start = next(tag, ">").expect("the tag ends") + 1;
        let (mut end, mut is_escaped, mut is_double) = (start, false, false);
        loop {
            let rest = &lower[end..];
            match rest {
                _ if rest.starts_with("<!--") => is_escaped = true,
                _ if rest.starts_with("-->") => (is_escaped, is_double) = (false, false),
                _ if rest.starts_with("<script") && is_escaped => is_double = true,
                _ if rest.starts_with("</script") && is_double => is_double = false,
                _ if rest.starts_with("</script") => break,
                _ => {}
            }
            end += rest.chars().next().expect("the script ends").len_utf8();
        }
        found.push(&page[start..end]);
        at = next(end, ">").expect("the tag ends") + 1;
    }
    found
}

#[tokio::test]
async fn no_text_ends_the_script_of_the_page() {
    let app = library().await;
    let document = app.client().get("/openapi.json").await.json();
    let operation = &document["paths"]["/api/shelves"]["get"];
    let (summary, description) = (operation["summary"].as_str(), operation["description"].as_str());
    assert!(summary.is_some_and(|text| text.contains("</script><script>alert(1)</script>")), "{operation:#}");
    assert!(description.is_some_and(|text| text.starts_with("<!-- <script>")), "{operation:#}");

    let page = app.client().get("/docs").await.text();
    let [viewer, own] = scripts(&page)[..] else { panic!("two scripts") };
    assert!(viewer.contains("SwaggerUIBundle") && own.contains("SwaggerUIBundle"));
    assert!(!own.contains('<'), "nothing in it could begin or end an element");
    let shown =
        own.split_once("let spec = ").and_then(|(_, rest)| rest.split_once(";\n")).expect("the document").0;
    assert_eq!(serde_json::from_str::<serde_json::Value>(shown).expect("JSON"), document);
    let (_, after) = page.rsplit_once(own).expect("it is there");
    assert_eq!(after.split_whitespace().collect::<String>(), "</script></body></html>");
}
