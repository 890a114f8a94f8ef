use proc_macro2::TokenStream;
use quote::quote;

use super::{attribute, derive};
use crate::testing::mistakes;

/// What is left of `item` below `#[name(options)]`, if the attribute prints it as it is.
fn printed(options: TokenStream, item: TokenStream) -> String {
    attribute(options, item, |_, item| item).to_string()
}

#[test]
fn the_crate_is_taken_out_of_the_options() {
    let cases = [
        (quote!(), "", "::catena"),
        (quote!(crate = chain), "", "chain"),
        (quote!(crate = ::chain,), "", "::chain"),
        (quote!(crate = "chain"), "", "chain"),
        (quote!(crate = crate::web::chain), "", "crate::web::chain"),
        (quote!(table = tasks, crate = chain, omit(a, b)), "table = tasks , omit (a , b)", "chain"),
        (quote!(a: b, crate = chain), "a : b ,", "chain"),
        (quote!(crate_name = chain), "crate_name = chain", "::catena"),
    ];
    for (options, rest, name) in cases {
        let case = options.to_string();
        let expansion = attribute(options, TokenStream::new(), |rest, _| quote!(#rest; ::catena::Error));
        let name: TokenStream = name.parse().expect("tokens");
        let rest: TokenStream = rest.parse().expect("tokens");
        assert_eq!(expansion.to_string(), quote!(#rest; #name::Error).to_string(), "{case}");
    }
}

#[test]
fn a_crate_that_is_none_is_told() {
    let unreadable = "`crate` is not written like that: write `crate = chain`";
    let cases = [
        (quote!(crate), vec![unreadable]),
        (quote!(crate = 5), vec![unreadable]),
        (quote!(crate(chain)), vec![unreadable]),
        (quote!(crate = Vec<u8>), vec![unreadable]),
        (quote!(crate = "a b"), vec![unreadable]),
        (quote!(crate = chain, crate = link), vec!["`crate` is given twice: keep one of them"]),
    ];
    for (options, told) in cases {
        let case = options.to_string();
        assert_eq!(mistakes(attribute(options, TokenStream::new(), |_, item| item)), told, "{case}");
    }
}

#[test]
fn absolute_paths_to_the_crate_are_renamed() {
    let cases = [
        (
            quote!(
                use ::catena::Error;
            ),
            quote!(
                use chain::Error;
            ),
        ),
        (
            quote!(impl From<::catena::Error> for ::catena::Code {}),
            quote!(impl From<chain::Error> for chain::Code {}),
        ),
        (
            quote!(
                fn f() -> ::catena::Error {}
            ),
            quote!(
                fn f() -> chain::Error {}
            ),
        ),
        (
            quote!(match e {
                e => ::catena::new(e),
            }),
            quote!(match e {
                e => chain::new(e),
            }),
        ),
        (quote!(<T as ::catena::Problem>::CODES), quote!(<T as chain::Problem>::CODES)),
        (quote!(::catena::submit! { ::catena::Entry }), quote!(chain::submit! { chain::Entry })),
        (quote!(&::catena::A), quote!(&chain::A)),
    ];
    for (item, renamed) in cases {
        assert_eq!(printed(quote!(crate = chain), item), renamed.to_string());
    }
}

#[test]
fn what_is_not_the_crate_keeps_its_name() {
    let cases = [
        quote!(
            use catena::Error;
        ),
        quote!(
            use links::catena::Error;
        ),
        quote!(
            use self::catena::Error;
        ),
        quote!(
            use crate::catena::Error;
        ),
        quote!(Vec::<T>::catena()),
        quote!(
            use ::r#catena_macros::model;
        ),
        quote!(
            const TEXT: &str = "::catena::__private::model";
        ),
        quote!(#[doc = "::catena::__private::model"]),
        quote!(#[serde(rename = "::catena::Error")]),
        // Typed by the user, which is told by its place.
        "type Other = :: catena :: Error ;".parse().expect("tokens"),
    ];
    for item in cases {
        let as_it_was = item.to_string();
        assert_eq!(printed(quote!(crate = chain), item), as_it_was);
    }
}

#[test]
fn what_serde_reads_is_renamed() {
    let cases = [
        ("::catena::__private::serde", "::chain::__private::serde"),
        (
            "<Vec<u8> as ::catena::__private::model::Schema>::read",
            "<Vec<u8> as ::chain::__private::model::Schema>::read",
        ),
        ("::catena::Patch::is_unchanged", "::chain::Patch::is_unchanged"),
        (
            "<::catena::Patch<u8> as ::catena::__private::model::Schema>::read",
            "<::catena::Patch<u8> as ::chain::__private::model::Schema>::read",
        ),
    ];
    for (text, renamed) in cases {
        let print = |text: &str| quote!(#[serde(default, read_by = #text)]);
        assert_eq!(printed(quote!(crate = ::chain), print(text)), print(renamed).to_string());
    }
}

#[test]
fn a_derive_has_its_option_above_the_item() {
    let expand = |_: TokenStream| quote!(impl ::catena::Problem for E {});
    let item = quote! {
        #[doc = "crate = link"]
        #[problem(crate = chain)]
        enum E {}
    };
    assert_eq!(derive("problem", item, expand).to_string(), quote!(impl chain::Problem for E {}).to_string());
    let mistaken = derive(
        "problem",
        quote!(
            #[problem(crate)]
            enum E {}
        ),
        expand,
    );
    assert_eq!(mistakes(mistaken), ["`crate` is not written like that: write `crate = chain`"]);
}
