//! Tokens: 256 random bits, seen by their owner only; the database keeps their hash.

use poem::http::{HeaderMap, header};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// SHA-256 of a token.
pub(super) type TokenHash = [u8; 32];

/// The length of a token in hexadecimal digits.
const LENGTH: usize = 64;

/// Makes a token: its text for the client, its hash for the database.
///
/// # Errors
/// `internal` when the system has no randomness to give.
pub(super) fn new() -> Result<(String, TokenHash)> {
    let mut bytes = [0; LENGTH / 2];
    getrandom::fill(&mut bytes).map_err(Error::internal)?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = Sha256::digest(text.as_bytes()).into();
    Ok((text, hash))
}

/// The hash of a token that somebody sent; `None` for what cannot be one.
pub(super) fn hash(text: &str) -> Option<TokenHash> {
    (text.len() == LENGTH).then(|| Sha256::digest(text.as_bytes()).into())
}

/// The Bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
