//! Enums whose variants are strings on the wire.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Fields, Ident, ItemEnum};

use super::{
    model::{no_serde, options_of},
    newtype::{Column, column, no_table},
    parse::{Options, Taken, VariantOptions},
};
use crate::{docs, errors::Errors, options::Typed, signature::conditions};

pub(crate) struct Choice {
    item: ItemEnum,
    conditions: Vec<Attribute>,
    doc: String,
    column: Option<Column>,
    /// The variants and what each is on the wire.
    variants: Vec<(Ident, String)>,
}

impl Choice {
    /// Reads an enum and reports its mistakes; `None` if its variants are no strings.
    pub(crate) fn new(
        typed: &Typed<Options>,
        item: &ItemEnum,
        taken: &Taken,
        errors: &mut Errors,
    ) -> Option<Self> {
        let before = errors.len();
        if item.variants.is_empty() {
            errors.push(&item.ident, "a value of an enum is one of its variants, and this has none: add one");
        }
        let mut variants: Vec<(Ident, String)> = Vec::new();
        for (variant, taken) in item.variants.iter().zip(&taken.parts) {
            if !matches!(variant.fields, Fields::Unit) {
                errors.push(
                    &variant.fields,
                    "a variant is a string and holds nothing: remove this, or write `#[model(tag = \"type\")]` to make each an object",
                );
            }
            let VariantOptions { rename } = options_of(taken, errors);
            let value = rename.unwrap_or_else(|| snake_case(&variant.ident.to_string()));
            if let Some((other, _)) = variants.iter().find(|(_, other)| *other == value) {
                let message = format!(
                    "`{value}` is `{other}` already: give this another by `#[model(rename = \"..\")]`"
                );
                errors.push(&variant.ident, message);
            }
            misplaced(taken, errors);
            variants.push((variant.ident.clone(), value));
        }
        misplaced(&taken.item, errors);
        no_serde(item.attrs.iter().chain(item.variants.iter().flat_map(|variant| &variant.attrs)), errors);
        no_table(typed, "an enum", errors);
        (errors.len() == before).then(|| Self {
            conditions: conditions(&item.attrs),
            doc: docs::text(&item.attrs),
            column: Column::new(typed),
            item: item.clone(),
            variants,
        })
    }

    /// The enum, its strings, and its schema.
    pub(crate) fn expand(&self) -> TokenStream {
        let Self { item, conditions, doc, column: in_table, variants } = self;
        let ident = &item.ident;
        let name = ident.to_string();
        let values: Vec<_> = variants.iter().map(|(_, value)| value).collect();
        let names: Vec<_> = variants.iter().map(|(variant, _)| variant).collect();
        let places = 0..values.len();
        let (derives, columns) = column(
            in_table.as_ref(),
            ident,
            &quote!(__model::Choice::value(self).as_bytes()),
            None,
            &quote!(__model::choice_from_sql(bytes.as_bytes())),
        );
        quote! {
            #derives
            #item
            #(#conditions)*
            const _: () = {
                use ::catena::__private::{model as __model, serde as __serde};
                static __CHOICE: __model::ChoiceShape =
                    __model::ChoiceShape { name: #name, doc: #doc, values: <#ident as __model::Choice>::VALUES };

                impl __model::Choice for #ident {
                    const VALUES: &'static [&'static str] = &[#(#values),*];

                    fn value(&self) -> &'static str {
                        match self {
                            #(Self::#names => #values,)*
                        }
                    }

                    fn at(place: usize) -> ::core::option::Option<Self> {
                        match place {
                            #(#places => ::core::option::Option::Some(Self::#names),)*
                            _ => ::core::option::Option::None,
                        }
                    }
                }

                impl __model::Schema for #ident {
                    type Kind = __model::Own;

                    fn shape() -> __model::Shape {
                        __model::Shape::Choice(&__CHOICE)
                    }

                    fn read<'de, D: __serde::Deserializer<'de>>(deserializer: D) -> ::core::result::Result<Self, D::Error> {
                        __model::read_choice(deserializer)
                    }

                    fn write<S: __serde::Serializer>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error> {
                        serializer.serialize_str(__model::Choice::value(self))
                    }
                }

                impl __model::Wraps for #ident {
                    type Inner = ::std::string::String;
                }

                ::catena::__private::poem_model!(#ident);
                #columns
            };
        }
    }
}

/// Reports attributes that stand on a field.
pub(crate) fn misplaced(taken: &[Attribute], errors: &mut Errors) {
    for attribute in taken.iter().filter(|attribute| !attribute.path().is_ident("model")) {
        let name = crate::signature::source(attribute.path());
        errors.push(attribute, format_args!("`#[{name}]` stands on a field of a struct: remove it here"));
    }
}

/// `InProgress` as `in_progress`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(character.to_lowercase());
    }
    text
}
