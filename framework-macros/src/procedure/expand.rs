//! Prints what stands beside a procedure's function.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ext::IdentExt as _, spanned::Spanned as _};

use super::model::{Method, Procedure, Settings, Tier};
use crate::{
    signature::{Argument, Signature},
    units,
};

/// The description of the procedure, its entry in the registry, and the struct that carries its types.
pub(crate) fn companion(procedure: &Procedure) -> TokenStream {
    let Procedure { signature, method, tier, settings, summary, description, .. } = procedure;
    let Signature { name, output, error, .. } = signature;
    let function = name.unraw().to_string();
    let tier = self::tier(*tier);
    let method = match method {
        Method::Get => quote!(GET),
        Method::Post => quote!(POST),
        Method::Put => quote!(PUT),
        Method::Patch => quote!(PATCH),
        Method::Delete => quote!(DELETE),
    };
    let settings = self::settings(settings);
    let path = signature.path_arguments().map(|(name, Argument { doc, ty, .. })| {
        let shape = quote!(<#ty as __procedure::PathArgument>::SHAPE);
        quote!(__procedure::PathParameter { name: #name, doc: #doc, shape: #shape })
    });
    let input = match signature.input() {
        Some(input) => quote!(::core::option::Option::Some(<#input as __procedure::Schema>::shape)),
        None => quote!(::core::option::Option::None),
    };
    let parameters = signature.input().filter(|_| matches!(procedure.method, Method::Get)).map(|input| {
        let place = Span::mixed_site().located_at(input.span());
        let parameters =
            quote_spanned!(place=> __procedure::parameters(<#input as __procedure::Schema>::PARAMETERS));
        quote!(const _: () = #parameters;)
    });
    let problems = match error {
        Some(error) => quote!(<#error as __procedure::Problem>::CODES),
        None => quote!(&[]),
    };
    let call = call(signature);
    let registration = quote! {
        static __PROCEDURE: __procedure::Procedure = __procedure::Procedure {
            module: ::core::module_path!(),
            function: #function,
            file: ::core::file!(),
            line: ::core::line!(),
            method: __procedure::Method::#method,
            tier: __procedure::Tier::#tier,
            settings: #settings,
            summary: #summary,
            description: #description,
            path: &[#(#path),*],
            input: #input,
            output: <#output as __procedure::Output>::answer,
            problems: #problems,
            call: #call,
        };
        ::catena::__private::inventory::submit! { __procedure::Entry(&__PROCEDURE) }
        #parameters
    };
    with_struct(procedure, &registration, &quote!(&__PROCEDURE))
}

/// The struct alone, for a procedure with mistakes: what names it shall not fail as well.
pub(crate) fn stand_in(procedure: &Procedure) -> TokenStream {
    with_struct(procedure, &TokenStream::new(), &quote!(::core::unreachable!()))
}

/// The name of the tier, as a value and as a type.
fn tier(tier: Tier) -> TokenStream {
    match tier {
        Tier::Public => quote!(Public),
        Tier::Auth => quote!(Auth),
        Tier::Protected => quote!(Protected),
    }
}

/// What differs from the defaults, beside them.
fn settings(settings: &Settings) -> TokenStream {
    let Settings { path, id, tag, timeout, body_limit, limit, deprecated, hidden } = settings;
    let mut members = Vec::new();
    for (name, text) in [("path", path), ("id", id), ("tag", tag)] {
        let name = Ident::new(name, Span::call_site());
        members.extend(text.as_ref().map(|text| quote!(#name: ::core::option::Option::Some(#text))));
    }
    members.extend(timeout.map(|timeout| {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        quote!(timeout: ::core::option::Option::Some(::core::time::Duration::from_millis(#ms)))
    }));
    members.extend(body_limit.map(|bytes| quote!(body_limit: ::core::option::Option::Some(#bytes))));
    members.extend(limit.map(|units::Quota { count, window_ms }| {
        quote!(limit: ::core::option::Option::Some(__procedure::Quota::new(#count, #window_ms)))
    }));
    members.extend(deprecated.then(|| quote!(deprecated: true)));
    members.extend(hidden.then(|| quote!(hidden: true)));
    match members.len() {
        0 => quote!(__procedure::Settings::DEFAULT),
        // Clippy minds defaults of which none is left.
        8 => quote!(__procedure::Settings { #(#members),* }),
        _ => quote!(__procedure::Settings { #(#members,)* ..__procedure::Settings::DEFAULT }),
    }
}

/// The adapter from a request to the function. An error in its types is shown at them, any other at the name.
fn call(signature: &Signature) -> TokenStream {
    let Signature { name, context, arguments, output, error, .. } = signature;
    let at = |span: Span| Span::mixed_site().located_at(span);
    let at_name = at(name.span());
    let mut passed = quote_spanned!(at(context.span())=> &ctx,);
    let (mut bindings, mut readings) = (Vec::new(), Vec::new());
    for (number, Argument { path, ty, .. }) in arguments.iter().enumerate() {
        let (binding, reading) = match path {
            Some(parameter) => {
                (format!("path_{number}"), quote_spanned!(at_name=> call.path::<#ty>(#parameter)))
            }
            None => ("input".to_owned(), quote_spanned!(at_name=> call.input::<#ty>())),
        };
        let argument = Ident::new(&binding, at(ty.span()));
        passed.extend(quote!(#argument,));
        let binding = Ident::new(&binding, at_name);
        bindings.push(quote!(#binding));
        readings.push(reading);
    }
    // Everything is read before anything is refused, so that all that is wrong is said at once.
    let nested = |parts: Vec<TokenStream>, pair: fn(TokenStream, TokenStream) -> TokenStream| {
        parts.into_iter().rev().reduce(|rest, first| pair(first, rest))
    };
    let read = nested(bindings, |first, rest| quote!((#first, #rest)))
        .zip(nested(readings, |first, rest| quote!(__procedure::both(#first, #rest))))
        .map(|(bindings, readings)| quote_spanned!(at_name=> let #bindings = #readings?;));
    let error = error.as_ref().map_or_else(|| quote_spanned!(at(output.span())=> _), |error| quote!(#error));
    quote_spanned! {at_name=>
        |call| __procedure::boxed(async move {
            let ctx = call.context::<#name>().await?;
            #read
            call.admit().await?;
            let result = #name(#passed).await;
            call.reply(__procedure::written::<#output, #error>(result)).await
        })
    }
}

fn with_struct(procedure: &Procedure, registration: &TokenStream, description: &TokenStream) -> TokenStream {
    let Procedure { visibility, conditions, signature, tier, .. } = procedure;
    let Signature { name, context, output, .. } = signature;
    let tier = self::tier(*tier);
    // A type that is less visible than the function is an error of the line that names it.
    let context = quote_spanned!(context.span()=> type Context = #context;);
    let input = match signature.input() {
        Some(input) => quote_spanned!(input.span()=> type Input = #input;),
        None => quote!(
            type Input = ();
        ),
    };
    let output = quote_spanned!(output.span()=> type Output = #output;);
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, unreachable_pub)]
        #visibility struct #name {}

        #(#conditions)*
        const _: () = {
            use ::catena::__private::procedure as __procedure;
            #registration
            impl __procedure::ProcedureType for #name {
                type Tier = __procedure::tier::#tier;
                #context
                #input
                #output

                fn procedure() -> &'static __procedure::Procedure {
                    #description
                }
            }
        };
    }
}
