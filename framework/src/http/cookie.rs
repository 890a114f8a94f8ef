//! The application's own cookies.

use std::time::Duration;

use crate::{
    ctx::Ctx,
    error::{Error, Result},
};

impl<U> Ctx<U> {
    /// Returns the value of a cookie that the caller sent.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.request.cookie(name)
    }

    /// Has the answer set a cookie for the whole site, if the procedure succeeds. It lives for `max_age`, in whole
    /// seconds; with [`Duration::ZERO`] it is removed.
    ///
    /// Scripts do not see it (`HttpOnly`), other sites cannot have it sent but by a link (`SameSite=Lax`), and in
    /// production it travels by HTTPS only.
    ///
    /// # Errors
    /// `internal` for a name or value with other characters than RFC 6265 allows (a space, a quote, a comma, a
    /// semicolon, a backslash, whatever is not ASCII), and for the names of the framework's own cookies.
    pub fn set_cookie(&self, name: &str, value: &str, max_age: Duration) -> Result<()> {
        let settings = &self.request.services.settings;
        let taken = [settings.cookie_name(), settings.device_cookie_name()];
        if name.is_empty() || !name.bytes().all(is_token) || taken.contains(&name) {
            return Err(Error::internal(format!("`{name}` cannot be the name of a cookie")));
        }
        if !value.bytes().all(is_octet) {
            return Err(Error::internal(format!(
                "the value of the cookie `{name}` has characters that no cookie has"
            )));
        }
        self.request.set_cookie(name, value, max_age)
    }
}

/// The characters of a token (RFC 9110).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The characters of a cookie's value (RFC 6265).
fn is_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}
