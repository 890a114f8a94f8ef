//! The rules of `#[check(..)]` on one field.

use syn::{Attribute, Expr, ExprLit, ExprRange, ExprUnary, Lit, Meta, Path, RangeLimits, UnOp};

use super::{parse::CheckOptions, pattern};
use crate::{errors::Errors, options};

/// One rule on a field's value; bounds are included.
#[derive(Clone)]
pub(crate) enum Check {
    /// The number of characters.
    Length { min: usize, max: Option<usize> },
    /// The value of a number.
    Range { min: Option<Bound>, max: Option<Bound> },
    /// The number of items of a list, or of entries of a map.
    Items { min: usize, max: Option<usize> },
    /// What an integer is a multiple of.
    MultipleOf(i64),
    /// No item is there twice.
    UniqueItems,
    /// A text matches a regular expression.
    Pattern {
        /// As it was written, which is published.
        text: String,
        /// The same for the crate `regex`.
        rust: String,
    },
    /// A text is an e-mail address.
    Email,
    /// A text is an absolute URL for the web.
    Url,
    /// A function has nothing against the value.
    Custom(Path),
}

/// The greatest divisor that the published schema, whose numbers are floats, keeps exactly: 2^53 − 1.
const MAX_DIVISOR: i64 = (1 << 53) - 1;

/// A bound, as it was written.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    Integer(i64),
    Number(f64),
}

/// Reads the checks of one field. Those that are wrong are reported and left out.
pub(crate) fn read(attributes: &[Attribute], errors: &mut Errors) -> Vec<Check> {
    let mut checks = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("check")) {
        let tokens = match &attribute.meta {
            Meta::List(list) if !list.tokens.is_empty() => list.tokens.clone(),
            _ => {
                errors.push(
                    attribute,
                    "this checks nothing: write `#[check(len = 1..=200)]` or `#[check(range = 1..=5)]`",
                );
                continue;
            }
        };
        let typed: CheckOptions = options::read(tokens, errors).options;
        checks.extend(typed.len.and_then(|typed| length(&typed, errors)));
        checks.extend(typed.range.and_then(|typed| range(&typed, errors)));
        checks.extend(typed.items.and_then(|typed| items(&typed, errors)));
        checks.extend(typed.multiple_of.and_then(|typed| multiple_of(&typed, errors)));
        checks.extend(typed.unique_items.is_present().then_some(Check::UniqueItems));
        checks.extend(typed.pattern.and_then(|typed| pattern::read(&typed, errors)));
        checks.extend(typed.email.is_present().then_some(Check::Email));
        checks.extend(typed.url.is_present().then_some(Check::Url));
        checks.extend(typed.custom.map(Check::Custom));
        let (email, url) =
            (|check: &Check| matches!(check, Check::Email), |check: &Check| matches!(check, Check::Url));
        if checks.iter().any(email) && checks.iter().any(url) {
            errors.push(attribute, "no text is an e-mail address and a URL: keep `email` or `url`");
            checks.retain(|check| !url(check));
        }
    }
    checks
}

fn length(typed: &Expr, errors: &mut Errors) -> Option<Check> {
    let (min, max) = counts(typed, "a length", "len = 1..=200", errors)?;
    Some(Check::Length { min, max })
}

fn items(typed: &Expr, errors: &mut Errors) -> Option<Check> {
    let (min, max) = counts(typed, "a number of items", "items = 1..=10", errors)?;
    Some(Check::Items { min, max })
}

/// Reads bounds that are whole numbers from 0.
fn counts(typed: &Expr, what: &str, example: &str, errors: &mut Errors) -> Option<(usize, Option<usize>)> {
    let (min, max) = bounds(typed, example, errors)?;
    let count = |bound| match bound {
        Bound::Integer(count) => usize::try_from(count).ok(),
        Bound::Number(_) => None,
    };
    let (min, max) = (min.map(count), max.map(count));
    if min == Some(None) || max == Some(None) {
        errors.push(typed, format_args!("{what} is a whole number from 0: write `{example}`"));
        return None;
    }
    Some((min.flatten().unwrap_or(0), max.flatten()))
}

fn range(typed: &Expr, errors: &mut Errors) -> Option<Check> {
    let (min, max) = bounds(typed, "range = 1..=5", errors)?;
    Some(Check::Range { min, max })
}

fn multiple_of(typed: &Expr, errors: &mut Errors) -> Option<Check> {
    match bound(typed) {
        Some(Bound::Integer(divisor)) if (1..=MAX_DIVISOR).contains(&divisor) => {
            Some(Check::MultipleOf(divisor))
        }
        Some(Bound::Number(_)) => {
            errors.push(
                typed,
                "floats have no exact multiples: count in a smaller unit, such as cents, and write `multiple_of = 5`",
            );
            None
        }
        _ => {
            errors.push(typed, "what divides is a whole number from 1 to 2^53 - 1: write `multiple_of = 5`");
            None
        }
    }
}

/// Reads `1..=200`, `1..` and `..=200`.
fn bounds(typed: &Expr, example: &str, errors: &mut Errors) -> Option<(Option<Bound>, Option<Bound>)> {
    let Expr::Range(ExprRange { start, limits, end, .. }) = typed else {
        let message = match bound(typed) {
            Some(_) => {
                let (name, value) =
                    (example.split(' ').next().unwrap_or_default(), crate::signature::source(typed));
                format!("bounds are a range: write `{name} = {value}..={value}` for exactly {value}")
            }
            None => format!("bounds are a range of numbers: write `{example}`"),
        };
        errors.push(typed, message);
        return None;
    };
    if let (RangeLimits::HalfOpen(_), Some(_)) = (limits, end) {
        errors.push(limits, format_args!("bounds are included: write `..=`, as in `{example}`"));
        return None;
    }
    let mut read = |side: &Option<Box<Expr>>| match side {
        None => Some(None),
        Some(side) => match bound(side) {
            Some(bound) => Some(Some(bound)),
            None => {
                errors.push(side, format_args!("a bound is a number: write `{example}`"));
                None
            }
        },
    };
    let (min, max) = (read(start), read(end));
    let bounds = (min?, max?);
    match bounds {
        (None, None) => errors.push(typed, format_args!("this limits nothing: write `{example}`")),
        (Some(min), Some(max)) if min.value() > max.value() => {
            errors.push(typed, "nothing lies between these bounds: write the smaller one first");
        }
        _ => return Some(bounds),
    }
    None
}

fn bound(expr: &Expr) -> Option<Bound> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok().map(Bound::Integer),
        Expr::Lit(ExprLit { lit: Lit::Float(number), .. }) => {
            number.base10_parse().ok().filter(|number: &f64| number.is_finite()).map(Bound::Number)
        }
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => bound(expr).map(Bound::negated),
        Expr::Group(group) => bound(&group.expr),
        _ => None,
    }
}

impl Bound {
    fn negated(self) -> Self {
        match self {
            Self::Integer(number) => Self::Integer(-number),
            Self::Number(number) => Self::Number(-number),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "only compared")]
    fn value(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Number(number) => number,
        }
    }
}
