use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Check, Failures};
use crate::{
    model,
    model::{Schema, Shape, parse_body, parse_query},
};

fn is_even(value: &i32) -> Result<(), &'static str> {
    if value % 2 == 0 { Ok(()) } else { Err("must be even") }
}

fn is_round(value: &i32) -> Result<(), String> {
    if value % 10 == 0 { Ok(()) } else { Err(format!("must be a multiple of {}", 10)) }
}

fn is_lower(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_uppercase) { Err("must be in lower case") } else { Ok(()) }
}

fn is_sorted(list: &[i32]) -> Result<(), &'static str> {
    if list.is_sorted() { Ok(()) } else { Err("must be sorted") }
}

fn is_short(name: &Name) -> Result<(), &'static str> {
    if name.0.len() < 5 { Ok(()) } else { Err("must be short") }
}

/// A name in lower case.
#[model]
struct Name(#[check(len = 1.., custom = is_lower)] String);

#[model]
struct Span {
    #[check(range = 0..)]
    from: i32,
    #[model(rename = "to/~")]
    to: i32,
}

impl Check for Span {
    fn check(&self, failures: &mut Failures) {
        if self.to < self.from {
            failures.add("to/~", "must not be before `from`");
        }
        if self.to == 13 {
            failures.add("", "must not end at 13");
            failures.add_at(&[&"a", &0, &"b/c"], "is cursed too");
        }
    }
}

#[model]
struct Plan {
    #[check(range = 0..=100, custom = is_even)]
    #[check(custom = is_round)]
    steps: i32,
    #[check(custom = is_even)]
    maybe: Option<i32>,
    #[check(len = ..=5, custom = is_lower)]
    text: Option<String>,
    #[check(custom = is_sorted, unique_items)]
    list: Option<Vec<i32>>,
    #[check(custom = is_short)]
    name: Option<Name>,
    span: Option<Box<Span>>,
    spans: Option<Vec<Option<Span>>>,
    named: Option<BTreeMap<String, Span>>,
}

fn failures<T: Schema>(input: &Value) -> Vec<String> {
    let Err(error) = parse_body::<T>(input.to_string().as_bytes()) else { return Vec::new() };
    let failures = error.failures().iter();
    failures.map(|failure| format!("{} {}: {}", failure.pointer, failure.code, failure.message)).collect()
}

#[test]
fn functions_check_their_fields() {
    for (input, expected) in [
        (json!({"steps": 20}), &[][..]),
        (
            json!({"steps": 0, "maybe": 2, "text": "abc", "list": [1, 2], "name": "ada", "span": {"from": 1, "to/~": 1}}),
            &[],
        ),
        (json!({"steps": 7}), &["/steps custom: must be even"]),
        (json!({"steps": 8}), &["/steps custom: must be a multiple of 10"]),
        (json!({"steps": 101}), &["/steps range: must be from 0 to 100"]),
        (json!({"steps": "7"}), &["/steps type: expected an integer, found a string"]),
        (json!({"steps": 0, "maybe": 1}), &["/maybe custom: must be even"]),
        (json!({"steps": 0, "maybe": null}), &["/maybe type: must not be null; leave the field out instead"]),
        (json!({"steps": 0, "text": "ABC"}), &["/text custom: must be in lower case"]),
        (json!({"steps": 0, "text": "ABCDEF"}), &["/text length: must have at most 5 characters, has 6"]),
        (json!({"steps": 0, "list": [2, 1]}), &["/list custom: must be sorted"]),
        (json!({"steps": 0, "list": [2, 1, 2]}), &["/list/2 unique_items: is the same as item 0"]),
        (json!({"steps": 0, "list": [2, "1"]}), &["/list/1 type: expected an integer, found a string"]),
        (json!({"steps": 0, "name": "ADA"}), &["/name custom: must be in lower case"]),
        (json!({"steps": 0, "name": "adalovelace"}), &["/name custom: must be short"]),
        (
            json!({"steps": 1, "maybe": 1, "bogus": 1}),
            &[
                "/steps custom: must be even",
                "/maybe custom: must be even",
                "/bogus unknown: there is no such field",
            ],
        ),
    ] {
        assert_eq!(failures::<Plan>(&input), expected, "{input}");
    }
}

#[test]
fn rules_across_fields_hold_wherever_the_model_stands() {
    let bad = json!({"from": 2, "to/~": 1});
    let to = "custom: must not be before `from`";
    for (input, expected) in [
        (json!({"steps": 0, "span": bad}), vec![format!("/span/to~1~0 {to}")]),
        (
            json!({"steps": 0, "spans": [null, {"from": 1, "to/~": 2}, bad]}),
            vec![format!("/spans/2/to~1~0 {to}")],
        ),
        (json!({"steps": 0, "named": {"a/b": bad}}), vec![format!("/named/a~1b/to~1~0 {to}")]),
        (
            json!({"steps": 0, "span": {"from": 20, "to/~": 13}}),
            vec![
                format!("/span/to~1~0 {to}"),
                "/span custom: must not end at 13".into(),
                "/span/a/0/b~1c custom: is cursed too".into(),
            ],
        ),
        // Only an object whose fields pass is checked as a whole.
        (
            json!({"steps": 0, "span": {"from": -1, "to/~": -2}}),
            vec!["/span/from range: must be at least 0".into()],
        ),
        (json!({"steps": 0, "span": {"from": 2}}), vec!["/span/to~1~0 required: is required".into()]),
        (
            json!({"steps": 0, "spans": [bad, {"from": "x"}]}),
            vec![
                format!("/spans/0/to~1~0 {to}"),
                "/spans/1/from type: expected an integer, found a string".into(),
                "/spans/1/to~1~0 required: is required".into(),
            ],
        ),
    ] {
        assert_eq!(failures::<Plan>(&input), expected, "{input}");
    }
    assert_eq!(failures::<Span>(&bad), [format!("/to~1~0 {to}")]);
    assert_eq!(failures::<Vec<Span>>(&json!([bad])), [format!("/0/to~1~0 {to}")]);
}

#[test]
fn a_text_that_cannot_be_represented_is_still_told_its_place() {
    for (body, expected) in [
        (r#"{"steps": 0, "span": {"from": 1e400, "to/~": 1}}"#, "/span/from range"),
        (r#"{"steps": 0, "span": {"from": 1, "from": 1, "to/~": 0}}"#, "/span/from duplicate"),
        (r#"{"steps": 0, "text": "\udc00"}"#, "/text format"),
    ] {
        let Err(error) = parse_body::<Plan>(body.as_bytes()) else { panic!("{body}") };
        let found: Vec<_> =
            error.failures().iter().map(|failure| format!("{} {}", failure.pointer, failure.code)).collect();
        assert_eq!(found, [expected], "{body}");
    }
    let error = parse_body::<Plan>(br#"{"steps": 0, "span": {"from": 1,}}"#).err().expect("no JSON");
    assert_eq!(error.code(), crate::Code::MALFORMED_JSON);
}

#[test]
fn parameters_are_checked_alike() {
    let Err(error) = parse_query::<Span>("from=2&to/~=1") else { panic!("the rules hold") };
    let [failure] = error.failures() else { panic!("{error:?}") };
    assert_eq!((failure.pointer.as_str(), failure.place), ("/to~1~0", crate::Place::Query));
}

#[test]
fn only_a_model_with_rules_is_read_as_a_whole() {
    let rules = |shape| if let Shape::Object(object) = shape { object.rules } else { None };
    assert!(rules(Plan::shape()).is_none());
    assert!(rules(Span::shape()).is_some());
}

#[model]
struct Trip {
    #[model(flatten)]
    span: Span,
    place: Option<String>,
}

/// A trip or a walk.
#[model(tag = "kind")]
enum Move {
    Trip(Trip),
    Walk {
        #[check(custom = is_even)]
        steps: i32,
        #[check(custom = is_even)]
        breaks: Option<i32>,
    },
    Rest,
}

#[model]
struct Pair<T> {
    one: T,
    #[check(custom = is_even)]
    other: i32,
}

#[test]
fn rules_hold_where_the_fields_of_a_model_stand_in_another() {
    let to = "/to~1~0 custom: must not be before `from`";
    assert!(failures::<Trip>(&json!({"from": 1, "to/~": 2, "place": "home"})).is_empty());
    assert_eq!(failures::<Trip>(&json!({"from": 2, "to/~": 1, "place": "home"})), [to]);
    assert!(failures::<Move>(&json!({"kind": "trip", "from": 1, "to/~": 2})).is_empty());
    assert_eq!(failures::<Move>(&json!({"to/~": 1, "from": 2, "kind": "trip"})), [to]);
    assert_eq!(failures::<Vec<Move>>(&json!([{"kind": "trip", "to/~": 1, "from": 2}])), [format!("/0{to}")]);
}

#[test]
fn functions_check_the_fields_of_variants_and_of_models_with_parameters() {
    let even = "custom: must be even";
    assert!(failures::<Move>(&json!({"kind": "walk", "steps": 2})).is_empty());
    assert!(failures::<Move>(&json!({"kind": "rest"})).is_empty());
    assert_eq!(
        failures::<Move>(&json!({"kind": "walk", "steps": 1, "breaks": 1})),
        [format!("/steps {even}"), format!("/breaks {even}")]
    );
    assert!(failures::<Pair<Name>>(&json!({"one": "ada", "other": 2})).is_empty());
    assert_eq!(
        failures::<Pair<Name>>(&json!({"one": "Ada", "other": 3})),
        ["/one custom: must be in lower case".to_owned(), format!("/other {even}")]
    );
    assert_eq!(
        failures::<Pair<Span>>(&json!({"one": {"from": 2, "to/~": 1}, "other": 2})),
        ["/one/to~1~0 custom: must not be before `from`"]
    );
}
