use super::*;
use crate::model::{
    fixtures::{NewTask, Tree},
    parse_body,
    read::read_stored,
    write_body,
};

#[test]
fn on_the_wire_it_is_the_value() {
    let text = br#"{"title":"t"}"#;
    let Json(task) = parse_body::<Json<NewTask>>(text).unwrap();
    assert_eq!(task.title, "t");
    assert_eq!(write_body(&Json(task)).unwrap(), text);
    assert_eq!(parse_body::<Json<NewTask>>(br#"{"title":""}"#).unwrap_err().failures()[0].pointer, "/title");
    assert_eq!(Json::<NewTask>::shape().name(), "object");
}

#[test]
fn a_stored_document_that_is_none_says_where() {
    for (text, expected) in [
        (r#"{"name":"a"}"#, "is no `catena::model::fixtures::Tree`: at `/children`: is required"),
        (
            r#"{"name":"a","children":[{"name":7,"children":[]}]}"#,
            "at `/children/0/name`: expected a string, found a number",
        ),
        ("null", "at ``: must not be null"),
    ] {
        let error = read_stored::<Tree>(text.as_bytes()).unwrap_err();
        assert!(error.ends_with(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_stored_may_be_older_than_a_check() {
    assert!(read_stored::<NewTask>(br#"{"title":""}"#).is_ok());
}

#[test]
fn debug_keeps_the_value_to_itself() {
    assert_eq!(format!("{:?}", Json("secret".to_owned())), "Json(..)");
}
