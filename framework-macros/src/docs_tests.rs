use quote::quote;
use syn::{ItemStruct, parse2};

use super::{split, text};

#[test]
fn a_doc_comment_is_its_lines_without_the_first_space() {
    let item: ItemStruct = parse2(quote! {
        #[doc = " One"]
        #[derive(Clone)]
        #[doc = "  two  "]
        #[doc = ""]
        #[doc = " - three\n four"]
        #[doc = include_str!("five.md")]
        #[doc(hidden)]
        struct Documented;
    })
    .expect("a struct");
    assert_eq!(text(&item.attrs), "One\n two\n\n- three\nfour");
    assert_eq!(text(&[]), "");
}

#[test]
fn the_first_paragraph_is_the_summary() {
    let check = |text, summary: &str, description: &str| {
        assert_eq!(split(text), (summary.to_owned(), description.to_owned()), "{text}");
    };
    check("", "", "");
    check("One.", "One.", "");
    check("One,\ntwo.", "One, two.", "");
    check("One.\n\nTwo.\n\nThree.", "One.", "Two.\n\nThree.");
}
