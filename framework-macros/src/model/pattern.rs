//! `pattern`: a regular expression that means the same to Rust as to the readers of the published schema, who read it
//! as JavaScript does (ECMA-262, with its flag `u`).

use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassPerlKind, ClassSetBinaryOp, ClassSetItem, GroupKind, HexLiteralKind,
    Literal, LiteralKind, Span, SpecialLiteralKind,
};
use syn::LitStr;

use super::check::Check;
use crate::errors::Errors;

/// What JavaScript's `\s` is.
const SPACES: &str = r"\t\n\v\f\r \u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF";

/// Reads a pattern and reports what either side cannot read.
pub(super) fn read(typed: &LitStr, errors: &mut Errors) -> Option<Check> {
    let text = typed.value();
    match translated(&text) {
        Ok(rust) => Some(Check::Pattern { text, rust }),
        Err(Refusal { at, message }) => {
            errors.push(typed, format_args!("at character {at} of this pattern: {message}"));
            None
        }
    }
}

/// Why a pattern is refused, and the character at which, counted from 1.
#[derive(Debug)]
struct Refusal {
    at: usize,
    message: String,
}

impl Refusal {
    fn new(span: &Span, message: impl Into<String>) -> Self {
        Self { at: span.start.column, message: message.into() }
    }
}

/// Writes a pattern for the crate `regex`, as JavaScript means it: `\d`, `\w`, `\b` are about ASCII, `.` matches no end of a line.
fn translated(text: &str) -> Result<String, Refusal> {
    let tree = ast::parse::Parser::new()
        .parse(text)
        .map_err(|error| Refusal::new(error.span(), error.kind().to_string()))?;
    let replaced = ast::visit(&tree, Reader { text, replaced: Vec::new() })?;
    let mut rust = String::with_capacity(text.len());
    let mut written = 0;
    for (span, instead) in replaced {
        rust.push_str(&text[written..span.start.offset]);
        rust.push_str(&instead);
        written = span.end.offset;
    }
    rust.push_str(&text[written..]);
    match regex::Regex::new(&rust) {
        Ok(_) => Ok(rust),
        Err(error) => Err(Refusal { at: 1, message: error.to_string() }),
    }
}

/// Goes through a pattern from left to right.
struct Reader<'t> {
    text: &'t str,
    /// What is written otherwise for Rust.
    replaced: Vec<(Span, String)>,
}

impl Reader<'_> {
    fn typed(&self, span: &Span) -> &str {
        &self.text[span.start.offset..span.end.offset]
    }

    fn literal(&self, literal: &Literal, in_class: bool) -> Result<(), Refusal> {
        let known = match &literal.kind {
            LiteralKind::Verbatim => in_class || !matches!(literal.c, ']' | '{' | '}'),
            LiteralKind::Meta => match literal.c {
                '#' | '&' | '~' => false,
                '-' => in_class,
                _ => true,
            },
            LiteralKind::Superfluous => literal.c == '/',
            LiteralKind::HexFixed(kind) => !matches!(kind, HexLiteralKind::UnicodeLong),
            LiteralKind::HexBrace(kind) => matches!(kind, HexLiteralKind::UnicodeShort),
            LiteralKind::Special(kind) => {
                !matches!(kind, SpecialLiteralKind::Bell | SpecialLiteralKind::Space)
            }
            LiteralKind::Octal => false,
        };
        if known {
            return Ok(());
        }
        let instead = match &literal.kind {
            LiteralKind::Verbatim => format!(r"\{}", literal.c),
            LiteralKind::Meta
            | LiteralKind::Superfluous
            | LiteralKind::Special(SpecialLiteralKind::Space) => literal.c.to_string(),
            _ => format!(r"\u{{{:X}}}", u32::from(literal.c)),
        };
        let typed = self.typed(&literal.span);
        Err(Refusal::new(
            &literal.span,
            format!("JavaScript does not read `{typed}` alike: write `{instead}`"),
        ))
    }

    fn perl(&mut self, class: &ast::ClassPerl) {
        let members = match class.kind {
            ClassPerlKind::Digit => "0-9",
            ClassPerlKind::Word => "0-9A-Za-z_",
            ClassPerlKind::Space => SPACES,
        };
        let not = if class.negated { "^" } else { "" };
        self.replaced.push((class.span, format!("[{not}{members}]")));
    }
}

