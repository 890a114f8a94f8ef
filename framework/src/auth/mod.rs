//! Signing in: passwords, sessions, and whose request this is.

mod csrf;
mod password;
mod session;
mod token;

use uuid::Uuid;

pub(crate) use password::Passwords;
pub use session::Session;

use crate::{
    ctx::{Ctx, RequestScope},
    error::{Code, Error, Result},
};

/// Who is behind a request's session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) user_id: Uuid,
}

/// Looks up the session that a request carries (the Bearer token, else the cookie), and has the database act for its
/// user from then on.
pub(crate) async fn find_caller(request: &RequestScope) -> Result<Option<Caller>> {
    let Some(token) = token::of(request) else { return Ok(None) };
    if token.from_cookie {
        csrf::check(&request.method, &request.headers)?;
    }
    let Some(user_id) = session::find(request, &token.hash).await? else { return Ok(None) };
    request.scope.identify(user_id);
    Ok(Some(Caller { user_id }))
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
        password::create(&self.request.scope, user_id, identity, hash).await
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
            Some(account) if fits => Ok(account.user_id),
            _ => Err(Error::new(Code::INVALID_CREDENTIALS, "no account has this identity and password")),
        }
    }

    /// Signs a user in: opens a session in place of the one the request came with, has the answer set its cookie, and
    /// lets the rest of the transaction act for the user. The token serves API clients as a Bearer token.
    ///
    /// # Errors
    /// `unavailable` when the database is away.
    pub async fn sign_in(&self, user_id: Uuid) -> Result<Session> {
        session::open(&self.request, user_id).await
    }

    /// Signs the caller out: ends the session and has the answer remove its cookie. Does nothing for who is not
    /// signed in.
    ///
    /// # Errors
    /// `unavailable` when the database is away.
    pub async fn sign_out(&self) -> Result<()> {
        session::close(&self.request).await
    }
}
