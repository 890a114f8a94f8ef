//! `#[model]`: a struct or an enum becomes something that procedures and jobs can receive and send.

mod check;
mod choice;
mod custom;
mod expand;
mod flatten;
mod generics;
mod members;
#[expect(clippy::module_inception, reason = "in every attribute's folder, model.rs says what is meant")]
mod model;
mod newtype;
mod parse;
mod patch;
mod pattern;
#[cfg(test)]
mod tests;
mod union;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Item;

#[cfg(test)]
pub(crate) use parse::{CheckOptions, FieldOptions, Options, VariantOptions};

use crate::{errors::Errors, options};

/// Prints the item with its derives, its schema, and its mistakes if it has some.
pub(crate) fn model(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let typed = options::read(options, &mut errors);
    let Ok(mut parsed) = syn::parse2::<Item>(item.clone()) else {
        errors.push(&item, "a model is a struct or an enum: write `#[model]` above `struct Name { .. }`");
        return quote!(#item #errors);
    };
    let taken = parse::take(&mut parsed);
    match model::Model::new(&typed, &parsed, &taken, &mut errors) {
        Some(model) => {
            let model = expand::model(&model);
            quote!(#model #errors)
        }
        None => {
            let stand_in = expand::stand_in(&parsed);
            quote!(#[allow(dead_code)] #parsed #stand_in #errors)
        }
    }
}
