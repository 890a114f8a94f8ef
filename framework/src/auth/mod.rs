//! Signing in: passwords, sessions, and whose request this is.

pub(crate) mod csrf;
pub(crate) mod device;
mod password;
mod session;
mod standing;
mod token;

use uuid::Uuid;

pub use session::{Session, SessionInfo};
pub(crate) use {
    device::Devices,
    password::Passwords,
    standing::{Current, Standing},
    token::bearer,
};

use crate::{
    ctx::{Ctx, RequestScope},
    error::{Code, Error, Result},
};

/// Returns the user of the session that a request has by now, for whom the database acts.
pub(crate) async fn caller(request: &RequestScope) -> Result<Option<Uuid>> {
    Ok(request.session().await?.map(|session| session.user_id))
}

impl<U: Send + Sync> Ctx<U> {
    /// Adds a password for a new account. `identity` is what its owner will sign in with, such as an e-mail address;
    /// it is compared without regard to case and to spaces around it.
    ///
    /// # Errors
    /// `conflict` when there is an account with that identity; `unavailable` when too many passwords are being worked
    /// on at the moment.
    pub async fn add_password(&self, user_id: Uuid, identity: &str, password: &str) -> Result<()> {
        let hash = self.request.services.passwords.hash(password).await?;
        password::create(&self.request, user_id, identity, hash).await
    }

    /// Returns whose identity and password these are. Takes the same time whether or not there is such an account.
    ///
    /// # Errors
    /// `invalid_credentials` when they do not belong together, whatever the reason; `unavailable` when too many
    /// passwords are being worked on at the moment.
    pub async fn check_password(&self, identity: &str, password: &str) -> Result<Uuid> {
        let account = password::find(&self.request, identity).await?;
        let hash = account.as_ref().map(|account| account.hash.clone());
        let fits = self.request.services.passwords.verify(password, hash).await?;
        match account {
            Some(account) if fits => {
                let user_id = account.user_id;
                self.request.standing.prove(account.into());
                Ok(user_id)
            }
            _ => Err(Error::new(Code::INVALID_CREDENTIALS, "no account has this identity and password")),
        }
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
