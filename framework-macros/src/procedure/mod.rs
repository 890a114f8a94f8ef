//! `#[procedure]`: an async function becomes an operation of the API.

mod arguments;
mod expand;
mod model;
mod parse;
mod path;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

#[cfg(test)]
pub(crate) use parse::Options;

use crate::{errors::Errors, options};

/// Prints the function and what stands beside it, or the function and its mistakes.
pub(crate) fn procedure(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let typed = options::read(options, &mut errors);
    let procedure = model::Procedure::new(&typed, &item, &mut errors);
    let item = arguments::without_docs(item);
    if errors.is_empty() {
        let companion = procedure.as_ref().map(expand::companion);
        quote!(#item #companion)
    } else {
        let stand_in = procedure.as_ref().map(expand::stand_in);
        quote!(#[allow(dead_code)] #item #stand_in #errors)
    }
}
