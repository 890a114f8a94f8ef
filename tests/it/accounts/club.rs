//! The club: its procedures and jobs, and members to call them.

use std::sync::{Arc, Mutex};

use catena::testing::{Client, TestApp};
use catena::{
    Ctx, Error, JobCtx, OneTimeToken, Purpose, Result, Session, SessionInfo, User, job, model, procedure,
    types::Uuid,
};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};
use tokio::sync::Barrier;

diesel::table! {
    members (id) {
        id -> Uuid,
        role -> Text,
        verified_at -> Nullable<Timestamptz>,
    }
}

/// The club, up.
pub(crate) async fn club() -> TestApp {
    postal_club().await.0
}

/// The club, up, and the mail it sends.
pub(crate) async fn postal_club() -> (TestApp, Mails) {
    let mails = Mails::default();
    (TestApp::start(catena::app!("apps/accounts/migrations").state(mails.clone())).await, mails)
}

/// The mail of the club.
#[derive(Clone)]
pub(crate) struct Mails {
    sent: Arc<Mutex<Vec<OneTimeToken>>>,
    gate: Arc<Barrier>,
}

impl Default for Mails {
    fn default() -> Self {
        Self { sent: Arc::default(), gate: Arc::new(Barrier::new(2)) }
    }
}

impl Mails {
    /// What was sent since the last time.
    pub(crate) fn take(&self) -> Vec<OneTimeToken> {
        std::mem::take(&mut *self.sent.lock().expect("no test panicked with it"))
    }

    /// Waits until both sides, a procedure and its test, have come this far.
    pub(crate) async fn meet(&self) {
        self.gate.wait().await;
    }
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

/// What a member is to have a mail about.
#[model]
struct Ask {
    #[identity]
    email: String,
    purpose: About,
}

/// What a mail is about.
#[model]
enum About {
    Reset,
    Verify,
}

/// Has a token mailed, if there is such a member.
#[procedure(tier = "auth")]
async fn ask(ctx: &Ctx, input: Ask) -> Result<()> {
    mail_token::enqueue(ctx, input).await?;
    Ok(())
}

/// Mails a token, if there is such a member.
#[job(retries = 5)]
async fn mail_token(job: &JobCtx, args: Ask) -> Result<()> {
    let purpose = match args.purpose {
        About::Reset => Purpose::RESET,
        About::Verify => Purpose::VERIFY,
    };
    if let Some(made) = job.one_time_token(purpose, &args.email).await? {
        job.state::<Mails>()?.sent.lock().expect("no test panicked with it").push(made);
    }
    Ok(())
}

/// A token, and the password that is wanted.
#[model]
struct Reset {
    #[secret]
    token: String,
    #[secret]
    password: String,
}

/// Sets a new password.
#[procedure(tier = "auth")]
async fn reset(ctx: &Ctx, input: Reset) -> Result<()> {
    ctx.reset_password(&input.token, &input.password).await?;
    Ok(())
}

/// The token of a mail.
#[model]
struct Arrived {
    #[secret]
    token: String,
}

/// Signs in who shows that mail reaches them.
#[procedure(tier = "auth")]
async fn verify(ctx: &Ctx, input: Arrived) -> Result<Opened> {
    let id = ctx.use_token(Purpose::VERIFY, &input.token).await?;
    Ok(ctx.sign_in(id).await?.into())
}

/// The password that is, and the one that is to be.
#[model]
struct ChangePassword {
    #[secret]
    password: String,
    #[secret]
    new_password: String,
}

/// Changes the caller's password.
#[procedure(tier = "protected")]
async fn change_password(ctx: &Ctx<User>, input: ChangePassword) -> Result<Opened> {
    Ok(ctx.change_password(&input.password, &input.new_password).await?.into())
}

/// Signs a member in, after a pause that the test ends.
#[procedure(tier = "auth")]
async fn enter_late(ctx: &Ctx, input: Credentials) -> Result<Opened> {
    let id = ctx.check_password(&input.email, &input.password).await?;
    let mails = ctx.state::<Mails>()?;
    mails.meet().await;
    mails.meet().await;
    Ok(ctx.sign_in(id).await?.into())
}
