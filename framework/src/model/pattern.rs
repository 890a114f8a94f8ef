//! Regular expressions on texts.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression, compiled when it is first used.
#[derive(Debug)]
pub struct Pattern {
    /// As it was written, which is how JavaScript reads it.
    pub(crate) text: &'static str,
    /// The same as [`Regex`] reads it.
    rust: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern; `#[model]` has seen that it can be read.
    #[must_use]
    pub const fn new(text: &'static str, rust: &'static str) -> Self {
        Self { text, rust, compiled: OnceLock::new() }
    }

    /// Whether some part of a text matches; one that cannot be read matches nothing.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.compiled
            .get_or_init(|| Regex::new(self.rust).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(text))
    }
}
