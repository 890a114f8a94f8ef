//! Sessions: opened, found, listed and ended, each by the hash of its token.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    define_sql_function, select,
    sql_types::{Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use poem::http::header;
use uuid::Uuid;

use super::{
    csrf, device,
    standing::Current,
    token::{self, TokenHash},
};
use crate::{
    ctx::RequestScope,
    error::{Code, Error, Result},
    macros::model,
};

/// The columns of [`SessionInfo`].
type Listed = (SqlUuid, Timestamptz, Timestamptz, Timestamptz, Nullable<Text>, Bool);
type Row = (Uuid, DateTime<Utc>, DateTime<Utc>, DateTime<Utc>, Option<String>, bool);

define_sql_function! {
    #[sql_name = "catena.session_create"]
    fn session_create(
        token_hash: Binary, user_id: SqlUuid, idle: Integer, lifetime: Integer, agent: Nullable<Text>,
        proof: Nullable<Timestamptz>,
    ) -> Nullable<Timestamptz>;
}
define_sql_function! {
    #[sql_name = "catena.session_user"]
    fn session_user_of(token_hash: Binary) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.session_delete"]
    fn session_delete(token_hash: Binary) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.session_list"]
    fn session_list(token_hash: Binary) -> Record<Listed>;
}
define_sql_function! {
    #[sql_name = "catena.session_end"]
    fn session_end(token_hash: Binary, id: Nullable<SqlUuid>) -> BigInt;
}

/// The longest name of a client that is kept, in bytes.
const LONGEST_AGENT: usize = 256;

/// A session that was opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct Session {
    /// Whose it is.
    pub user_id: Uuid,
    /// The token, for clients that send it as `Authorization: Bearer …`; browsers have it as a cookie. It is shown
    /// once: the database knows only its hash.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// Without the token: it must not reach a log.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("user_id", &self.user_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A session of the signed-in user, as a list shows it.
#[model]
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// Names the session, to end it; it signs nobody in.
    pub id: Uuid,
    /// When the user signed in.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to a minute.
    pub seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// What the client called itself (`User-Agent`), which may be anything.
    pub user_agent: Option<String>,
    /// Whether it is the one that this list was asked for with.
    pub is_current: bool,
}

/// Returns the session that the request came with (its Bearer token, else its cookie), and has the database act for its
/// user from then on.
pub(super) async fn find(request: &RequestScope) -> Result<Option<Current>> {
    csrf::check(&request.method, &request.headers)?;
    let Some(hash) = came_with(request) else { return Ok(None) };
    let query = select(session_user_of(hash.as_slice()));
    // Aside: that the session was used is true even if the request fails, and its row is locked for a moment only.
    let user_id: Option<Uuid> = query.get_result(&mut request.scope.aside().await?).await?;
    let Some(user_id) = user_id else { return Ok(None) };
    request.act_for(user_id);
    Ok(Some(Current { user_id, hash }))
}

/// Opens a session in the request's transaction, which acts for the user from then on. It takes the place of the one
/// that the request came with: who knew that token knows nothing of the new one.
pub(super) async fn open(request: &RequestScope, user_id: Uuid) -> Result<Session> {
    csrf::check_always(&request.method, &request.headers)?;
    end(request).await?;
    request.act_for(user_id);
    request.ledger.sign_in();
    let (token, hash) = token::new()?;
    let settings = &request.services.settings;
    let [idle, lifetime] = [settings.session_idle, settings.session_lifetime]
        .map(|time| i32::try_from(time.as_secs()).unwrap_or(i32::MAX));
    let proven = request.standing.proven(user_id);
    let proof = proven.as_ref().and_then(|proven| proven.changed_at);
    let query = select(session_create(hash.as_slice(), user_id, idle, lifetime, agent(request), proof));
    let expires_at: Option<DateTime<Utc>> = query.get_result(&mut request.scope.db().await?).await?;
    let expires_at = expires_at
        .ok_or_else(|| Error::new(Code::INVALID_CREDENTIALS, "the password was changed a moment ago"))?;
    request.standing.change_session(Some(Current { user_id, hash }));
    keep(request, &token, settings.session_lifetime)?;
    if let Some(proven) = proven {
        device::remember(request, &proven.identity)?;
    }
    Ok(Session { user_id, token, expires_at })
}

/// Ends the request's session, if it has one, and has the browser forget it.
pub(super) async fn close(request: &RequestScope) -> Result<()> {
    csrf::check(&request.method, &request.headers)?;
    if end(request).await? {
        request.standing.change_session(None);
        keep(request, "", Duration::ZERO)?;
    }
    Ok(())
}

/// Lists the sessions of the caller.
pub(super) async fn list(request: &RequestScope) -> Result<Vec<SessionInfo>> {
    let current = current(request).await?;
    let query = select(session_list(current.hash.as_slice()));
    let rows: Vec<Row> = query.load(&mut request.scope.db().await?).await?;
    let info = |(id, created_at, seen_at, expires_at, user_agent, is_current)| SessionInfo {
        id,
        created_at,
        seen_at,
        expires_at,
        user_agent,
        is_current,
    };
    Ok(rows.into_iter().map(info).collect())
}

/// Ends a session of the caller, or with `None` all but the current one; how many there were.
pub(super) async fn revoke(request: &RequestScope, id: Option<Uuid>) -> Result<u64> {
    let current = current(request).await?;
    let query = select(session_end(current.hash.as_slice(), id));
    let ended: i64 = query.get_result(&mut request.scope.db().await?).await?;
    Ok(ended.unsigned_abs())
}

/// The caller's session.
///
/// # Errors
/// `unauthenticated` when there is none.
pub(super) async fn current(request: &RequestScope) -> Result<Current> {
    request.session().await?.ok_or_else(Error::unauthenticated)
}

/// Ends the session that the request has; whether it has one.
async fn end(request: &RequestScope) -> Result<bool> {
    let hash = match request.standing.changed_session() {
        Some(session) => session.map(|current| current.hash),
        None => came_with(request),
    };
    let Some(hash) = hash else { return Ok(false) };
    select(session_delete(hash.as_slice())).execute(&mut request.scope.db().await?).await?;
    Ok(true)
}

/// The token of a request, as its hash: the Bearer token, else the cookie.
fn came_with(request: &RequestScope) -> Option<TokenHash> {
    let cookie = || request.cookie(request.services.settings.cookie_name());
    token::hash(token::bearer(&request.headers).or_else(cookie)?)
}

/// What the client calls itself, cut at a limit.
fn agent(request: &RequestScope) -> Option<&str> {
    let text = request.headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(&text[..text.floor_char_boundary(LONGEST_AGENT)]).filter(|text| !text.is_empty())
}

/// Has the browser keep the token, or forget it when `max_age` is nothing.
fn keep(request: &RequestScope, token: &str, max_age: Duration) -> Result<()> {
    request.set_cookie(request.services.settings.cookie_name(), token, max_age)
}
