//! Prints how the fields of an object are read, written and checked.
//!
//! Whatever names a field's type does so by the same path, `<Type as Schema>::..`, at the same place: the compiler then
//! has one and the same thing to say about a type without a schema, and says it once.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::{custom, expand::at_start, model::Field};

/// The methods of `Object` that go through all fields.
pub(super) fn expand(fields: &[Field]) -> TokenStream {
    let (gather, visit, customs) = (gather(fields), visit(fields), customs(fields));
    quote!(#gather #visit #customs)
}

fn gather(fields: &[Field]) -> TokenStream {
    let here = Span::mixed_site();
    let places = fields.iter().map(|_| quote!(__model::None,));
    let settled = fields.iter().enumerate().map(|(at, field)| {
        let (ident, ty, name, place) =
            (&field.ident, at_start(&field.ty), &field.name, Literal::usize_unsuffixed(at));
        let value = match field.default {
            Some(_) => {
                quote_spanned!(here=> places.#place.unwrap_or_else(<Self as __model::DefaultOf<#at>>::value))
            }
            None => quote_spanned!(here=> <#ty as __Schema>::settle(places.#place, #name)?),
        };
        quote!(#ident: #value,)
    });
    let fill = fill(fields);
    // The models whose fields stand in this one are gathered around it, the first of them outermost.
    let flattened = fields.iter().enumerate().rev().filter(|(_, field)| field.flatten);
    let read =
        flattened.fold(quote_spanned!(here=> read(&mut |at, members| { #fill })), |inner, (at, field)| {
            let (ty, place) = (at_start(&field.ty), Literal::usize_unsuffixed(at));
            let fill = filler(at);
            quote_spanned! {here=> {
                places.#place = __model::Some(<#ty as __model::Object>::gather(|#fill| #inner)?);
                __model::Ok(())
            }}
        });
    quote_spanned! {here=>
        fn gather<'de, __A: __serde::de::MapAccess<'de>>(
            read: impl ::core::ops::FnOnce(__model::Fill<'_, 'de, __A>) -> __model::Result<(), __A::Error>,
        ) -> __model::Result<Self, __A::Error> {
            let mut places = (#(#places)*);
            #read?;
            __model::Ok(Self { #(#settled)* })
        }
    }
}

/// Reads the value of the field at the place `at`.
fn fill(fields: &[Field]) -> TokenStream {
    let here = Span::mixed_site();
    let (mut arms, mut before) = (Vec::new(), TokenStream::new());
    for (at, field) in fields.iter().enumerate() {
        let (ty, place) = (at_start(&field.ty), Literal::usize_unsuffixed(at));
        let number = Literal::usize_unsuffixed(arms.len());
        if !field.flatten {
            let fill = quote_spanned!(here=> <#ty as __Schema>::fill(&mut places.#place, members));
            arms.push((number, fill));
            continue;
        }
        let (fill, first) = (filler(at), number);
        let (numbers, fills): (Vec<_>, Vec<_>) = std::mem::take(&mut arms).into_iter().unzip();
        before.extend(quote_spanned! {here=>
            match at {
                #(#numbers => return #fills,)*
                _ => {}
            }
            let (at, count) = (at - #first, <#ty as __model::Object>::OBJECT.fields.len());
            if at < count {
                return #fill(at, members);
            }
            let at = at - count;
        });
    }
    let (numbers, fills): (Vec<_>, Vec<_>) = arms.into_iter().unzip();
    quote_spanned! {here=>
        #before
        match at {
            #(#numbers => #fills,)*
            _ => __model::Ok(false),
        }
    }
}

/// What reads a field of the model that is flattened at a place.
fn filler(at: usize) -> Ident {
    format_ident!("fill_{at}", span = Span::mixed_site())
}

fn visit(fields: &[Field]) -> TokenStream {
    let here = Span::mixed_site();
    let visits = fields.iter().map(|Field { ident, ty, flatten, .. }| {
        let ty = at_start(ty);
        if *flatten {
            quote_spanned!(here=> <#ty as __model::Object>::visit_fields(&self.#ident, visitor))
        } else {
            quote_spanned!(here=> <#ty as __Schema>::visit(&self.#ident, visitor))
        }
    });
    let visits = and(visits);
    quote_spanned! {here=>
        fn visit_fields(&self, visitor: &mut impl __model::FieldVisitor) -> bool {
            #visits
        }
    }
}

fn customs(fields: &[Field]) -> Option<TokenStream> {
    let here = Span::mixed_site();
    let mut calls = fields
        .iter()
        .enumerate()
        .filter_map(|(at, Field { ident, ty, flatten, checks, .. })| {
            if *flatten {
                let ty = at_start(ty);
                return Some(quote_spanned!(here=> <#ty as __model::Object>::passes_customs(&self.#ident)));
            }
            custom::call(at, &quote_spanned!(here=> self.#ident), checks)
        })
        .peekable();
    calls.peek()?;
    let calls = and(calls);
    Some(quote_spanned! {here=>
        fn passes_customs(&self) -> bool {
            #calls
        }
    })
}

/// Whether all hold: also when there are none.
fn and(claims: impl Iterator<Item = TokenStream>) -> TokenStream {
    claims.reduce(|first, next| quote!(#first && #next)).unwrap_or_else(|| quote!(true))
}
