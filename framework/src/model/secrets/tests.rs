use std::collections::BTreeMap;

use super::*;
use crate::{macros::model, model::Schema};

#[model]
struct Plain {
    name: String,
}

#[model]
struct Password {
    user: String,
    #[secret]
    password: String,
    #[secret]
    hint: Option<String>,
}

#[model]
struct Nested {
    plain: Plain,
    one: Password,
    many: Vec<Password>,
    by_name: BTreeMap<String, Password>,
    perhaps: Option<Key>,
}

#[model(tag = "type")]
enum Key {
    Open(Plain),
    Closed {
        #[secret]
        code: String,
        name: String,
    },
}

#[model]
struct Tree {
    name: String,
    children: Vec<Tree>,
    roots: Vec<Password>,
}

#[model]
struct Passwords(Vec<Password>);

#[test]
fn the_fields_with_secrets_are_found() {
    let check = |shape, fields: &[&str]| assert_eq!(secret_fields(shape), fields, "{shape:?}");
    check(Plain::shape(), &[]);
    check(Password::shape(), &["hint", "password"]);
    check(Nested::shape(), &["by_name", "many", "one", "perhaps"]);
    check(Key::shape(), &["code"]);
    check(Tree::shape(), &["children", "roots"]);
    check(Passwords::shape(), &[""]);
}
