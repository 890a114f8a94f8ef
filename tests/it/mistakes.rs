//! What holds for every message under `ui/`, and the page that lists them all, `docs/mistakes.md`.
//!
//! `TRYBUILD=overwrite cargo test -p catena-tests --test mistakes` writes the page anew.

#[path = "mistakes/case.rs"]
mod case;
#[path = "mistakes/page.rs"]
mod page;

use std::{env, fs, path::Path};

use case::{Case, cases};

/// What is nobody's business but the framework's.
const HIDDEN: [&str; 11] = [
    "poem",
    "inventory",
    "__private",
    "__procedure",
    "__jobs",
    "__model",
    "__Schema",
    "__type",
    "$crate",
    "/root",
    "/target",
];

fn failing(what: impl Fn(&Case) -> Option<String>) -> Vec<String> {
    cases().iter().filter_map(|case| what(case).map(|fault| format!("{}: {fault}", case.path()))).collect()
}

#[test]
fn there_are_many_cases_for_each_attribute() {
    let cases = cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    for attribute in case::ATTRIBUTES {
        assert!(cases.iter().filter(|case| case.attribute == attribute).count() >= 5, "{attribute}");
    }
}

#[test]
fn every_message_has_a_place_in_the_users_code() {
    let faults = failing(|case| {
        let lost = case.messages.iter().find(|message| message.line.is_none())?;
        Some(format!("`{}` points nowhere", lost.text))
    });
    assert_eq!(faults, [""; 0]);
}

#[test]
fn one_mistake_has_one_message() {
    let faults = failing(|case| {
        let (found, expected) = (case.messages.len(), case.expected);
        (found != expected).then(|| {
            format!("{found} messages, not {expected}: end the file with `// {found} mistakes` if that is so")
        })
    });
    assert_eq!(faults, [""; 0]);
}

#[test]
fn every_message_says_what_to_write() {
    const WORDS: [&str; 11] =
        ["write", "did you mean", "remove", "keep", "give", "put", "move", "add", "take", "`#[", "`tier = "];
    let faults = failing(|case| {
        let silent = case.messages.iter().find(|message| !message.says_any(&WORDS))?;
        case.mend
            .is_none()
            .then(|| format!("`{}` says no way out: end the file with `// Mend: ..`", silent.text))
    });
    assert_eq!(faults, [""; 0]);
}

#[test]
fn no_message_tells_of_what_is_hidden() {
    let faults = failing(|case| {
        HIDDEN.into_iter().find(|word| case.stderr.contains(word)).map(|word| format!("says `{word}`"))
    });
    assert_eq!(faults, [""; 0]);
}

#[test]
fn the_page_of_mistakes_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/mistakes.md");
    let page = page::page(&cases());
    if env::var("TRYBUILD").is_ok_and(|value| value == "overwrite") {
        fs::write(&path, page).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|written| written == page),
        "docs/mistakes.md is out of date: run `TRYBUILD=overwrite cargo test -p catena-tests --test mistakes`"
    );
}
