//! `docs/mistakes.md`, made of all cases.

use super::case::{ATTRIBUTES, Case};

const INTRODUCTION: &str = "# Mistakes, and what the compiler says

Made of the cases in `tests/ui` by `TRYBUILD=overwrite cargo test -p catena-tests --test mistakes`; not to be edited.
Each case has what was written, and for each mistake the line, what the compiler says there, and how to mend it.
";

/// The page.
pub(crate) fn page(cases: &[Case]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for attribute in ATTRIBUTES {
        let links: Vec<_> = of(cases, attribute)
            .map(|case| {
                format!(
                    "[{}](#{})",
                    words(case),
                    title(case).to_lowercase().replace(' ', "-").replace(PUNCTUATION, "")
                )
            })
            .collect();
        page.push_str(&format!("\n**{}**: {}\n", name(attribute), links.join(", ")));
    }
    for attribute in ATTRIBUTES {
        page.push_str(&format!("\n## {}\n", name(attribute)));
        for case in of(cases, attribute) {
            add(&mut page, case);
        }
    }
    page
}

fn of<'a>(cases: &'a [Case], attribute: &'static str) -> impl Iterator<Item = &'a Case> {
    cases.iter().filter(move |case| case.attribute == attribute)
}

fn name(attribute: &str) -> String {
    if attribute == "problem" { "`#[derive(Problem)]`".to_owned() } else { format!("`#[{attribute}]`") }
}

/// What the address of a heading leaves out.
const PUNCTUATION: [char; 7] = ['`', '#', '[', ']', '(', ')', ':'];

fn words(case: &Case) -> String {
    case.name.replace('_', " ")
}

/// The heading; it names the attribute, so that no two are alike.
fn title(case: &Case) -> String {
    format!("{}: {}", name(case.attribute), words(case))
}

fn add(page: &mut String, case: &Case) {
    page.push_str(&format!("\n### {}\n\n```rust\n{}\n```\n\n", title(case), case.code));
    for message in &case.messages {
        let mut lines = message.text.lines();
        let place = message.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        page.push_str(&format!("- {place}{}\n", lines.next().unwrap_or_default()));
        for note in lines.chain(message.notes.iter().map(String::as_str)) {
            page.push_str(&format!("  - {note}\n"));
        }
    }
    if let Some(mend) = &case.mend {
        page.push_str(&format!("\nMend: {mend}\n"));
    }
}
