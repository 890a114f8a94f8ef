//! What a use of `#[derive(Problem)]` means, and its rules.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Data, DeriveInput, Fields, LitInt, LitStr, Meta};

use super::parse::Options;
use crate::{
    docs,
    errors::Errors,
    options::{self, Typed},
};

const OTHER: &str = "#[problem(other)] Other(catena::Error)";

pub(crate) struct Problem {
    pub(crate) name: Ident,
    pub(crate) kinds: Vec<Kind>,
    /// The variant for everything else; there is one unless there are mistakes.
    pub(crate) other: Option<Ident>,
}

/// A variant with a code of its own.
pub(crate) struct Kind {
    pub(crate) variant: Ident,
    /// Whether the variant holds what the caller is told.
    pub(crate) holds_detail: bool,
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) title: String,
    /// What the caller is told unless the variant holds it.
    pub(crate) detail: String,
}

impl Problem {
    /// Reads a use and reports its mistakes; `None` for what cannot be an error at all.
    pub(crate) fn new(item: &TokenStream, errors: &mut Errors) -> Option<Self> {
        let item: DeriveInput = syn::parse2(item.clone()).map_err(|error| errors.push_error(error)).ok()?;
        let Data::Enum(data) = &item.data else {
            let message =
                format!("the errors of a procedure are an enum: write `enum {} {{ .. }}`", item.ident);
            errors.push(&item.ident, message);
            return None;
        };
        if !item.generics.params.is_empty() {
            errors.push(
                &item.generics,
                "the errors of a procedure have no generics: write the types that are meant",
            );
            return None;
        }
        let mut problem = Self { name: item.ident, kinds: Vec::new(), other: None };
        for variant in &data.variants {
            problem.read(variant, errors);
        }
        if problem.other.is_none() {
            let message = format!("`?` needs a variant for all other errors: add `{OTHER}`");
            errors.push(&problem.name, message);
        }
        Some(problem)
    }

    fn read(&mut self, variant: &syn::Variant, errors: &mut Errors) {
        let name = &variant.ident;
        let Some(attribute) = variant.attrs.iter().find(|attribute| attribute.path().is_ident("problem"))
        else {
            let message = format!(
                "say what `{name}` answers with: write `#[problem(status = 409, code = \"..\")]` above it"
            );
            errors.push(name, message);
            return;
        };
        let tokens = match &attribute.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let before = errors.len();
        let Typed { options, misread } = options::read::<Options>(tokens, errors);
        let fields = match &variant.fields {
            Fields::Unit => Some(0),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => Some(1),
            _ => None,
        };
        if options.other.is_present() || misread == ["other"] {
            if fields != Some(1) {
                errors.push(
                    variant,
                    format_args!("the variant for all other errors holds one: write `{OTHER}`"),
                );
            } else if self.other.is_some() {
                errors.push(variant, "there is a variant for all other errors already: remove this one");
            }
            self.other.get_or_insert_with(|| name.clone());
            return;
        }
        if fields.is_none() {
            let message = format!("`{name}` holds at most what the caller is told: write `{name}(String)`");
            errors.push(&variant.fields, message);
        }
        let missing = |option: &str| !misread.contains(&option);
        let status = match &options.status {
            Some(typed) => status(typed, errors),
            None => {
                if missing("status") && errors.len() == before {
                    errors.push(name, format_args!("`{name}` has no status: write `status = 409`"));
                }
                None
            }
        };
        let code = match &options.code {
            Some(typed) => self.code(typed, errors),
            None => {
                if missing("code") && errors.len() == before {
                    errors
                        .push(name, format_args!("`{name}` has no code: write `code = \"{}\"`", snake(name)));
                }
                None
            }
        };
        let code = code.unwrap_or_else(|| snake(name));
        let title = options.title.as_ref().map_or_else(|| sentence(&code), LitStr::value);
        let (summary, _) = docs::split(&docs::text(&variant.attrs));
        self.kinds.push(Kind {
            variant: name.clone(),
            holds_detail: fields == Some(1),
            status: status.unwrap_or(400),
            detail: if summary.is_empty() { title.clone() } else { summary },
            code,
            title,
        });
    }

    fn code(&self, typed: &LitStr, errors: &mut Errors) -> Option<String> {
        let code = typed.value();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !code.starts_with(|first: char| first.is_ascii_lowercase()) || !code.chars().all(is_plain) {
            let example = snake(&Ident::new("TaskDone", Span::call_site()));
            errors.push(
                typed,
                format_args!("a code has small letters, digits and `_`: write `code = \"{example}\"`"),
            );
            return None;
        }
        if let Some(first) = self.kinds.iter().find(|kind| kind.code == code) {
            errors.push(
                typed,
                format_args!("`{}` has the code `{code}` already: give each its own", first.variant),
            );
        }
        Some(code)
    }
}

fn status(typed: &LitInt, errors: &mut Errors) -> Option<u16> {
    let status = typed.base10_parse().ok().filter(|status| (400..=599).contains(status));
    if status.is_none() {
        errors.push(typed, "the status of an error is from 400 to 599: write `status = 409`");
    }
    status
}

/// `TaskDone` as `task_done`.
fn snake(name: &Ident) -> String {
    let mut text = String::new();
    for c in name.to_string().chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(c.to_lowercase());
    }
    text
}

/// `task_done` as `Task done`.
fn sentence(code: &str) -> String {
    let text = code.replace('_', " ");
    let mut characters = text.chars();
    characters.next().into_iter().flat_map(char::to_uppercase).chain(characters).collect()
}
