use quote::quote;

use super::problem;
use crate::testing::{mistakes, pretty};

#[test]
fn kinds() {
    let item = quote! {
        enum EditError {
            /// The task is done,
            /// and stays as it is.
            ///
            /// More about it.
            #[problem(status = 409, code = "task_done", title = "Task is done")]
            Done,
            #[problem(status = 402, code = "too_many")]
            TooMany(String),
            #[problem(other)]
            Other(catena::Error),
        }
    };
    insta::assert_snapshot!(pretty(problem(item)));
}

#[test]
fn an_enum_with_mistakes_is_still_an_error() {
    let item = quote! {
        enum EditError {
            #[problem(status = 200, code = "Done")]
            Done,
            Gone,
        }
    };
    let expansion = problem(item);
    let text = pretty(expansion.clone());
    assert!(text.contains("impl ::catena::Problem for EditError"), "{text}");
    assert_eq!(mistakes(expansion).len(), 4);
}
