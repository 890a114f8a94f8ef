//! Expansions as text, for tests.

use proc_macro2::TokenStream;

/// Prints an expansion as one would write it.
pub(crate) fn pretty(expansion: TokenStream) -> String {
    let file = syn::parse2(expansion).expect("an expansion is a list of items");
    prettyplease::unparse(&file)
}

/// The messages of all mistakes that an expansion reports.
pub(crate) fn mistakes(expansion: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(expansion).expect("an expansion is a list of items");
    let messages = file.items.into_iter().filter_map(|item| match item {
        syn::Item::Macro(item) => Some(item.mac.parse_body::<syn::LitStr>().expect("a message").value()),
        _ => None,
    });
    messages.collect()
}
