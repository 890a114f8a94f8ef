//! `#[derive(Problem)]`: an enum becomes the errors that a procedure tells apart.

mod expand;
mod model;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

#[cfg(test)]
pub(crate) use parse::Options;

use crate::errors::Errors;

/// Prints the implementations, or the mistakes.
pub(crate) fn problem(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let problem = model::Problem::new(&item, &mut errors);
    if errors.is_empty() {
        let implementations = problem.as_ref().map(expand::implementations);
        quote!(#implementations)
    } else {
        let stand_in = problem.as_ref().map(expand::stand_in);
        quote!(#stand_in #errors)
    }
}