impl ast::Visitor for Reader<'_> {
    type Output = Vec<(Span, String)>;
    type Err = Refusal;

    fn finish(self) -> Result<Self::Output, Refusal> {
        Ok(self.replaced)
    }

    fn visit_pre(&mut self, tree: &Ast) -> Result<(), Refusal> {
        let refused = |message: &str| Err(Refusal::new(tree.span(), message));
        match tree {
            Ast::Empty(_) | Ast::Alternation(_) | Ast::Concat(_) => Ok(()),
            Ast::Flags(_) => refused("JavaScript knows no flags inside: write both cases, as in `[a-zA-Z]`"),
            Ast::Literal(literal) => self.literal(literal, false),
            Ast::Dot(span) => {
                self.replaced.push((**span, r"[^\n\r\u2028\u2029]".to_owned()));
                Ok(())
            }
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::StartLine | AssertionKind::EndLine => Ok(()),
                AssertionKind::StartText => refused(r"JavaScript does not know `\A`: write `^`"),
                AssertionKind::EndText => refused(r"JavaScript does not know `\z`: write `$`"),
                AssertionKind::WordBoundary => {
                    self.replaced.push((assertion.span, r"(?-u:\b)".to_owned()));
                    Ok(())
                }
                _ => refused(
                    r"of the boundaries, only `\b`, `^` and `$` are known to both sides: write one of them",
                ),
            },
            Ast::ClassUnicode(_) => {
                refused("classes by property differ: name the characters, as in `[a-zß-ÿ]`")
            }
            Ast::ClassPerl(class) => {
                self.perl(class);
                Ok(())
            }
            Ast::ClassBracketed(class) => {
                let typed = self.typed(&class.span);
                if typed.starts_with("[]") || typed.starts_with("[^]") {
                    return refused(
                        r"JavaScript ends the class at the first `]`: write `\]` for the character",
                    );
                }
                Ok(())
            }
            Ast::Repetition(repetition) => {
                if matches!(*repetition.ast, Ast::Repetition(_) | Ast::Assertion(_)) {
                    return refused("JavaScript does not repeat this: put what is repeated into `(?:..)`");
                }
                Ok(())
            }
            Ast::Group(group) => match &group.kind {
                GroupKind::CaptureIndex(_) => Ok(()),
                GroupKind::CaptureName { .. } => {
                    refused("nothing asks for the name of a group: write `(?:..)`")
                }
                GroupKind::NonCapturing(flags) if flags.items.is_empty() => Ok(()),
                GroupKind::NonCapturing(_) => {
                    refused("JavaScript knows no flags inside: write both cases, as in `[a-zA-Z]`")
                }
            },
        }
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Refusal> {
        match item {
            ClassSetItem::Empty(_) | ClassSetItem::Union(_) => Ok(()),
            ClassSetItem::Literal(literal) => self.literal(literal, true),
            ClassSetItem::Range(range) => {
                self.literal(&range.start, true)?;
                self.literal(&range.end, true)
            }
            ClassSetItem::Perl(class) => {
                self.perl(class);
                Ok(())
            }
            ClassSetItem::Ascii(_) | ClassSetItem::Unicode(_) => Err(Refusal::new(
                item.span(),
                "JavaScript has no such class: name the characters, as in `[a-zA-Z]`",
            )),
            ClassSetItem::Bracketed(_) => Err(Refusal::new(
                item.span(),
                r"JavaScript has no class inside a class: write `\[` for the character, or one class",
            )),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, operation: &ClassSetBinaryOp) -> Result<(), Refusal> {
        Err(Refusal::new(
            &operation.span,
            r"JavaScript does not combine classes: name the characters, or write `\-`, `\u{26}` and `\u{7E}` for them",
        ))
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
