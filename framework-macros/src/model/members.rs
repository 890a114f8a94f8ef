//! Prints how the fields of an object are read, written and checked.
//!
//! Whatever names a field's type does so by the same path, `<Type as Schema>::..`, at the same place: the compiler then
//! has one and the same thing to say about a type without a schema, and says it once.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::{custom, expand::at_start, flatten, model::Field};

/// The methods of `Object` that go through all fields.
pub(super) fn expand(fields: &[Field]) -> TokenStream {
    let (gather, put, sound) = (gather(fields), put(fields), sound(fields));
    quote!(#gather #put #sound)
}

fn gather(fields: &[Field]) -> TokenStream {
    let here = Span::mixed_site();
    let places = fields.iter().map(|_| quote!(::core::option::Option::None,));
    let settled = fields.iter().enumerate().map(|(at, field)| {
        let (ident, ty, name, place) =
            (&field.ident, at_start(&field.ty), &field.name, Literal::usize_unsuffixed(at));
        let value = match field.default {
            Some(_) => {
                quote_spanned!(here=> places.#place.unwrap_or_else(<Self as __model::DefaultOf<#at>>::value))
            }
            None => quote_spanned!(here=> <#ty as __model::Schema>::settle(places.#place, #name)?),
        };
        quote!(#ident: #value,)
    });
    let fill = fill(fields);
    // The models whose fields stand in this one are gathered around it, the first of them outermost.
    let flattened = fields.iter().enumerate().rev().filter(|(_, field)| field.flatten);
    let read = flattened.fold(quote_spanned!(here=> read(&mut |at, members| { #fill })), |inner, (at, field)| {
        let (ty, place) = (at_start(&field.ty), Literal::usize_unsuffixed(at));
        let fill = filler(at);
        quote_spanned! {here=> {
            places.#place = ::core::option::Option::Some(<#ty as __model::Object>::gather(|#fill| #inner)?);
            ::core::result::Result::Ok(())
        }}
    });
    quote_spanned! {here=>
        fn gather<'de, __A: __serde::de::MapAccess<'de>>(
            read: impl ::core::ops::FnOnce(__model::Fill<'_, 'de, __A>) -> ::core::result::Result<(), __A::Error>,
        ) -> ::core::result::Result<Self, __A::Error> {
            let mut places = (#(#places)*);
            #read?;
            ::core::result::Result::Ok(Self { #(#settled)* })
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
            let fill = quote_spanned!(here=> <#ty as __model::Schema>::fill(&mut places.#place, members));
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
            _ => ::core::result::Result::Ok(false),
        }
    }
}

/// What reads a field of the model that is flattened at a place.
fn filler(at: usize) -> Ident {
    format_ident!("fill_{at}", span = Span::mixed_site())
}

fn put(fields: &[Field]) -> TokenStream {
    let here = Span::mixed_site();
    let put = fields.iter().map(|Field { ident, ty, name, flatten, .. }| {
        let ty = at_start(ty);
        if *flatten {
            quote_spanned!(here=> <#ty as __model::Object>::put_fields(&self.#ident, object);)
        } else {
            quote_spanned!(here=> <#ty as __model::Schema>::put(&self.#ident, #name, object);)
        }
    });
    quote_spanned! {here=>
        fn put_fields<__S: __serde::ser::SerializeStruct>(&self, object: &mut __model::Writer<__S>) {
            #(#put)*
        }
    }
}

fn sound(fields: &[Field]) -> TokenStream {
    let here = Span::mixed_site();
    let pass = fields.iter().enumerate().map(|(at, Field { ident, ty, flatten, .. })| {
        let ty = at_start(ty);
        if *flatten {
            return quote_spanned!(here=> <#ty as __model::Object>::is_sound(&self.#ident));
        }
        let at = flatten::index(fields, at);
        quote_spanned!(here=> <#ty as __model::Schema>::fits(&self.#ident, &fields[#at]))
    });
    let custom = fields.iter().enumerate().filter_map(|(at, Field { ident, checks, .. })| {
        custom::call(at, &quote_spanned!(here=> self.#ident), checks)
    });
    let described = (!fields.is_empty())
        .then(|| quote_spanned!(here=> let fields = <Self as __model::Object>::OBJECT.fields;));
    quote_spanned! {here=>
        fn is_sound(&self) -> bool {
            #described
            #(#pass &&)* #(#custom &&)* <__model::Checked<Self>>::passes(self)
        }
    }
}
