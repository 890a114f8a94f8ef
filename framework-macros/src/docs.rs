//! Doc comments as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// Returns the text of a doc comment: its lines, each without the space after the slashes.
pub(crate) fn text(attributes: &[Attribute]) -> String {
    let comments: Vec<_> = attributes.iter().filter_map(comment).collect();
    let lines = comments.iter().flat_map(|comment| comment.split('\n'));
    let lines: Vec<_> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n").trim().to_owned()
}

/// Splits a text into its first paragraph, on one line, and the rest.
pub(crate) fn split(text: &str) -> (String, String) {
    let (summary, description) = text.split_once("\n\n").unwrap_or((text, ""));
    (summary.replace('\n', " "), description.trim().to_owned())
}

fn comment(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[path = "docs_tests.rs"]
mod tests;
