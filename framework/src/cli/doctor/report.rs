//! How findings are shown: in words of at most 80 columns, or as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::Examined;
use crate::finding::{Finding, Level};

/// The columns of a line.
const WIDTH: usize = 80;

/// How far texts stand from the left, behind their level.
const INDENT: &str = "           ";

/// A heading a section, a paragraph a finding, and a line that sums up.
pub(super) fn words(examined: &[Examined]) -> String {
    let mut text = String::new();
    for Examined { section, findings } in examined {
        let _ = writeln!(text, "{}", section.name());
        for Finding { level, what, mend } in findings {
            let _ = writeln!(text, "{}", wrapped(&format!("  {:<7}  ", word(*level)), what));
            if let Some(mend) = mend {
                let _ = writeln!(text, "{}", wrapped(&format!("{INDENT}mend: "), mend));
            }
        }
    }
    let count = |level| {
        let all = examined.iter().flat_map(|one| &one.findings);
        all.filter(|finding| finding.level == level).count()
    };
    let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
    let plural = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let _ = writeln!(text, "{}, {}", plural(faults, "fault"), plural(warnings, "warning"));
    text
}

/// An array with an object a finding.
pub(super) fn json(examined: &[Examined]) -> String {
    #[derive(Serialize)]
    struct Row<'a> {
        section: String,
        #[serde(flatten)]
        finding: &'a Finding,
    }
    let rows = examined
        .iter()
        .flat_map(|one| one.findings.iter().map(|finding| Row { section: one.section.name(), finding }));
    let rows: Vec<_> = rows.collect();
    serde_json::to_string_pretty(&rows).expect("texts are always JSON") + "\n"
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warning => "warning",
        Level::Fault => "FAULT",
    }
}

/// The text behind `begin`, in lines that end before the last column, but for words that are longer than a line. What
/// stands in quotes is one word: SQL stays what it is.
fn wrapped(begin: &str, text: &str) -> String {
    let mut lines = begin.to_owned();
    let mut column = begin.chars().count();
    for (number, word) in unbroken(text).into_iter().enumerate() {
        let length = word.chars().count();
        if number > 0 && column + 1 + length > WIDTH {
            let _ = write!(lines, "\n{INDENT}");
            column = INDENT.len();
        } else if number > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// The words of a text, of which none ends within quotes.
fn unbroken(text: &str) -> Vec<&str> {
    let (mut words, mut start, mut quote, mut before) = (Vec::new(), 0, None, ' ');
    for (place, letter) in text.char_indices() {
        match (letter, quote) {
            // Behind a letter it is an apostrophe.
            ('\'' | '"', None) if !before.is_alphanumeric() => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            (' ', None) => {
                words.push(&text[start..place]);
                start = place + 1;
            }
            _ => {}
        }
        before = letter;
    }
    words.push(&text[start..]);
    words
}

#[cfg(test)]
mod tests;
