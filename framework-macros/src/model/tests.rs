use quote::quote;

use super::model;
use crate::testing::{mistakes, pretty};

#[test]
fn plain() {
    let item = quote! {
        /// Who signs in,
        /// and how.
        ///
        /// Never stored.
        #[derive(Clone)]
        pub struct Login {
            /// The address.
            pub email: String,
            pub r#type: Option<String>,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(), item)));
}

#[test]
fn read() {
    let item = quote! {
        struct Task {
            id: Uuid,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(table = schema::tasks, omit(owner_id)), item)));
}

#[test]
fn insert() {
    let item = quote! {
        struct NewTask {
            title: String,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(table = tasks, insert), item)));
}

#[test]
fn checks() {
    let item = quote! {
        struct Limits {
            #[check(len = 1..=200)]
            both: String,
            #[check(len = ..=200)]
            at_most: Option<String>,
            #[check(range = -5..)]
            at_least: i32,
            #[check(range = 0.5..=1e3)]
            number: f64,
            #[check(len = 5..=5)]
            #[check(range = 1..)]
            two: Both,
            #[check(items = 1..=10)]
            items: Vec<String>,
            #[check(items = ..=10)]
            entries: Option<BTreeMap<String, i32>>,
            #[check(multiple_of = 5)]
            steps: i32,
            #[check(items = ..=10, unique_items)]
            unique: Vec<String>,
            #[check(pattern = r"^\d+$")]
            code: String,
            #[check(email, len = ..=100)]
            email: String,
            #[check(url)]
            page: Option<String>,
            #[check(len = 3.., custom = crate::is_name)]
            name: String,
            #[check(custom = is_even)]
            #[check(custom = is_round)]
            even: Option<i32>,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(), item)));
}

#[test]
fn fields() {
    let item = quote! {
        #[derive(Clone, Debug)]
        struct Login {
            #[identity]
            #[model(rename = "eMail", deprecated)]
            email: String,
            #[secret]
            #[model(default = "none")]
            password: String,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(), item)));
}

#[test]
fn choice() {
    let item = quote! {
        /// How soon.
        enum Priority {
            Low,
            #[model(rename = "HIGH")]
            VeryHigh,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(db), item)));
}

#[test]
fn newtype() {
    let item = quote! {
        #[check(len = 3.., custom = is_known)]
        struct Email(String);
    };
    insta::assert_snapshot!(pretty(model(quote!(db = Citext), item)));
}

#[test]
fn a_model_with_mistakes_still_has_a_schema() {
    let expansion = model(
        quote!(strict),
        quote!(
            enum Level {
                High(#[check(len = 1..)] String),
            }
        ),
    );
    let text = expansion.to_string();
    assert!(text.contains("Schema for Level") && !text.contains("check"), "{text}");
    assert_eq!(mistakes(expansion).len(), 2);
}

#[test]
fn generic() {
    let item = quote! {
        /// One page.
        #[derive(Debug)]
        pub struct Page<T: Clone, C = String>
        where
            C: Ord,
        {
            items: Vec<T>,
            #[secret]
            #[model(default)]
            cursor: C,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(), item)));
}

#[test]
fn patch() {
    let item = quote! {
        pub struct EditTask {
            #[check(len = 1..=200)]
            pub title: Option<String>,
            #[diesel(column_name = remarks)]
            pub notes: Patch<String>,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(table = tasks, patch), item)));
}

#[test]
fn flatten() {
    let item = quote! {
        struct Search {
            text: String,
            #[model(flatten)]
            page: PageQuery,
            done: Option<bool>,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(), item)));
}

#[test]
fn union() {
    let item = quote! {
        /// What has happened.
        pub enum Event {
            /// It was made.
            Created {
                #[check(range = 1..)]
                #[model(default = 1)]
                stars: i32,
                note: Option<String>,
            },
            Renamed(Rename),
            #[model(rename = "gone")]
            Deleted,
        }
    };
    insta::assert_snapshot!(pretty(model(quote!(tag = "type"), item)));
}
