//! Sessions: opened, found and closed by their token's hash.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::{
    define_sql_function, select,
    sql_types::{Binary, Integer, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use super::token;
use crate::{ctx::RequestScope, error::Result};

define_sql_function! {
    #[sql_name = "catena.session_create"]
    fn session_create(token_hash: Binary, user_id: SqlUuid, idle: Integer, lifetime: Integer) -> Timestamptz;
}
define_sql_function! {
    #[sql_name = "catena.session_user"]
    fn session_user_of(token_hash: Binary) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.session_delete"]
    fn session_delete(token_hash: Binary) -> Nullable<SqlUuid>;
}

const DAY: i32 = 24 * 60 * 60;

/// How long a session lives without being used, in seconds.
const IDLE: i32 = 7 * DAY;

/// How long a session lives at most, in seconds.
const LIFETIME: i32 = 30 * DAY;

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

/// Returns the user of a session that has not ended.
pub(super) async fn find(request: &RequestScope, hash: &[u8; 32]) -> Result<Option<Uuid>> {
    let query = select(session_user_of(hash.as_slice()));
    // Aside: that the session was used is true even if the request fails, and its row is locked for a moment only.
    Ok(query.get_result(&mut request.scope.aside().await?).await?)
}

/// Opens a session in the request's transaction, which acts for the user from then on. It takes the place of the one
/// that the request came with: who knew that token knows nothing of the new one.
pub(super) async fn open(request: &RequestScope, user_id: Uuid) -> Result<Session> {
    end(request).await?;
    request.scope.identify(user_id);
    let (token, hash) = token::new()?;
    let query = select(session_create(hash.as_slice(), user_id, IDLE, LIFETIME));
    let expires_at = query.get_result(&mut request.scope.db().await?).await?;
    keep(request, &token, Duration::from_secs(LIFETIME.unsigned_abs().into()))?;
    Ok(Session { user_id, token, expires_at })
}

/// Ends the request's session, if it has one, and has the browser forget it.
pub(super) async fn close(request: &RequestScope) -> Result<()> {
    if end(request).await? {
        keep(request, "", Duration::ZERO)?;
    }
    Ok(())
}

/// Ends the session that the request came with; whether it came with one.
async fn end(request: &RequestScope) -> Result<bool> {
    let Some(token) = token::of(request) else { return Ok(false) };
    select(session_delete(token.hash.as_slice())).execute(&mut request.scope.db().await?).await?;
    Ok(true)
}

/// Has the browser keep the token, or forget it when `max_age` is nothing.
fn keep(request: &RequestScope, token: &str, max_age: Duration) -> Result<()> {
    request.set_cookie(request.services.settings.cookie_name(), token, max_age)
}
