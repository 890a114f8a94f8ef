use quote::quote;

use super::procedure;
use crate::testing::{mistakes, pretty};

#[test]
fn command() {
    let item = quote! {
        /// Creates a task
        /// for the signed-in user.
        ///
        /// It begins undone.
        pub async fn create(ctx: &Ctx<User>, input: NewTask) -> Result<Created<Task>> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(procedure(quote!(tier = "protected"), item)));
}

#[test]
fn query() {
    let item = quote! {
        async fn list(ctx: &Ctx, filter: Filter) -> Result<Vec<Task>, ListError> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(procedure(quote!(query, tier = "public"), item)));
}

#[test]
fn no_input() {
    let item = quote! {
        #[cfg(feature = "auth")]
        async fn r#try(ctx: &Ctx) -> Result<()> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(procedure(quote!(tier = "auth"), item)));
}

#[test]
fn path_arguments() {
    let item = quote! {
        async fn edit(
            ctx: &Ctx<User>,
            /// Which task.
            id: Uuid,
            input: EditTask,
            list: i64,
        ) -> Result<Task> {
            todo!()
        }
    };
    let options = quote!(tier = "protected", method = "PATCH", path = "/api/lists/{list}/tasks/{id}");
    insta::assert_snapshot!(pretty(procedure(options, item)));
}

#[test]
fn settings() {
    let item = quote! {
        async fn remove(ctx: &Ctx) -> Result<()> {
            todo!()
        }
    };
    let options = quote!(
        tier = "public",
        method = "DELETE",
        id = "tasks.clear",
        tag = "Tasks",
        timeout = "1m",
        body_limit = "8KiB",
        limit = "20/1m",
        deprecated,
        hidden
    );
    insta::assert_snapshot!(pretty(procedure(options, item)));
}

#[test]
fn a_path_may_name_an_argument_with_a_keyword_for_a_name() {
    let item = quote!(
        async fn list(ctx: &Ctx, r#type: String) -> Result<()> {}
    );
    let expansion = procedure(quote!(query, tier = "public", path = "/api/{type}"), item);
    assert_eq!(mistakes(expansion), [""; 0]);
}

#[test]
fn a_procedure_with_mistakes_still_has_its_function_and_types() {
    let expansion = procedure(
        quote!(),
        quote!(
            fn list(ctx: &Ctx) -> Result<()> {}
        ),
    );
    let text = pretty(expansion.clone());
    assert!(text.contains("fn list(ctx: &Ctx) -> Result<()> {}"), "{text}");
    assert!(text.contains("ProcedureType for list") && !text.contains("submit"), "{text}");
    assert_eq!(mistakes(expansion).len(), 2);
}

#[test]
fn a_misspelt_tier_is_not_missing_too() {
    for options in [quote!(teir = "public"), quote!(tier = public), quote!(tier = "pubic")] {
        let expansion = procedure(
            options,
            quote!(
                async fn list(ctx: &Ctx) -> Result<()> {}
            ),
        );
        assert_eq!(mistakes(expansion.clone()).len(), 1, "{expansion}");
    }
}
