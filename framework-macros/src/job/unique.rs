//! The options of `unique(..)`, and of what else jobs are told apart by.

use std::time::Duration;

use darling::{FromMeta, ast::NestedMeta};
use proc_macro2::Ident;
use quote::ToTokens as _;
use syn::{Expr, ExprArray, ExprLit, Lit, LitStr, Meta, MetaNameValue};

use crate::{
    errors::{Errors, list, nearest},
    units::duration_up_to,
};

/// The arguments of an option that has some, as they were typed: `unique(..)`, or `unique` alone.
#[derive(Clone, Default)]
pub(crate) struct Arguments(Vec<NestedMeta>);

impl FromMeta for Arguments {
    fn from_word() -> darling::Result<Self> {
        Ok(Self::default())
    }

    fn from_list(items: &[NestedMeta]) -> darling::Result<Self> {
        Ok(Self(items.to_vec()))
    }
}

impl Arguments {
    /// Hands out each argument by its name, one of `examples`; reports those that are none, and those given twice.
    pub(crate) fn each(
        &self,
        option: &str,
        examples: &[&str],
        errors: &mut Errors,
        mut take: impl FnMut(&str, &Expr, &mut Errors),
    ) {
        let names = || examples.iter().map(|example| example.split(' ').next().unwrap_or_default());
        let mut seen = Vec::new();
        for item in &self.0 {
            let NestedMeta::Meta(Meta::NameValue(MetaNameValue { path, value, .. })) = item else {
                errors.push(item, format_args!("`{option}` takes {}", list(examples)));
                continue;
            };
            let typed = path.to_token_stream().to_string();
            match names().find(|name| *name == typed) {
                Some(name) if seen.contains(&name) => {
                    errors.push(item, format_args!("`{name}` is given twice: keep one of them"));
                }
                Some(name) => {
                    seen.push(name);
                    take(name, value, errors);
                }
                None => {
                    let hint = nearest(&typed, names()).map_or_else(
                        || format!("it takes {}", list(examples)),
                        |name| format!("did you mean `{name}`?"),
                    );
                    errors.push(path, format_args!("`{option}` has no `{typed}`; {hint}"));
                }
            }
        }
    }
}

/// Reads `by = [to, template]`, fields of the job's arguments.
pub(crate) fn fields(typed: &Expr, errors: &mut Errors) -> Vec<Ident> {
    let elements = match typed {
        Expr::Array(ExprArray { elems, .. }) if !elems.is_empty() => elems,
        _ => {
            errors.push(typed, "`by` takes fields of the arguments in brackets: write `by = [to, template]`");
            return Vec::new();
        }
    };
    let mut fields: Vec<Ident> = Vec::new();
    for element in elements {
        let field = match element {
            Expr::Path(path) => path.path.get_ident(),
            _ => None,
        };
        match field {
            Some(field) if fields.contains(field) => {
                errors.push(field, format_args!("`{field}` is named twice: keep one of them"));
            }
            Some(field) => fields.push(field.clone()),
            None => errors.push(
                element,
                "`by` takes the names of fields, without quotation marks: write `by = [to, template]`",
            ),
        }
    }
    fields
}

/// How jobs that are alike are kept to one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unique {
    /// The fields that make jobs alike; all arguments if there are none.
    pub(crate) by: Vec<Ident>,
    pub(crate) within: Option<Duration>,
    pub(crate) until_start: bool,
    pub(crate) replaces: bool,
}

const LONGEST_WITHIN: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Unique {
    const EXAMPLES: &[&str] =
        &["by = [to, template]", "within = \"1h\"", "until = \"start\"", "conflict = \"replace\""];

    /// Reads what was typed and reports its mistakes.
    pub(crate) fn new(typed: &Arguments, errors: &mut Errors) -> Self {
        let mut unique = Self { by: Vec::new(), within: None, until_start: false, replaces: false };
        typed.each("unique", Self::EXAMPLES, errors, |name, value, errors| match name {
            "by" => unique.by = fields(value, errors),
            "within" => unique.within = text(name, value, errors).and_then(|text| within(text, errors)),
            "until" => unique.until_start = choice(name, value, ["finish", "start"], errors),
            _ => unique.replaces = choice(name, value, ["keep", "replace"], errors),
        });
        unique
    }
}

fn within(typed: &LitStr, errors: &mut Errors) -> Option<Duration> {
    let message = "a job is unique for `1ms` to `366d`: write `within = \"1h\"`";
    duration_up_to(LONGEST_WITHIN, message, typed, errors)
}

fn text<'a>(name: &str, typed: &'a Expr, errors: &mut Errors) -> Option<&'a LitStr> {
    match typed {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        other => {
            errors.push(other, format_args!("`{name}` takes a text: write it in quotation marks"));
            None
        }
    }
}

/// Whether the second of two words was typed; the first is what goes without saying.
fn choice(name: &str, typed: &Expr, words: [&str; 2], errors: &mut Errors) -> bool {
    let Some(typed) = text(name, typed, errors) else { return false };
    let value = typed.value();
    if !words.contains(&&value[..]) {
        let hint = nearest(&value, words).map_or_else(
            || format!("write `{name} = \"{}\"` or `{name} = \"{}\"`", words[0], words[1]),
            |word| format!("did you mean `{word}`?"),
        );
        errors.push(typed, format_args!("there is no `{name} = \"{value}\"`: {hint}"));
    }
    value == words[1]
}
