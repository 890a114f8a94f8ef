//! Which passwords may be chosen.
//!
//! Length counts; what kinds of characters there are does not, as rules about them make people write `Password1!`
//! (NIST SP 800-63B, OWASP ASVS 6.2). Refused beyond that is only what is guessed first: the account's own name, the
//! commonest passwords with something before or behind them, runs and repetitions. A password that is there already is
//! never asked to be better.

use std::ops::RangeInclusive;

use super::hashing::spelling;
use crate::{
    ctx::RequestScope,
    error::{Error, Failure, Place, Result},
    model::Shape,
};

/// How many characters a password has.
const LENGTH: RangeInclusive<usize> = 10..=256;

/// How many characters a password must have beside the account's own name.
const BESIDE: usize = 6;

/// The commonest passwords, without what stands before and behind their letters.
const COMMON: &str = include_str!("common.txt");

/// Refuses a password that may not be chosen for the account of an identity. The failure points at the input's field
/// `new_password` or `password`, if there is one.
///
/// # Errors
/// `invalid_input`.
pub(super) fn check(request: &RequestScope, password: &str, identity: &str) -> Result<()> {
    let Some(message) = fault(password, identity) else { return Ok(()) };
    let input = request.procedure.input.map(|input| input().unnamed());
    let fields = if let Some(Shape::Object(object)) = input { object.fields } else { &[] };
    let named =
        ["new_password", "password"].into_iter().find(|name| fields.iter().any(|field| field.name == *name));
    Err(Error::invalid(vec![Failure {
        place: Place::Body,
        pointer: named.map_or_else(String::new, |name| format!("/{name}")),
        code: "password".into(),
        message,
        expected: None,
    }]))
}

/// What is wrong with a password, if something is.
fn fault(password: &str, identity: &str) -> Option<String> {
    let password = spelling(password);
    let length = password.chars().count();
    if !LENGTH.contains(&length) {
        let (least, most) = (LENGTH.start(), LENGTH.end());
        return Some(format!("must have from {least} to {most} characters, has {length}"));
    }
    let folded = password.to_lowercase();
    if is_little_beside(&folded, &identity.to_lowercase()) {
        return Some("is little more than the name of the account".to_owned());
    }
    let piece = repeated(&folded);
    if is_run(piece) || piece.chars().count() < 4 {
        return Some("is a row or a repetition of characters, which is guessed first".to_owned());
    }
    if is_common(piece) {
        return Some("is one of the commonest passwords, or one with little around it".to_owned());
    }
    None
}

/// Whether a password is the identity, or the part before the `@`, with little around it.
fn is_little_beside(password: &str, identity: &str) -> bool {
    let local = identity.split('@').next().unwrap_or_default();
    [identity, local]
        .into_iter()
        .filter(|name| name.chars().count() >= 3)
        .any(|name| password.contains(name) && password.replace(name, "").chars().count() < BESIDE)
}

/// The shortest piece whose repetition a text is, the last one perhaps cut: the text itself if it repeats nothing.
fn repeated(text: &str) -> &str {
    let half = text.len() / 2;
    let ends = text.char_indices().map(|(at, _)| at).skip(1).take_while(|at| *at <= half);
    let piece = ends
        .map(|end| &text[..end])
        .find(|piece| text.as_bytes().chunks(piece.len()).all(|chunk| piece.as_bytes().starts_with(chunk)));
    piece.unwrap_or(text)
}

/// Whether a text goes along the alphabet, the numbers or a row of the keyboard, either way.
fn is_run(text: &str) -> bool {
    const ROWS: [&str; 6] = [
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890123456789",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
        "qwertyuiopasdfghjklzxcvbnm",
        "qwertzuiopasdfghjklyxcvbnm",
        "azertyuiopqsdfghjklmwxcvbn",
    ];
    let backwards: String = text.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(text) || row.contains(&backwards))
}

/// Whether a text is a common password, with digits and signs around it or in the place of letters.
fn is_common(text: &str) -> bool {
    let letters = |c: char| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphabetic()).to_owned();
    let inner = bare(text);
    [inner.chars().map(letters).collect(), bare(&text.chars().map(letters).collect::<String>()), inner]
        .iter()
        .any(|word: &String| COMMON.lines().any(|common| common == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused() {
        let check = |password: &str, expected: &str| {
            let found = fault(password, "Ada.Lovelace@example.test").unwrap_or_default();
            assert!(
                found.contains(expected) && found.is_empty() == expected.is_empty(),
                "{password}: {found:?}"
            );
        };
        for short in ["", "ten chars", "ééééééééé"] {
            check(short, "must have from 10 to 256 characters, has ");
        }
        check(&"long ".repeat(52), "must have from 10 to 256 characters, has 260");
        for named in
            ["ada.lovelace@example.test", "ADA.LOVELACE@EXAMPLE.TEST", "ada.lovelace1", "2026Ada.Lovelace!"]
        {
            check(named, "is little more than the name of the account");
        }
        for row in ["1234567890", "0987654321", "abcdefghijk", "qwertyuiop", "POIUYTREWQ", "1qaz2wsx3edc"] {
            check(row, "is a row or a repetition");
        }
        for repetition in ["aaaaaaaaaa", "ababababab", "121212121212", "abcabcabcabca", "éééééééééé"]
        {
            check(repetition, "is a row or a repetition");
        }
        for common in
            ["password12", "Password123!", "P@ssw0rd2026", "iloveyou123", "passwordpassword", "!!!qwerty2024"]
        {
            check(common, "is one of the commonest passwords");
        }
        for fine in [
            "correct horse battery",
            "an old oak by the river",
            "ada.lovelace and the engine",
            "zq8-4kd-x7v",
            "password of the day",
            "дуб у реки стоит",
            "十個字以上の長い合言葉",
        ] {
            check(fine, "");
        }
    }
}
