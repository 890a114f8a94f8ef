//! What the walker says.

use std::fmt::{self, Write as _};

use super::{Bound, Field, exact};

/// A longer unknown name is compared with nothing.
const MAX_NAME: usize = 64;

/// The name of a JSON type in a sentence.
pub(super) fn with_article(name: &'static str) -> &'static str {
    match name {
        "boolean" => "a boolean",
        "integer" => "an integer",
        "number" => "a number",
        "string" => "a string",
        "array" => "an array",
        "object" => "an object",
        other => other,
    }
}

/// Why a string is refused that is not of its format.
pub(super) fn format_message(format: &str) -> String {
    match format {
        "" => "must not contain the character U+0000".into(),
        "uuid" => "must be a UUID with hyphens, such as 0198c0de-0000-7000-8000-000000000000".into(),
        "date-time" => "must be a time with its offset (RFC 3339), such as 2026-01-31T12:00:00Z".into(),
        "date" => "must be a date, such as 2026-01-31".into(),
        exact::DECIMAL => {
            "must be a decimal number in quotes of at most 29 characters, such as \"19.90\"".into()
        }
        exact::INTEGER => {
            "must be an integer of 64 bits in quotes, such as \"9007199254740993\", without needless zeros"
                .into()
        }
        other => format!("must be of the format `{other}`"),
    }
}

/// Why a string is refused that is none of a few.
pub(super) fn choice_message(values: &[&str]) -> String {
    let quoted: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
    match &quoted[..] {
        [only] => format!("must be {only}"),
        _ => format!("must be one of {}", quoted.join(", ")),
    }
}

/// Why a string of `has` characters is refused.
pub(super) fn length_message(min: usize, max: Option<usize>, has: usize) -> String {
    count_message(["character", "characters"], min, max, has)
}

/// Why a value is refused that has so many of what the nouns say, one and more.
pub(super) fn count_message(nouns: [&str; 2], min: usize, max: Option<usize>, has: usize) -> String {
    let noun = |count| if count == 1 { nouns[0] } else { nouns[1] };
    let limits = match (min, max) {
        (min, Some(max)) if min == max => format!("exactly {min} {}", noun(min)),
        (0, Some(max)) => format!("at most {max} {}", noun(max)),
        (min, Some(max)) => format!("from {min} to {max} {}", noun(max)),
        (min, None) => format!("at least {min} {}", noun(min)),
    };
    format!("must have {limits}, has {has}")
}

/// Why a number is refused.
pub(super) fn range_message(min: Option<Bound>, max: Option<Bound>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("must be from {min} to {max}"),
        (Some(min), None) => format!("must be at least {min}"),
        (None, Some(max)) => format!("must be at most {max}"),
        (None, None) => "is out of range".into(),
    }
}

/// An interval as Rust writes it: `1..=200`, `1..`, `..=200`.
pub(super) fn interval<T: fmt::Display>(min: Option<T>, max: Option<T>) -> String {
    let mut text = String::new();
    if let Some(min) = min {
        let _ = write!(text, "{min}");
    }
    text.push_str("..");
    if let Some(max) = max {
        let _ = write!(text, "={max}");
    }
    text
}

/// The known name that was probably meant.
pub(super) fn nearest(name: &str, fields: &[Field]) -> Option<&'static str> {
    if name.len() > MAX_NAME {
        return None;
    }
    let name = simplified(name);
    let (distance, field) = fields
        .iter()
        .map(|field| (strsim::damerau_levenshtein(&name, &simplified(field.name)), field.name))
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= name.chars().count().max(field.len()) / 3).then_some(field)
}

/// A name without what spellings differ in: `dueAt`, `due-at` and `due_at` are one.
fn simplified(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}
