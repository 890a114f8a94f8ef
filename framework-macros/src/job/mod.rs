//! `#[job]`: an async function becomes a background job.

mod backoff;
mod concurrency;
mod expand;
mod model;
mod parse;
mod schedule;
#[cfg(test)]
mod tests;
mod unique;

use proc_macro2::TokenStream;
use quote::quote;

#[cfg(test)]
pub(crate) use parse::Options;

use crate::{errors::Errors, options};

/// Prints the function and what stands beside it, or the function and its mistakes.
pub(crate) fn job(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let typed = options::read(options, &mut errors);
    let job = model::Job::new(&typed, &item, &mut errors);
    if errors.is_empty() {
        let companion = job.as_ref().map(expand::companion);
        quote!(#item #companion)
    } else {
        let stand_in = job.as_ref().map(expand::stand_in);
        quote!(#[allow(dead_code)] #item #stand_in #errors)
    }
}
