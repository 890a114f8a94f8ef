//! Texts of a known form: what `email` and `url` mean.

use super::Pattern;

/// A form of text. What is published about it is exactly what is enforced.
#[derive(Debug)]
pub struct Format {
    /// The name in JSON Schema.
    pub(crate) name: &'static str,
    /// What a text of this form matches.
    pub(crate) pattern: &'static Pattern,
    /// The number of characters of the longest; `None` for no limit.
    pub(crate) max: Option<usize>,
    /// What a text of this form is, in a sentence.
    pub(crate) what: &'static str,
    /// One that anybody knows.
    pub(crate) example: &'static str,
}

impl Format {
    /// Whether a text is of this form.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        // Every character of a form is ASCII.
        self.max.is_none_or(|max| text.len() <= max) && self.pattern.is_match(text)
    }

    /// Why a text is refused that is not of this form.
    pub(super) fn message(&self) -> String {
        format!("must be {}, such as {}", self.what, self.example)
    }
}

/// An e-mail address as the HTML standard has it, of the kind that mail can be sent to over the Internet: no dot of
/// the local part stands at an end or beside another (RFC 5321, 4.1.2), the domain has a dot and ends with a letter,
/// so that it is no address of IPv4, and a path has 256 characters with its brackets (4.5.3.1.3).
pub(crate) static EMAIL: Format = Format {
    name: "email",
    pattern: &EMAIL_PATTERN,
    max: Some(254),
    what: "an e-mail address of at most 254 characters",
    example: "someone@example.com",
};

static EMAIL_PATTERN: Pattern = same(concat!(
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*",
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+",
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])$",
));

/// An absolute URL for http or https, as RFC 3986 writes it: the host is a name or an address of IPv4, the port one
/// that exists, and there is no name or password, which do not belong into a URL (3.2.1).
pub(crate) static URL: Format = Format {
    name: "uri",
    pattern: &URL_PATTERN,
    max: None,
    what: "an absolute http or https URL whose special characters are percent-encoded",
    example: "https://example.com/page",
};

static URL_PATTERN: Pattern = same(concat!(
    r"^https?://",
    r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?",
    r"(?::(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?",
    r"(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?",
    r"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?",
    r"(?:#(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$",
));

/// A pattern that JavaScript and the crate `regex` read alike.
const fn same(text: &'static str) -> Pattern {
    Pattern::new(text, text)
}

#[cfg(test)]
mod tests;
