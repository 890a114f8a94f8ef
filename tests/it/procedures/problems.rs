//! What a procedure fails with: its own errors, and those of the database.

use catena::{Ctx, Error, Problem, Result, model, procedure};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};

use crate::support::{failures, library};

diesel::table! {
    books (id) {
        id -> Uuid,
        title -> Nullable<Text>,
        isbn -> Nullable<Text>,
        pages -> Int4,
        shelf_id -> Nullable<BigInt>,
    }
}

/// A book, as far as the database is asked about it.
#[model]
struct NewBook {
    title: Option<String>,
    isbn: Option<String>,
    pages: i32,
    shelf: Option<i64>,
}

/// Why a book is not taken.
#[derive(Debug, Problem)]
enum AddError {
    /// The library has no room for thick books.
    #[problem(status = 409, code = "too_thick", title = "Too thick")]
    TooThick,
    #[problem(status = 402, code = "costs_money")]
    CostsMoney(String),
    #[problem(status = 500, code = "on_fire")]
    OnFire(&'static str),
    #[problem(other)]
    Other(Error),
}

/// Adds a book.
#[procedure(tier = "public")]
async fn add(ctx: &Ctx, input: NewBook) -> Result<(), AddError> {
    match input.pages {
        1000.. => return Err(AddError::TooThick),
        900.. => return Err(AddError::CostsMoney(format!("{} cents", input.pages))),
        800.. => return Err(AddError::OnFire("secret")),
        700.. => Err(Error::forbidden("no"))?,
        _ => {}
    }
    let book = (
        books::title.eq(input.title),
        books::isbn.eq(input.isbn),
        books::pages.eq(input.pages),
        books::shelf_id.eq(input.shelf),
    );
    diesel::insert_into(books::table).values(book).execute(&mut ctx.db().await?).await?;
    Ok(())
}

/// Counts the pages of the only book.
#[procedure(query, tier = "public")]
async fn pages(ctx: &Ctx) -> Result<i32> {
    Ok(books::table.select(books::pages).first(&mut ctx.db().await?).await?)
}

async fn add_one(book: Value) -> (u16, Value) {
    let app = library().await;
    let answer = app.client().post("/api/add", book).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn own_errors_have_their_status_code_and_detail() {
    for (pages, status, code, title, detail) in [
        (1000, 409, "too_thick", "Too thick", "The library has no room for thick books."),
        (900, 402, "costs_money", "Costs money", "900 cents"),
        (800, 500, "on_fire", "On fire", "the cause is in the server's log under this request id"),
        (700, 403, "forbidden", "Forbidden", "no"),
    ] {
        let (answered, problem) = add_one(json!({"title": "a", "pages": pages})).await;
        assert_eq!(answered, status, "{problem}");
        let members = ["code", "title", "detail"].map(|member| problem[member].as_str().unwrap_or_default());
        assert_eq!(members, [code, title, detail]);
    }
}

#[tokio::test]
async fn rules_of_the_database_that_are_about_a_value() {
    for (book, pointer) in [
        (json!({"pages": 1}), "/title"),
        (json!({"title": "a", "pages": 0}), "/pages"),
        // A check with a name of its own does not tell its column.
        (json!({"title": "", "pages": 1}), ""),
    ] {
        let (status, problem) = add_one(book.clone()).await;
        assert_eq!(status, 422, "{book}: {problem}");
        assert_eq!(failures(&problem), [["body", pointer, "constraint"]], "{book}");
    }
}

#[tokio::test]
async fn rules_of_the_database_that_are_about_other_rows() {
    let (status, problem) = add_one(json!({"title": "a", "pages": 1, "shelf": 9})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")), "{problem}");

    let app = library().await;
    let mut client = app.client();
    let missing = client.get("/api/pages").await;
    assert_eq!((missing.status, &missing.json()["code"]), (404, &json!("not_found")));
    let book = json!({"title": "a", "pages": 3, "isbn": "1", "shelf": 1});
    assert_eq!(client.post("/api/add", book.clone()).await.status, 204);
    let again = client.post("/api/add", book).await;
    assert_eq!((again.status, &again.json()["code"]), (409, &json!("conflict")), "{}", again.text());
    assert_eq!(client.get("/api/pages").await.json(), json!(3));
}

#[tokio::test]
async fn the_document_has_every_code() {
    let app = library().await;
    let document = app.client().get("/openapi.json").await.json();
    let responses = &document["paths"]["/api/add"]["post"]["responses"];
    for (status, codes) in [
        ("402", json!(["costs_money"])),
        // The framework has a conflict of its own, which `?` on a database error may become.
        ("409", json!(["conflict", "too_thick"])),
        ("422", json!(["invalid_input"])),
        ("500", json!(["internal", "on_fire"])),
    ] {
        let schema = &responses[status]["content"]["application/problem+json"]["schema"]["allOf"];
        assert_eq!(schema[0]["$ref"], "#/components/schemas/Problem", "{status}");
        assert_eq!(schema[1]["properties"]["code"]["enum"], codes, "{status}");
    }
}
