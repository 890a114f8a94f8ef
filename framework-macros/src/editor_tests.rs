//! What an editor needs while somebody types: all that is there already, where it is.

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use quote::quote;

use crate::{job::job, model::model, procedure::procedure};

/// Each token with its place, those in brackets after the bracket.
fn tokens(stream: TokenStream, found: &mut Vec<(String, LineColumn)>) {
    for token in stream {
        match token {
            TokenTree::Group(group) => {
                found.push((format!("{:?}", group.delimiter()), group.span_open().start()));
                tokens(group.stream(), found);
            }
            token => found.push((token.to_string(), token.span().start())),
        }
    }
}

/// The first token of an item, as it was typed, that its expansion does not have in the same order and place.
fn lost(expand: fn(TokenStream) -> TokenStream, typed: &str) -> Option<String> {
    let (mut of_item, mut of_expansion) = (Vec::new(), Vec::new());
    let item: TokenStream = typed.parse().expect("tokens");
    tokens(item.clone(), &mut of_item);
    tokens(expand(item), &mut of_expansion);
    let mut rest = of_expansion.into_iter();
    of_item.into_iter().find(|token| !rest.any(|other| other == *token)).map(|(text, _)| text)
}

#[track_caller]
fn keeps(expand: fn(TokenStream) -> TokenStream, typed: &str) {
    assert_eq!(lost(expand, typed), None, "{typed}");
}

#[test]
fn a_function_stays_as_it_is_typed() {
    let query = |item| procedure(quote!(query, tier = "public"), item);
    for body in ["Ok(())", "ctx.", "let page = input.", "if input.", "let Page { items, "] {
        let closing = "}".repeat(body.matches('{').count());
        keeps(
            query,
            &format!("pub async fn list(ctx: &Ctx, input: Filter) -> Result<()> {{ {body}{closing} }}"),
        );
        keeps(
            |item| job(quote!(retries = 5), item),
            &format!("async fn send(job: &JobCtx, args: Mail) -> Result<()> {{ {body}{closing} }}"),
        );
    }
    for head in [
        "pub async fn list(ctx: &Ctx, input: ) -> Result<()> {}",
        "pub async fn list(ctx: ) {}",
        "pub async fn li",
    ] {
        keeps(query, head);
    }
    let misspelt = |item| procedure(quote!(query, teir = "pub"), item);
    keeps(misspelt, "pub async fn list(ctx: &Ctx) -> Result<()> { ctx. }");
}

#[test]
fn a_struct_stays_as_it_is_typed() {
    let plain = |item| model(quote!(), item);
    let fields = [
        "title: String,",
        "pub title: String, pub due_at: Option<DateTime<Utc>>",
        "pub title:",
        "pub",
        "title: Option<",
    ];
    for fields in fields {
        keeps(plain, &format!("pub struct Task {{ {fields} }}"));
    }
    keeps(plain, "pub struct Page<T> { pub items: Vec<T> }");
    keeps(plain, "pub enum Priority { Low, Hi }");
    keeps(
        |item| model(quote!(tag = "type"), item),
        "pub enum Event { Created { id: Uuid }, Renamed(Rename), Gone }",
    );
    keeps(
        |item| model(quote!(table = tasks, insert, omit(id)), item),
        "pub struct NewTask { pub title: String }",
    );
}

#[test]
fn what_is_lost_is_found() {
    let moved = |_| {
        quote!(
            struct Task {}
        )
    };
    assert_eq!(lost(moved, " struct Task {}").as_deref(), Some("struct"));
}
