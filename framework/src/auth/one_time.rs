//! One-time tokens: made by the job that mails them, used up by the request that brings them back.

use std::{fmt, time::Duration};

use diesel::{
    define_sql_function, select,
    sql_types::{Binary, Integer, Text, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

use super::{
    password::normal,
    token::{self, TokenHash},
};
use crate::{
    ctx::RequestScope,
    error::{Code, Error, Result},
    jobs::JobCtx,
};

define_sql_function! {
    #[sql_name = "catena.token_create"]
    fn token_create(identity: Text, purpose: Text, token_hash: Binary, lifetime: Integer) -> Nullable<SqlUuid>;
}
define_sql_function! {
    #[sql_name = "catena.token_identity"]
    fn token_identity(token_hash: Binary, purpose: Text) -> Nullable<Text>;
}
define_sql_function! {
    #[sql_name = "catena.token_use"]
    fn token_use(token_hash: Binary, purpose: Text) -> Nullable<SqlUuid>;
}

/// What a one-time token is good for, and for how long. A token of one purpose is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    name: &'static str,
    lifetime: Duration,
}

impl Purpose {
    /// To set a new password: 15 minutes. [`Ctx::reset_password`](crate::Ctx::reset_password) takes it.
    pub const RESET: Self = Self::new("reset", Duration::from_secs(15 * 60));

    /// To show that mail arrives: 24 hours.
    pub const VERIFY: Self = Self::new("verify", Duration::from_secs(24 * 60 * 60));

    /// A purpose of the application's own.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use catena::Purpose;
    ///
    /// const INVITATION: Purpose = Purpose::new("invitation", Duration::from_secs(7 * 24 * 60 * 60));
    /// ```
    ///
    /// # Panics
    /// For a name that has not from 1 to 50 bytes, and for a lifetime under a second or over ten years; in a constant
    /// that stops the build.
    #[must_use]
    pub const fn new(name: &'static str, lifetime: Duration) -> Self {
        assert!(!name.is_empty() && name.len() <= 50, "the name of a purpose has from 1 to 50 bytes");
        let seconds = lifetime.as_secs();
        assert!(seconds >= 1 && seconds <= 3650 * 24 * 60 * 60, "a token lives from a second to ten years");
        Self { name, lifetime }
    }
}

/// A one-time token, for the mail that takes it to its owner.
#[derive(Clone)]
#[non_exhaustive]
pub struct OneTimeToken {
    /// Whose it is.
    pub user_id: Uuid,
    /// The address of the account, in its one spelling: where the mail goes. What was typed only looks like it.
    pub identity: String,
    /// The token: 64 hexadecimal digits. The database knows only its hash.
    pub token: String,
}

/// Without the token: it must not reach a log.
impl fmt::Debug for OneTimeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeToken")
            .field("user_id", &self.user_id)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

impl JobCtx {
    /// Makes a one-time token for the account of an identity, in the job's own transaction: it is good once the job
    /// has completed, and one of the same purpose that was made before is good no more. Without such an account there
    /// is `None`, and no mail to send.
    ///
    /// The procedure that enqueues the job knows no token and does not say whether there is an account, so it answers
    /// strangers and users alike, in the same time.
    ///
    /// ```
    /// use catena::{Ctx, JobCtx, Purpose, Result, job, model, procedure};
    ///
    /// /// Whose password is to be set anew.
    /// #[model]
    /// pub struct Forgotten {
    ///     #[identity]
    ///     #[check(email)]
    ///     pub email: String,
    /// }
    ///
    /// /// Mails a token for a new password, if there is such an account.
    /// #[procedure(tier = "auth")]
    /// pub async fn request_reset(ctx: &Ctx, input: Forgotten) -> Result<()> {
    ///     mail_reset::enqueue(ctx, input).await?;
    ///     Ok(())
    /// }
    ///
    /// #[job(retries = 5)]
    /// pub async fn mail_reset(job: &JobCtx, args: Forgotten) -> Result<()> {
    ///     let Some(made) = job.one_time_token(Purpose::RESET, &args.email).await? else { return Ok(()) };
    ///     # fn send(to: &str, text: String) -> Result<()> { Ok(()) }
    ///     send(&made.identity, format!("https://app.example/reset#{}", made.token))
    /// }
    ///
    /// /// The token of the mail, and the password that is wanted.
    /// #[model]
    /// pub struct Reset {
    ///     #[secret]
    ///     pub token: String,
    ///     #[secret]
    ///     pub password: String,
    /// }
    ///
    /// /// Sets a new password; signs nobody in.
    /// #[procedure(tier = "auth")]
    /// pub async fn reset(ctx: &Ctx, input: Reset) -> Result<()> {
    ///     ctx.reset_password(&input.token, &input.password).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// `unavailable` when the database is away.
    pub async fn one_time_token(&self, purpose: Purpose, identity: &str) -> Result<Option<OneTimeToken>> {
        let identity = normal(identity);
        let (token, hash) = token::new()?;
        let lifetime = i32::try_from(purpose.lifetime.as_secs()).map_err(Error::internal)?;
        let query = select(token_create(&identity, purpose.name, hash.as_slice(), lifetime));
        let user_id: Option<Uuid> = query.get_result(&mut self.db().await?).await?;
        Ok(user_id.map(|user_id| OneTimeToken { user_id, identity, token }))
    }
}

/// Uses up a token; returns whose it was.
pub(super) async fn redeem(request: &RequestScope, purpose: Purpose, token: &str) -> Result<Uuid> {
    let hash = token::hash(token).ok_or_else(invalid)?;
    let query = select(token_use(hash.as_slice(), purpose.name));
    let user_id: Option<Uuid> = query.get_result(&mut request.scope.db().await?).await?;
    user_id.ok_or_else(invalid)
}

/// The hash of a token for a reset, and the identity of its account, if it is valid. It is not used up.
pub(super) async fn peek(request: &RequestScope, token: &str) -> Result<(TokenHash, String)> {
    let hash = token::hash(token).ok_or_else(invalid)?;
    let query = select(token_identity(hash.as_slice(), Purpose::RESET.name));
    let identity: Option<String> = query.get_result(&mut request.brief().aside().await?).await?;
    Ok((hash, identity.ok_or_else(invalid)?))
}

/// What is said of a token that was never given, was used, has expired, or made way for a newer one.
pub(super) fn invalid() -> Error {
    Error::new(Code::INVALID_CREDENTIALS, "this token is not valid, or not any more; ask for a new one")
}
