//! Prints what makes an enum the errors of a procedure.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::{Kind, Problem};

/// The codes, and the ways from and to `catena::Error`.
pub(crate) fn implementations(problem: &Problem) -> TokenStream {
    let Problem { name, kinds, other } = problem;
    let codes = kinds.iter().map(|Kind { code, status, title, .. }| {
        quote!(::catena::Code { name: #code, status: #status, title: #title })
    });
    let arms = kinds.iter().enumerate().map(|(index, kind)| {
        let Kind { variant, holds_detail, detail, .. } = kind;
        let code = quote!(<#name as ::catena::Problem>::CODES[#index]);
        if *holds_detail {
            quote!(#name::#variant(detail) => ::catena::Error::new(#code, detail),)
        } else {
            quote!(#name::#variant => ::catena::Error::new(#code, #detail),)
        }
    });
    let other = quote!(#name::#other);
    quote! {
        impl ::catena::Problem for #name {
            const CODES: &'static [::catena::Code] = &[#(#codes),*];

            fn into_error(self) -> ::catena::Error {
                ::core::convert::Into::into(self)
            }
        }
        impl ::core::convert::From<#name> for ::catena::Error {
            fn from(error: #name) -> Self {
                match error {
                    #(#arms)*
                    #other(error) => error,
                }
            }
        }
        impl ::core::convert::From<::catena::Error> for #name {
            fn from(error: ::catena::Error) -> Self {
                #other(error)
            }
        }
        impl ::core::convert::From<::catena::__private::diesel::result::Error> for #name {
            fn from(error: ::catena::__private::diesel::result::Error) -> Self {
                Self::from(::catena::Error::from(error))
            }
        }
    }
}

/// The implementations without what they do, for an enum with mistakes: what uses it shall not fail as well.
pub(crate) fn stand_in(problem: &Problem) -> TokenStream {
    let name = &problem.name;
    let conversions = [
        quote!(::core::convert::From<#name> for ::catena::Error),
        quote!(::core::convert::From<::catena::Error> for #name),
        quote!(::core::convert::From<::catena::__private::diesel::result::Error> for #name),
    ];
    let parameters =
        [quote!(#name), quote!(::catena::Error), quote!(::catena::__private::diesel::result::Error)];
    quote! {
        impl ::catena::Problem for #name {
            const CODES: &'static [::catena::Code] = &[];

            fn into_error(self) -> ::catena::Error {
                ::core::unreachable!()
            }
        }
        #(impl #conversions {
            fn from(_: #parameters) -> Self {
                ::core::unreachable!()
            }
        })*
    }
}
