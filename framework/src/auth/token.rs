//! Session tokens: 256 random bits, seen by the client only; the database keeps their hash.

use poem::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::{ctx::RequestScope, error::Error, error::Result};

/// The token of a request, as its hash.
pub(super) struct Token {
    pub(super) hash: [u8; 32],
    /// Whether a browser sent it by itself, as browsers do from any page.
    pub(super) from_cookie: bool,
}

/// The length of a token in hexadecimal digits.
const LENGTH: usize = 64;

/// Makes a token: its text for the client, its hash for the database.
///
/// # Errors
/// `internal` when the system has no randomness to give.
pub(super) fn new() -> Result<(String, [u8; 32])> {
    let mut bytes = [0; LENGTH / 2];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = hash(&text);
    Ok((text, hash))
}

/// Finds the token of a request: the Bearer token, else the cookie.
pub(super) fn of(request: &RequestScope) -> Option<Token> {
    let bearer = bearer(&request.headers);
    let text = bearer.or_else(|| request.cookie(request.services.settings.cookie_name()))?;
    (text.len() == LENGTH).then(|| Token { hash: hash(text), from_cookie: bearer.is_none() })
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
