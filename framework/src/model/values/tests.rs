use serde_json::{Value, json};

use super::*;
use crate::model::{
    fixtures::{Label, Priority, Ticket},
    parse_body, write_body,
};

fn read(input: &Value) -> Result<Ticket, Vec<String>> {
    parse_body(input.to_string().as_bytes()).map_err(|error| {
        let failures = error.failures().iter();
        failures.map(|failure| format!("{} {}: {}", failure.pointer, failure.code, failure.message)).collect()
    })
}

#[test]
fn what_is_absent_has_its_default() {
    let ticket = read(&json!({"label": "a"})).unwrap();
    assert_eq!((ticket.priority, ticket.max_tries, ticket.owner.as_str()), (Priority::Normal, 3, "none"));
    let written: Value = serde_json::from_slice(&write_body(&ticket).unwrap()).unwrap();
    assert_eq!(written, json!({"label": "a", "priority": "normal", "maxTries": 3, "owner": "none"}));
}

#[test]
fn what_is_there_is_read_and_written_alike() {
    let input = json!({
        "label": "abc", "priority": "VERY-HIGH", "maxTries": 9, "owner": "me", "old": true, "pin": "1234",
        "counts": {"": 1, "b/~": 2}, "notes": {"a": null, "b": "x"},
    });
    let ticket = read(&input).unwrap();
    assert_eq!(ticket.priority, Priority::VeryHigh);
    assert_eq!(serde_json::from_slice::<Value>(&write_body(&ticket).unwrap()).unwrap(), input);
}

#[test]
fn every_failure_is_reported_at_its_place() {
    let input = json!({
        "label": "", "priority": "high", "maxTries": 0, "max_tries": 1, "owner": null,
        "counts": {"b/~": "2", "c": null}, "notes": {"b": "much too long"},
    });
    assert_eq!(
        read(&input).unwrap_err(),
        [
            "/label length: must have from 1 to 8 characters, has 0",
            "/priority enum: must be one of `low`, `normal`, `VERY-HIGH`",
            "/maxTries range: must be from 1 to 9",
            "/max_tries unknown: there is no such field; did you mean `maxTries`?",
            "/owner type: must not be null; leave the field out instead",
            "/counts/b~1~0 type: expected an integer, found a string",
            "/counts/c type: must not be null",
            "/notes/b length: must have from 1 to 8 characters, has 13",
        ]
    );
    assert_eq!(
        read(&json!({"label": 1, "priority": 2, "counts": []})).unwrap_err(),
        [
            "/label type: expected a string, found a number",
            "/priority type: expected a string, found a number",
            "/counts type: expected an object, found an array",
        ]
    );
}

#[test]
fn a_key_of_a_map_stands_once() {
    let error = parse_body::<Ticket>(br#"{"label": "a", "counts": {"a": 1, "a": 1}}"#).unwrap_err();
    let [failure] = error.failures() else { panic!("{error:?}") };
    assert_eq!((failure.pointer.as_str(), &*failure.code), ("/counts/a", "duplicate"));
}

#[test]
fn a_secret_is_not_shown() {
    let ticket = read(&json!({"label": "a", "pin": "1234"})).unwrap();
    let shown = format!("{ticket:?}");
    assert!(shown.contains("pin: …") && shown.contains("max_tries: 3") && !shown.contains("1234"), "{shown}");
}

#[test]
fn the_marks_of_a_field_are_kept() {
    let Shape::Object(object) = Ticket::shape() else { panic!("a model is an object") };
    let identities: Vec<_> =
        object.fields.iter().filter(|field| field.identity).map(|field| field.name).collect();
    let secrets: Vec<_> = object.fields.iter().filter(|field| field.secret).map(|field| field.name).collect();
    assert_eq!((identities, secrets), (vec!["label"], vec!["pin"]));
}

#[test]
fn a_column_holds_a_variant_by_its_string() {
    assert_eq!(choice_from_sql::<Priority>(b"VERY-HIGH").unwrap(), Priority::VeryHigh);
    let error = choice_from_sql::<Priority>(b"gone").unwrap_err();
    assert_eq!(error.to_string(), "the column holds `gone`, which is none of low, normal, VERY-HIGH");
    assert!(choice_from_sql::<Priority>(&[0xff]).is_err());
    assert!(admits(&Label("a".into()), &[]));
}
