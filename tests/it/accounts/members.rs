//! Users of an application's own kind: who they are is found out in other ways, or with more about them.

use catena::{
    Authenticate, Ctx, Error, Page, PageQuery, Result, model, procedure,
    testing::{Client, Method, TestApp},
    types::Uuid,
};
use diesel::{
    QueryDsl as _, define_sql_function, select,
    sql_types::{Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use serde_json::json;

use crate::club::{club, joined, members};

/// A signed-in member, with the role that stands in their row.
struct Member {
    id: Uuid,
    role: String,
}

impl Authenticate for Member {
    async fn authenticate(ctx: &Ctx) -> Result<Option<Self>> {
        let Some(user) = ctx.user().await? else { return Ok(None) };
        // In the request's transaction, which acts for the user: row-level security shows this row and no other.
        let role = members::table.select(members::role).first(&mut ctx.db().await?).await?;
        Ok(Some(Self { id: user.id, role }))
    }

    fn id(&self) -> Uuid {
        self.id
    }
}

define_sql_function! { fn member_of_key(key: Text) -> Nullable<SqlUuid>; }

/// A program with a key, in place of a session.
struct Program {
    member_id: Uuid,
}

impl Authenticate for Program {
    async fn authenticate(ctx: &Ctx) -> Result<Option<Self>> {
        let Some(key) = ctx.headers().get("x-api-key").and_then(|key| key.to_str().ok()) else {
            return Ok(None);
        };
        let found: Option<Uuid> = select(member_of_key(key)).get_result(&mut ctx.db().await?).await?;
        Ok(found.map(|member_id| Self { member_id }))
    }

    fn id(&self) -> Uuid {
        self.member_id
    }
}

/// What is known of a member.
#[model]
struct Known {
    id: Uuid,
    role: String,
}

/// Tells who calls.
#[procedure(query, tier = "protected")]
async fn whoami(ctx: &Ctx<Member>) -> Result<Known> {
    Ok(Known { id: ctx.user.id, role: ctx.user.role.clone() })
}

/// Does what only stewards may.
#[procedure(tier = "protected")]
async fn steward(ctx: &Ctx<Member>) -> Result<()> {
    if ctx.user.role == "steward" { Ok(()) } else { Err(Error::forbidden("only stewards may do this")) }
}

/// Lists what a program sees of the members.
#[procedure(query, tier = "protected")]
async fn seen(ctx: &Ctx<Program>, input: PageQuery) -> Result<Page<Known>> {
    let paging = input.paging(ctx)?;
    let rows: Vec<(Uuid, String)> =
        members::table.select((members::id, members::role)).load(&mut ctx.db().await?).await?;
    paging.page(rows.into_iter().map(|(id, role)| Known { id, role }).collect(), |known: &Known| known.id)
}

/// Does nothing, for a program.
#[procedure(tier = "protected")]
async fn touch(ctx: &Ctx<Program>) -> Result<()> {
    let _ = ctx;
    Ok(())
}

async fn given_key(app: &TestApp, key: &str) -> Client {
    app.db()
        .execute(&format!("INSERT INTO api_keys SELECT sha256('{key}'), id FROM members ORDER BY id LIMIT 1"))
        .await;
    let mut program = app.client();
    program.header("x-api-key", key);
    program
}

#[tokio::test]
async fn a_user_may_be_more_than_an_id() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    let mut bob = joined(&app, "bob").await;
    assert_eq!(ada.get("/api/whoami").await.json()["role"], "member");
    assert_eq!(ada.post("/api/steward", json!(null)).await.status, 403);
    app.db()
        .execute("UPDATE members SET role = 'steward' WHERE id = (SELECT min(id::text)::uuid FROM members)")
        .await;
    assert_eq!(ada.get("/api/whoami").await.json()["role"], "steward");
    assert_eq!(ada.post("/api/steward", json!(null)).await.status, 204);
    assert_eq!(bob.get("/api/whoami").await.json()["role"], "member");
    assert_eq!(app.client().get("/api/whoami").await.status, 401);
}

#[tokio::test]
async fn a_key_stands_in_the_place_of_a_session() {
    let app = club().await;
    let mut ada = joined(&app, "ada").await;
    joined(&app, "bob").await;
    let mut program = given_key(&app, "the key of a program").await;
    let seen = program.get("/api/seen").await;
    assert_eq!(seen.status, 200, "{}", seen.text());
    let items = seen.json()["items"].take();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "row-level security shows its member's row: {items}");
    assert_eq!(items[0]["id"], ada.get("/api/whoami").await.json()["id"]);

    assert_eq!(ada.get("/api/seen").await.status, 401, "a session is no key");
    let mut other = app.client();
    other.header("x-api-key", "another key");
    assert_eq!(other.get("/api/seen").await.status, 401);
    assert_eq!(program.get("/api/whoami").await.status, 401, "and a key no session");
}

#[tokio::test]
async fn other_sites_are_kept_out_whoever_authenticates() {
    let app = club().await;
    joined(&app, "ada").await;
    let mut program = given_key(&app, "the key of a program").await;
    assert_eq!(program.post("/api/touch", json!(null)).await.status, 204);
    program.header("sec-fetch-site", "cross-site").header("cookie", "other=1");
    let refused = program.send(Method::POST, "/api/touch", Some("application/json"), "null").await;
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("cross_site")));
}
