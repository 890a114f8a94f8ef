//! Mail.

use catena::model;

/// A mail to send.
#[model]
pub struct Mail {
    /// The recipient's address.
    #[check(len = 3..=320)]
    pub to: String,
    /// The subject.
    #[check(len = 1..=200)]
    pub subject: String,
    /// The text.
    #[check(len = 1..=100_000)]
    pub text: String,
}
