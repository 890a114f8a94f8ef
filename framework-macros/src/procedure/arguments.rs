//! Doc comments on arguments. An argument that stands in the path is described by its own: the API's document has no
//! other place to take that from. The compiler allows none, so they are taken off the function that is printed.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::{FnArg, ItemFn, Pat, ext::IdentExt as _};

use crate::errors::Errors;

/// Reports doc comments on what does not stand in the path.
pub(super) fn check_docs(function: &ItemFn, in_path: &[String], errors: &mut Errors) {
    let is_in_path = |pattern: &Pat| matches!(pattern, Pat::Ident(name) if in_path.contains(&name.ident.unraw().to_string()));
    for argument in &function.sig.inputs {
        let FnArg::Typed(argument) = argument else { continue };
        let mut docs = argument.attrs.iter().filter(|attribute| attribute.path().is_ident("doc"));
        if let Some(doc) = docs.next()
            && !is_in_path(&argument.pat)
        {
            let message = "only an argument that stands in the path is described here: remove this, and describe an \
                           input where its `#[model]` is";
            errors.push(doc, message);
        }
    }
}

/// The function without the doc comments on its arguments.
pub(super) fn without_docs(item: TokenStream) -> TokenStream {
    let mut is_past_name = false;
    let tokens = item.into_iter().map(|token| match token {
        TokenTree::Ident(word) => {
            is_past_name |= word == "fn";
            TokenTree::Ident(word)
        }
        TokenTree::Group(arguments) if is_past_name && arguments.delimiter() == Delimiter::Parenthesis => {
            is_past_name = false;
            let mut bare = Group::new(Delimiter::Parenthesis, bare(arguments.stream()));
            bare.set_span(arguments.span());
            TokenTree::Group(bare)
        }
        other => other,
    });
    tokens.collect()
}

/// The arguments without their doc comments: each is a `#` and a `[doc = ".."]`.
fn bare(arguments: TokenStream) -> TokenStream {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let is_doc = |at: usize| {
        matches!(arguments.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == '#')
            && matches!(arguments.get(at + 1), Some(TokenTree::Group(group)) if names_doc(group))
    };
    let is_of_doc = |at: usize| is_doc(at) || at > 0 && is_doc(at - 1);
    (0..arguments.len()).filter(|&at| !is_of_doc(at)).map(|at| arguments[at].clone()).collect()
}

fn names_doc(attribute: &Group) -> bool {
    attribute.delimiter() == Delimiter::Bracket
        && matches!(attribute.stream().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}
