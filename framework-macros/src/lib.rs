//! The attribute macros of `catena`, which re-exports them and documents them there: `framework/src/macros.rs`.

mod docs;
mod errors;
mod job;
mod model;
mod options;
mod problem;
mod procedure;
mod signature;
#[cfg(test)]
mod testing;
mod units;

use proc_macro::TokenStream;

#[proc_macro_attribute]
pub fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    model::model(options.into(), item.into()).into()
}

#[proc_macro_attribute]
pub fn procedure(options: TokenStream, item: TokenStream) -> TokenStream {
    procedure::procedure(options.into(), item.into()).into()
}

#[proc_macro_derive(Problem, attributes(problem))]
pub fn problem(item: TokenStream) -> TokenStream {
    problem::problem(item.into()).into()
}

#[proc_macro_attribute]
pub fn job(options: TokenStream, item: TokenStream) -> TokenStream {
    job::job(options.into(), item.into()).into()
}
