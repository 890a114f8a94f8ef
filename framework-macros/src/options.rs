//! The options of an attribute, `#[name(option, option = value)]`, read one by one so that each can have its own mistake.

use darling::{FromMeta, ast::NestedMeta};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Expr, ExprLit, Lit, MetaNameValue};

use crate::{
    errors::{Errors, list, nearest},
    signature::source,
};

/// The options of one attribute as they were typed. Each may be missing.
pub(crate) trait Options: FromMeta + Default {
    /// The attribute's name.
    const ATTRIBUTE: &'static str;

    /// Every option as it may be written, its name first.
    const EXAMPLES: &'static [&'static str];

    /// Other names that one may try, and the names of the options that are meant.
    const SYNONYMS: &'static [(&'static str, &'static str)] = &[];
}

/// The options that could be read, and the names of those that were meant but could not.
pub(crate) struct Typed<T> {
    pub(crate) options: T,
    pub(crate) misread: Vec<&'static str>,
}

/// Reads the options. Those that are wrong are reported and left out.
pub(crate) fn read<T: Options>(tokens: TokenStream, errors: &mut Errors) -> Typed<T> {
    let (mut seen, mut misread, mut sound) = (Vec::new(), Vec::new(), Vec::new());
    let items = NestedMeta::parse_meta_list(tokens.clone()).unwrap_or_else(|_| {
        let (items, unreadable) = one_by_one(tokens);
        for typed in unreadable {
            let Unknown { message, meant } = no_option::<T>(&typed);
            errors.push(&typed, message);
            misread.extend(meant);
        }
        items
    });
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
                    let mended = mended::<T>(name, &item);
                    errors.push(&item, format_args!("`{name}` is not written like that: write {mended}"));
                    misread.push(name);
                }
            }
            Err(Unknown { message, meant }) => {
                errors.push(&item, message);
                misread.extend(meant);
            }
        }
    }
    Typed { options: T::from_list(&sound).unwrap_or_default(), misread }
}

/// Takes the options apart at the commas between them, so that one which cannot be read spoils no other. Returns those
/// that can be read, and the tokens of those that cannot.
fn one_by_one(tokens: TokenStream) -> (Vec<NestedMeta>, Vec<TokenStream>) {
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let tokens: Vec<_> = tokens.into_iter().collect();
    let (mut items, mut unreadable) = (Vec::new(), Vec::new());
    for option in tokens.split(is_comma).filter(|option| !option.is_empty()) {
        let option: TokenStream = option.iter().cloned().collect();
        match NestedMeta::parse_meta_list(option.clone()) {
            Ok(read) => items.extend(read),
            Err(_) => unreadable.push(option),
        }
    }
    (items, unreadable)
}

/// What to say about tokens that are no option, such as `tier: "public"`.
fn no_option<T: Options>(tokens: &TokenStream) -> Unknown {
    let words = tokens.clone().into_iter().filter(|token| matches!(token, TokenTree::Ident(_)));
    let meant: Vec<_> = words.filter_map(|word| nearest(&word.to_string(), names::<T>())).collect();
    let (attribute, typed) = (T::ATTRIBUTE, source(tokens));
    let message = match meant[..] {
        [] => format!("`{typed}` is no option: `#[{attribute}]` has {}", list(T::EXAMPLES)),
        [name] => format!("`{typed}` is no option: write `{}`", example::<T>(name)),
        [..] => format!("`{typed}` is more than one option: put a comma between them"),
    };
    Unknown { message, meant }
}

/// What to write instead of an option whose name is right: with or without quotation marks, if that is all, else
/// the example.
fn mended<T: Options>(name: &str, item: &NestedMeta) -> String {
    let value = syn::parse2(item.to_token_stream()).map(|pair: MetaNameValue| pair.value);
    let requoted = match value {
        Ok(Expr::Path(path)) => Some(format!("{name} = \"{}\"", source(&path))),
        Ok(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(format!("{name} = {}", text.value())),
        _ => None,
    };
    let can_be_read = |text: &String| {
        let items = text.parse().ok().and_then(|tokens| NestedMeta::parse_meta_list(tokens).ok());
        items.is_some_and(|items| T::from_list(&items).is_ok())
    };
    match (requoted.filter(can_be_read), example::<T>(name)) {
        (Some(requoted), _) => format!("`{requoted}`"),
        (None, example) if example == name => format!("`{name}` alone"),
        (None, example) => format!("`{example}`"),
    }
}

/// What is wrong with something that is no option, and the names of those that were probably meant.
struct Unknown {
    message: String,
    meant: Vec<&'static str>,
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
            return Err(Unknown { message, meant: names::<T>().collect() });
        }
    };
    let typed = path.to_token_stream().to_string();
    names::<T>().find(|name| *name == typed).ok_or_else(|| {
        let synonym = T::SYNONYMS.iter().find(|(other, _)| *other == typed).map(|(_, name)| *name);
        let nearest = synonym.or_else(|| nearest(&typed, names::<T>()));
        let hint =
            nearest.map_or_else(|| format!("it has {examples}"), |name| format!("did you mean `{name}`?"));
        let message = format!("`#[{attribute}]` has no option `{typed}`; {hint}");
        Unknown { message, meant: Vec::from_iter(nearest) }
    })
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
