//! The club: its procedures, and members to call them.

use catena::testing::{Client, TestApp};
use catena::{Ctx, Error, Result, Session, SessionInfo, User, model, procedure, types::Uuid};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};

diesel::table! {
    members (id) {
        id -> Uuid,
        role -> Text,
        verified_at -> Nullable<Timestamptz>,
    }
}

/// The club, up.
pub(crate) async fn club() -> TestApp {
    TestApp::start(catena::app!("apps/accounts/migrations")).await
}

/// A client that has joined as `name`.
pub(crate) async fn joined(app: &TestApp, name: &str) -> Client {
    let mut client = app.client();
    let answer = client.post("/api/join", credentials(name)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

/// A client that has signed in as `name`, who joined before, with what calls itself `agent`.
pub(crate) async fn signed_in(app: &TestApp, name: &str, agent: &str) -> Client {
    let mut client = app.client();
    client.header("user-agent", agent);
    let answer = client.post("/api/enter", credentials(name)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    client
}

/// What `name` joins and signs in with.
pub(crate) fn credentials(name: &str) -> Value {
    json!({"email": format!("{name}@example.test"), "password": "an old oak by the river"})
}

/// What a member signs in with.
#[model]
struct Credentials {
    #[identity]
    email: String,
    #[secret]
    password: String,
}

/// Whose a session is, and its token.
#[model]
struct Opened {
    user_id: Uuid,
    token: String,
}

impl From<Session> for Opened {
    fn from(session: Session) -> Self {
        Self { user_id: session.user_id, token: session.token }
    }
}

/// Who somebody is.
#[model]
struct Who {
    id: Option<Uuid>,
}

/// Makes a member and signs them in.
#[procedure(tier = "auth")]
async fn join(ctx: &Ctx, input: Credentials) -> Result<Opened> {
    let id = Uuid::now_v7();
    ctx.add_password(id, &input.email, &input.password).await?;
    let session = ctx.sign_in(id).await?;
    diesel::insert_into(members::table).default_values().execute(&mut ctx.db().await?).await?;
    Ok(session.into())
}

/// Signs a member in.
#[procedure(tier = "auth")]
async fn enter(ctx: &Ctx, input: Credentials) -> Result<Opened> {
    let id = ctx.check_password(&input.email, &input.password).await?;
    Ok(ctx.sign_in(id).await?.into())
}

/// Signs a member in, out, and in again, and tells who they were at every step.
#[procedure(tier = "auth")]
async fn in_and_out(ctx: &Ctx, input: Credentials) -> Result<Vec<Who>> {
    let mut seen = Vec::new();
    let id = ctx.check_password(&input.email, &input.password).await?;
    seen.push(ctx.user().await?);
    ctx.sign_in(id).await?;
    seen.push(ctx.user().await?);
    ctx.sign_out().await?;
    seen.push(ctx.user().await?);
    ctx.sign_in(id).await?;
    ctx.sign_in(id).await?;
    seen.push(ctx.user().await?);
    Ok(seen.into_iter().map(|user| Who { id: user.map(|user| user.id) }).collect())
}

/// Signs the caller out, if there is one.
#[procedure(tier = "public")]
async fn leave(ctx: &Ctx) -> Result<()> {
    ctx.sign_out().await
}

/// Lists where the caller is signed in.
#[procedure(query, tier = "protected", path = "/api/sessions")]
async fn sessions(ctx: &Ctx<User>) -> Result<Vec<SessionInfo>> {
    ctx.sessions().await
}

/// Signs the caller out of one place.
#[procedure(tier = "protected", method = "DELETE", path = "/api/sessions/{id}")]
async fn end_session(ctx: &Ctx<User>, id: Uuid) -> Result<()> {
    if ctx.end_session(id).await? { Ok(()) } else { Err(Error::not_found("there is no such session")) }
}

/// How many there were.
#[model]
struct Count {
    count: i64,
}

/// Signs the caller out everywhere else.
#[procedure(tier = "protected")]
async fn end_other_sessions(ctx: &Ctx<User>) -> Result<Count> {
    Ok(Count { count: ctx.end_other_sessions().await?.cast_signed() })
}
