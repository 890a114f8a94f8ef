//! A `catena` that goes by another name: `crate = chain`, an option of every attribute.
//!
//! Expansions name the crate `::catena`. Here, and nowhere else, that becomes what the option says.

use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{
    DeriveInput, Lit, LitStr, Meta, Path, Token,
    ext::IdentExt as _,
    parse::{ParseStream, Parser as _},
};

use crate::errors::Errors;

/// Expands `#[name(options)]`; `crate` is no option that `expand` gets to see.
pub(crate) fn attribute(
    options: TokenStream,
    item: TokenStream,
    expand: fn(TokenStream, TokenStream) -> TokenStream,
) -> TokenStream {
    let mut errors = Errors::default();
    let (name, options) = take(options, &mut errors);
    let expansion = renamed(expand(options, item), name.as_ref());
    quote!(#expansion #errors)
}

/// Expands a derive, whose option stands in an attribute of this name above the item.
pub(crate) fn derive(
    attribute: &str,
    item: TokenStream,
    expand: fn(TokenStream) -> TokenStream,
) -> TokenStream {
    let mut errors = Errors::default();
    let above = syn::parse2(item.clone()).map(|item: DeriveInput| item.attrs).unwrap_or_default();
    let options = above.into_iter().filter_map(|above| match above.meta {
        Meta::List(list) if list.path.is_ident(attribute) => Some(list.tokens),
        _ => None,
    });
    let (name, _) = take(quote!(#(#options),*), &mut errors);
    let expansion = renamed(expand(item), name.as_ref());
    quote!(#expansion #errors)
}

/// Takes `crate = path` out of the options. They need not be readable: each ends at a comma.
fn take(options: TokenStream, errors: &mut Errors) -> (Option<Path>, TokenStream) {
    let (mut names, mut rest) = (Vec::new(), Vec::new());
    let options: Vec<_> = options.into_iter().collect();
    for option in options.split_inclusive(|token| is_punct(token, ',')) {
        if !matches!(option, [TokenTree::Ident(name), ..] if name == "crate") {
            rest.extend_from_slice(option);
            continue;
        }
        let typed: TokenStream = option.iter().filter(|token| !is_punct(token, ',')).cloned().collect();
        match option_crate.parse2(typed.clone()) {
            Ok(_) if !names.is_empty() => errors.push(&typed, "`crate` is given twice: keep one of them"),
            Ok(path) => names.push(path),
            Err(_) => errors.push(&typed, "`crate` is not written like that: write `crate = chain`"),
        }
    }
    (names.pop(), rest.into_iter().collect())
}

/// `crate = chain`, `crate = ::chain` or `crate = "chain"`. A `$crate` could not be written for serde, and is refused.
fn option_crate(input: ParseStream<'_>) -> syn::Result<Path> {
    Ident::parse_any(input)?;
    input.parse::<Token![=]>()?;
    let path = if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)?
    } else {
        Path::parse_mod_style(input)?
    };
    if path.segments.iter().any(|segment| segment.ident == "$crate") {
        return Err(input.error("`$crate`"));
    }
    Ok(path)
}

fn renamed(expansion: TokenStream, name: Option<&Path>) -> TokenStream {
    match name {
        Some(name) => in_tokens(expansion, name),
        None => expansion,
    }
}

/// Writes `name` instead of each `::catena` that begins a path and was printed by us.
fn in_tokens(tokens: TokenStream, name: &Path) -> TokenStream {
    let mut written: Vec<TokenTree> = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let is_attribute = written.last().is_some_and(|before| is_punct(before, '#'));
                let inner = if is_attribute && is_serde(&group) {
                    in_texts(group.stream(), name)
                } else {
                    in_tokens(group.stream(), name)
                };
                written.push(regrouped(&group, inner));
            }
            TokenTree::Ident(ident) if ident == "catena" && begins_path(&written) && !is_typed(&ident) => {
                written.truncate(written.len() - 2);
                let name = name.to_token_stream().into_iter().map(|mut token| {
                    // As everything else that is printed: lints leave it alone.
                    token.set_span(ident.span());
                    token
                });
                written.extend(name);
            }
            token => written.push(token),
        }
    }
    written.into_iter().collect()
}

/// Whether an identifier after these tokens is the first of an absolute path.
fn begins_path(before: &[TokenTree]) -> bool {
    let [before @ .., first, second] = before else { return false };
    is_punct(first, ':')
        && is_punct(second, ':')
        && match before {
            // A keyword such as `as` is no segment, `self` is one.
            [.., TokenTree::Ident(segment)] => {
                Path::parse_mod_style.parse2(segment.to_token_stream()).is_err()
            }
            // `->` and `=>` do not end a type.
            [.., arrow, end] if is_punct(end, '>') => is_punct(arrow, '-') || is_punct(arrow, '='),
            _ => true,
        }
}

/// Whether the identifier was written by the user: what an expansion prints stands at the place of something else.
fn is_typed(ident: &Ident) -> bool {
    ident.span().source_text().is_some_and(|text| ident == &text)
}

fn is_serde(attribute: &Group) -> bool {
    attribute.delimiter() == Delimiter::Bracket
        && matches!(attribute.stream().into_iter().next(), Some(TokenTree::Ident(path)) if path == "serde")
}

/// Writes `name` in the paths that serde gets as texts. There, what users have typed is told by what follows: they name
/// nothing private.
fn in_texts(tokens: TokenStream, name: &Path) -> TokenStream {
    let texts = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => regrouped(&group, in_texts(group.stream(), name)),
        TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
            Lit::Str(text) => {
                let mut text = Literal::string(&in_text(&text.value(), name));
                text.set_span(literal.span());
                text.into()
            }
            _ => literal.into(),
        },
        token => token,
    });
    texts.collect()
}

fn in_text(text: &str, name: &Path) -> String {
    let name = name.to_token_stream().to_string().replace(' ', "");
    ["::__private::", "::Patch::is_unchanged"].iter().fold(text.to_owned(), |text, rest| {
        text.replace(&format!("::catena{rest}"), &format!("{name}{rest}"))
    })
}

fn regrouped(group: &Group, inner: TokenStream) -> TokenTree {
    let mut regrouped = Group::new(group.delimiter(), inner);
    regrouped.set_span(group.span());
    regrouped.into()
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

#[cfg(test)]
#[path = "renamed_tests.rs"]
mod tests;
