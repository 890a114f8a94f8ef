//! `custom`: a function of the application checks a field.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, Type, spanned::Spanned as _};

use super::{check::Check, expand::at_start, generics::Parameters, model::Field};

fn functions(checks: &[Check]) -> impl Iterator<Item = &Path> {
    checks.iter().filter_map(|check| if let Check::Custom(function) = check { Some(function) } else { None })
}

/// Whether a function is among the checks.
pub(super) fn is_there(checks: &[Check]) -> bool {
    functions(checks).next().is_some()
}

/// What the functions say about the field of type `ty` at the place `at` of a model: the first that refuses it.
pub(super) fn implementation(
    model: &TokenStream,
    parameters: &Parameters,
    at: usize,
    ty: &Type,
    optional: bool,
    checks: &[Check],
) -> Option<TokenStream> {
    let refusals = functions(checks).map(|function| {
        // The call is the user's: what is wrong with it is said at the function's name.
        let place = Span::mixed_site().located_at(function.span());
        let call = quote_spanned!(place=> __model::refusal(#function(value)));
        if optional { quote_spanned!(place=> value.as_ref().and_then(|value| #call)) } else { call }
    });
    let refusal = refusals.reduce(|first, next| quote!(#first.or_else(|| #next)))?;
    let value = Ident::new("value", Span::mixed_site());
    let (bounded, clause) = parameters.bounded(None);
    Some(quote! {
        impl<#bounded> __model::CustomOf<#at> for #model #clause {
            type Value = #ty;

            fn refusal(
                #value: &#ty,
            ) -> ::core::option::Option<::std::borrow::Cow<'static, ::core::primitive::str>> {
                #refusal
            }
        }
    })
}

/// Whether the functions have nothing against a value of the model at hand.
pub(super) fn call(at: usize, value: &TokenStream, checks: &[Check]) -> Option<TokenStream> {
    is_there(checks).then(|| quote!(<Self as __model::CustomOf<#at>>::refusal(&#value).is_none()))
}

/// The rules across the fields of a model, and of those models whose fields stand in it.
pub(super) fn rules(model: &TokenStream, fields: &[Field]) -> TokenStream {
    let flattened = fields.iter().filter(|field| field.flatten).map(|field| {
        let ty = at_start(&field.ty);
        quote!(| <#ty as __model::Object>::OBJECT.rules.is_some())
    });
    quote!(__model::rules::<#model>(<__model::Checked<#model>>::IMPLEMENTED #(#flattened)*))
}
