//! The attribute macros of `catena`, which re-exports them and documents them there: `framework/src/macros.rs`.

mod docs;
#[cfg(test)]
mod editor_tests;
mod errors;
mod job;
mod model;
mod options;
mod problem;
mod procedure;
mod renamed;
mod signature;
#[cfg(test)]
mod testing;
mod units;

use proc_macro::TokenStream;

#[proc_macro_attribute]
pub fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    renamed::attribute(options.into(), item.into(), model::model).into()
}

#[proc_macro_attribute]
pub fn procedure(options: TokenStream, item: TokenStream) -> TokenStream {
    renamed::attribute(options.into(), item.into(), procedure::procedure).into()
}

#[proc_macro_derive(Problem, attributes(problem))]
pub fn problem(item: TokenStream) -> TokenStream {
    renamed::derive("problem", item.into(), problem::problem).into()
}

#[proc_macro_attribute]
pub fn job(options: TokenStream, item: TokenStream) -> TokenStream {
    renamed::attribute(options.into(), item.into(), job::job).into()
}
