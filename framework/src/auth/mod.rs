//! Signing in: passwords, sessions, and whose request this is.

pub(crate) mod csrf;
pub(crate) mod device;
mod hashing;
mod one_time;
mod password;
mod policy;
mod session;
mod standing;
mod token;

use uuid::Uuid;

pub(crate) use {
    device::Devices,
    hashing::Passwords,
    password::normal as normal_identity,
    standing::{Current, Standing},
    token::bearer,
};
pub use {
    one_time::{OneTimeToken, Purpose},
    session::{Session, SessionInfo},
};

use crate::{
    ctx::{Ctx, RequestScope},
    error::Result,
};

/// Returns the user of the session that a request has by now, for whom the database acts.
pub(crate) async fn caller(request: &RequestScope) -> Result<Option<Uuid>> {
    Ok(request.session().await?.map(|session| session.user_id))
}

impl<U: Send + Sync> Ctx<U> {
    /// Adds a password for a new account. `identity` is what its owner will sign in with, such as an e-mail address;
    /// it is compared without regard to case and to spaces around it.
    ///
    /// A password has from 10 to 256 characters, and is neither little more than the identity, nor one of the
    /// commonest, nor a row or repetition of characters. It counts as it was typed, in one spelling of Unicode (NFC).
    ///
    /// That the identity is taken can be told by the answer, though not by its time: whoever signs up and is signed in
    /// at once must learn that they are not. An application that must not tell answers every sign-up alike, has a job
    /// mail a token ([`one_time_token`](crate::JobCtx::one_time_token)) or the news that there is an account, and signs
    /// in who brings the token back.
    ///
    /// # Errors
    /// `conflict` when there is an account with that identity; `invalid_input` for a password that may not be chosen, at
    /// the input's field `new_password` or `password`; `unavailable` when too many passwords are being worked on at the
    /// moment.
    pub async fn add_password(&self, user_id: Uuid, identity: &str, password: &str) -> Result<()> {
        password::add(&self.request, user_id, identity, password).await
    }

    /// Returns whose identity and password these are. Takes the same time whether or not there is such an account. The
    /// hash of an older version's parameters is made anew.
    ///
    /// # Errors
    /// `invalid_credentials` when they do not belong together, whatever the reason; `unavailable` when too many
    /// passwords are being worked on at the moment.
    pub async fn check_password(&self, identity: &str, password: &str) -> Result<Uuid> {
        password::check(&self.request, identity, password).await
    }

    /// Changes the caller's password, ends all of their sessions and opens a new one: whoever was signed in as them is
    /// no more, and whoever knew the old token knows nothing of the new one.
    ///
    /// ```
    /// use catena::{Ctx, Result, User, model, procedure};
    ///
    /// /// The password that is, and the one that is to be.
    /// #[model]
    /// pub struct ChangePassword {
    ///     #[secret]
    ///     pub password: String,
    ///     #[secret]
    ///     pub new_password: String,
    /// }
    ///
    /// /// Changes the password; browsers get the new session as a cookie.
    /// #[procedure(tier = "protected")]
    /// pub async fn change_password(ctx: &Ctx<User>, input: ChangePassword) -> Result<()> {
    ///     ctx.change_password(&input.password, &input.new_password).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// `unauthenticated` when the caller has no session; `invalid_credentials` when the current password is another;
    /// `invalid_input` as [`Ctx::add_password`]; `conflict` when it was changed at the same time; `unavailable` when too
    /// many passwords are being worked on at the moment.
    pub async fn change_password(&self, current: &str, new: &str) -> Result<Session> {
        password::change(&self.request, current, new).await
    }

    /// Uses up a token of [`Purpose::RESET`], sets the password of its user and ends all of their sessions; returns
    /// who it is. It signs nobody in: see [`one_time_token`](crate::JobCtx::one_time_token) for the whole of it.
    ///
    /// # Errors
    /// `invalid_credentials` for a token that is not valid, or not any more; `invalid_input` as [`Ctx::add_password`],
    /// which leaves the token valid; `unavailable` when too many passwords are being worked on at the moment.
    pub async fn reset_password(&self, token: &str, password: &str) -> Result<Uuid> {
        password::reset(&self.request, token, password).await
    }

