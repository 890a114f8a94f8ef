//! Accounts and sessions.

use catena::{
    model,
    types::{DateTime, Utc, Uuid},
};

use crate::schema::profiles;

/// What a new user signs up with.
#[model]
pub struct SignUp {
    /// The address to sign in with, and to send mail to.
    #[identity]
    #[check(len = 3..=320)]
    pub email: String,
    /// From 10 to 256 characters, and none of those that are guessed first.
    #[secret]
    #[check(len = 10..=256)]
    pub password: String,
}

/// Whose password is to be set anew.
#[model]
pub struct Forgotten {
    /// The address to sign in with.
    #[identity]
    #[check(len = 3..=320)]
    pub email: String,
}

/// The token that came by mail, and the password that is wanted.
#[model]
pub struct NewPassword {
    /// The token.
    #[secret]
    #[check(len = 64..=64)]
    pub token: String,
    /// From 10 to 256 characters, and none of those that are guessed first.
    #[secret]
    #[check(len = 10..=256)]
    pub password: String,
}

/// What a user signs in with.
#[model]
pub struct LogIn {
    /// The address.
    #[identity]
    #[check(len = 3..=320)]
    pub email: String,
    /// The password.
    #[secret]
    #[check(len = 1..=256)]
    pub password: String,
}

/// A session that was opened. Browsers have it as a cookie as well.
#[model]
pub struct SignedIn {
    /// Whose it is.
    pub user_id: Uuid,
    /// The token, for clients that send it as `Authorization: Bearer …`.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
}

impl From<catena::Session> for SignedIn {
    fn from(session: catena::Session) -> Self {
        Self { user_id: session.user_id, token: session.token, expires_at: session.expires_at }
    }
}

/// Who is signed in.
#[model(table = profiles)]
pub struct Profile {
    /// The user's id.
    pub id: Uuid,
    /// The address.
    pub email: String,
    /// When the user signed up.
    pub created_at: DateTime<Utc>,
}

/// The row of a new user; its id is the one that is signed in.
#[model(table = profiles, insert, omit(id, created_at))]
pub struct NewProfile {
    /// The address.
    pub email: String,
}
