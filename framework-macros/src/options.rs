//! The options of an attribute, `#[name(option, option = value)]`, read one by one so that each can have its own mistake.

use darling::{FromMeta, ast::NestedMeta};
use proc_macro2::TokenStream;
use quote::ToTokens as _;

use crate::errors::{Errors, list, nearest};

/// The options of one attribute as they were typed. Each may be missing.
pub(crate) trait Options: FromMeta + Default {
    /// The attribute's name.
    const ATTRIBUTE: &'static str;

    /// Every option as it may be written, its name first.
    const EXAMPLES: &'static [&'static str];
}

/// The options that could be read, and the names of those that were meant but could not.
pub(crate) struct Typed<T> {
    pub(crate) options: T,
    pub(crate) misread: Vec<&'static str>,
}

/// Reads the options. Those that are wrong are reported and left out.
pub(crate) fn read<T: Options>(tokens: TokenStream, errors: &mut Errors) -> Typed<T> {
    let items = NestedMeta::parse_meta_list(tokens).unwrap_or_else(|error| {
        errors.push_error(error);
        Vec::new()
    });
    let (mut seen, mut misread, mut sound) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match name_of::<T>(&item) {
            Ok(name) if seen.contains(&name) => {
                errors.push(&item, format_args!("`{name}` is given twice: keep one of them"));
            }
            Ok(name) => {
                seen.push(name);
                if T::from_list(std::slice::from_ref(&item)).is_ok() {
                    sound.push(item);
                } else {
                    let example = example::<T>(name);
                    errors.push(&item, format_args!("`{name}` is not written like that: write `{example}`"));
                    misread.push(name);
                }
            }
            Err(Unknown { message, nearest }) => {
                errors.push(&item, message);
                misread.extend(nearest);
            }
        }
    }
    Typed { options: T::from_list(&sound).unwrap_or_default(), misread }
}

/// What is wrong with the name of an option, and the name that was probably meant.
struct Unknown {
    message: String,
    nearest: Option<&'static str>,
}

/// The names of all options.
fn names<T: Options>() -> impl Iterator<Item = &'static str> {
    T::EXAMPLES.iter().map(|example| example.split([' ', '(']).next().unwrap_or_default())
}

fn example<T: Options>(name: &str) -> &'static str {
    names::<T>().zip(T::EXAMPLES).find(|(known, _)| *known == name).map_or("", |(_, example)| example)
}

/// Returns the name of the option that `item` gives.
fn name_of<T: Options>(item: &NestedMeta) -> Result<&'static str, Unknown> {
    let (attribute, examples) = (T::ATTRIBUTE, list(T::EXAMPLES));
    let path = match item {
        NestedMeta::Meta(meta) => meta.path(),
        NestedMeta::NameValueInvalidExpr(pair) => &pair.path,
        NestedMeta::Lit(_) => {
            let message = format!("`#[{attribute}]` takes options by name: {examples}");
            return Err(Unknown { message, nearest: None });
        }
    };
    let typed = path.to_token_stream().to_string();
    names::<T>().find(|name| *name == typed).ok_or_else(|| {
        let nearest = nearest(&typed, names::<T>());
        let hint =
            nearest.map_or_else(|| format!("it has {examples}"), |name| format!("did you mean `{name}`?"));
        Unknown { message: format!("`#[{attribute}]` has no option `{typed}`; {hint}"), nearest }
    })
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