    /// Uses up a one-time token, in the request's transaction; returns whose it was. Of two requests with one token, one
    /// gets it.
    ///
    /// ```
    /// use catena::{Ctx, Purpose, Result, model, procedure};
    ///
    /// /// The token of a mail.
    /// #[model]
    /// pub struct Arrived {
    ///     #[secret]
    ///     pub token: String,
    /// }
    ///
    /// /// Signs in who shows that mail reaches them.
    /// #[procedure(tier = "auth")]
    /// pub async fn verify(ctx: &Ctx, input: Arrived) -> Result<()> {
    ///     let user_id = ctx.use_token(Purpose::VERIFY, &input.token).await?;
    ///     ctx.sign_in(user_id).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// `invalid_credentials` for a token that is not valid, or not any more; `unavailable` when the database is away.
    pub async fn use_token(&self, purpose: Purpose, token: &str) -> Result<Uuid> {
        one_time::redeem(&self.request, purpose, token).await
    }

    /// Signs a user in: opens a session in place of the one the request came with, has the answer set its cookie, and
    /// lets the rest of the transaction act for the user. The token serves API clients as a Bearer token.
    ///
    /// The session lives for `SESSION_LIFETIME` (30 days), and ends before that when it was not used for
    /// `SESSION_IDLE` (7 days). Who signs in anew when more may be done than before (a second factor was shown, a
    /// role was given) has a token that nobody knew before.
    ///
    /// # Errors
    /// `invalid_credentials` when the password that was checked in this request was changed meanwhile; `cross_site`
    /// when a page of another site made the request; `unavailable` when the database is away.
    pub async fn sign_in(&self, user_id: Uuid) -> Result<Session> {
        session::open(&self.request, user_id).await
    }

    /// Signs the caller out: ends the session and has the answer remove its cookie. Does nothing for who is not
    /// signed in.
    ///
    /// # Errors
    /// `cross_site` when a page of another site made the request; `unavailable` when the database is away.
    pub async fn sign_out(&self) -> Result<()> {
        session::close(&self.request).await
    }

    /// Lists where the caller is signed in: the sessions that have not ended, the one used last first.
    ///
    /// ```
    /// use catena::{Ctx, Error, Result, SessionInfo, User, model, procedure, types::Uuid};
    ///
    /// /// Lists where the user is signed in.
    /// #[procedure(query, tier = "protected")]
    /// pub async fn sessions(ctx: &Ctx<User>) -> Result<Vec<SessionInfo>> {
    ///     ctx.sessions().await
    /// }
    ///
    /// /// Signs the user out of one place.
    /// #[procedure(tier = "protected", method = "DELETE", path = "/api/sessions/{id}")]
    /// pub async fn end_session(ctx: &Ctx<User>, id: Uuid) -> Result<()> {
    ///     if ctx.end_session(id).await? { Ok(()) } else { Err(Error::not_found("there is no such session")) }
    /// }
    ///
    /// /// Signs the user out everywhere else.
    /// #[procedure(tier = "protected")]
    /// pub async fn end_other_sessions(ctx: &Ctx<User>) -> Result<()> {
    ///     ctx.end_other_sessions().await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// `unauthenticated` when the caller has no session; `unavailable` when the database is away.
    pub async fn sessions(&self) -> Result<Vec<SessionInfo>> {
        session::list(&self.request).await
    }

    /// Ends one of the caller's sessions; whether there was such a one. The current one may be ended too, but
    /// [`Ctx::sign_out`] also removes its cookie.
    ///
    /// # Errors
    /// As [`Ctx::sessions`].
    pub async fn end_session(&self, id: Uuid) -> Result<bool> {
        Ok(session::revoke(&self.request, Some(id)).await? > 0)
    }

    /// Ends all of the caller's sessions but the current one; how many there were.
    ///
    /// # Errors
    /// As [`Ctx::sessions`].
    pub async fn end_other_sessions(&self) -> Result<u64> {
        session::revoke(&self.request, None).await
    }
}
