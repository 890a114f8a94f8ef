use std::fmt::Debug;

use diesel::{debug_query, query_dsl::QueryDsl as _};
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    model,
    model::{fixtures::NewTask, fixtures::Priority, parse_body, parse_query, write_body},
};

diesel::table! {
    tasks (id) {
        id -> Uuid,
        title -> Text,
        notes -> Nullable<Text>,
        stars -> Nullable<Integer>,
        urgency -> Nullable<Text>,
    }
}

#[model(table = tasks, patch)]
#[derive(Debug, PartialEq)]
struct EditTask {
    #[check(len = 1..=8)]
    title: Option<String>,
    /// More about it.
    #[check(len = 1..=8)]
    notes: Patch<String>,
    /// A column that may be NULL, which this never sets.
    stars: Option<i32>,
    #[model(rename = "howSoon")]
    #[diesel(column_name = urgency)]
    priority: Patch<Priority>,
}

/// What a plain model does with patches.
#[model]
#[derive(Debug, PartialEq)]
struct Plain {
    task: Patch<NewTask>,
    #[check(items = 1.., unique_items)]
    tags: Patch<Vec<String>>,
    large: Patch<i64>,
    boxed: Patch<Box<f64>>,
}

const UNCHANGED: EditTask =
    EditTask { title: None, notes: Patch::Unchanged, stars: None, priority: Patch::Unchanged };

/// Reads a text, and writes it again as it was.
#[track_caller]
fn check<T: Schema + PartialEq + Debug>(text: &str, expected: T) {
    assert_eq!(parse_body::<T>(text.as_bytes()).unwrap(), expected);
    assert_eq!(String::from_utf8(write_body(&expected).unwrap()).unwrap(), text);
}

fn failures<T: Schema>(text: &str) -> Vec<String> {
    let failures = match parse_body::<T>(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(error) => error.failures().to_vec(),
    };
    failures.iter().map(|failure| format!("{} {}", failure.pointer, failure.code)).collect()
}

#[test]
fn absent_null_and_a_value_are_three_things() {
    check("{}", UNCHANGED);
    check(r#"{"notes":null}"#, EditTask { notes: Patch::Null, ..UNCHANGED });
    check(
        r#"{"title":"a","notes":"b","howSoon":"low"}"#,
        EditTask {
            title: Some("a".into()),
            notes: Patch::Set("b".into()),
            priority: Patch::Set(Priority::Low),
            ..UNCHANGED
        },
    );
    let plain = Plain {
        task: Patch::Null,
        tags: Patch::Set(vec!["a".into()]),
        large: Patch::Set(-9_007_199_254_740_991),
        boxed: Patch::Set(Box::new(0.1)),
    };
    check(r#"{"task":null,"tags":["a"],"large":-9007199254740991,"boxed":0.1}"#, plain);
}

#[test]
fn what_is_refused_has_a_pointer() {
    assert_eq!(
        failures::<EditTask>(r#"{"title":null,"notes":"","stars":null,"howSoon":"x"}"#),
        ["/title type", "/notes length", "/stars type", "/howSoon enum"]
    );
    assert_eq!(failures::<EditTask>(r#"{"notes":1,"priority":null}"#), ["/notes type", "/priority unknown"]);
    assert_eq!(
        failures::<Plain>(r#"{"task":{"title":null},"tags":["a","a"],"large":1.5}"#),
        ["/task/title type", "/tags/1 unique_items", "/large type"]
    );
    assert_eq!(failures::<Plain>(r#"{"tags":[],"boxed":"1"}"#), ["/tags items", "/boxed type"]);
}

#[test]
fn a_parameter_of_a_query_is_absent_or_a_value() {
    let plain: Plain = parse_query("large=5&tags=null").unwrap();
    assert_eq!((plain.large, plain.tags), (Patch::Set(5), Patch::Set(vec!["null".to_owned()])));
    assert!(plain.task.is_unchanged());
}

#[test]
fn only_what_is_there_is_set() {
    let sql = |edit: &EditTask| {
        debug_query::<Pg, _>(&diesel::update(tasks::table.find(Uuid::nil())).set(edit)).to_string()
    };
    let edit = EditTask { title: Some("a".into()), notes: Patch::Null, ..UNCHANGED };
    assert_eq!(
        sql(&edit),
        r#"UPDATE "tasks" SET "title" = $1, "notes" = $2 WHERE ("tasks"."id" = $3) -- binds: ["a", None, 00000000-0000-0000-0000-000000000000]"#
    );
    assert!(!edit.is_empty() && UNCHANGED.is_empty());
    let edit = EditTask { stars: Some(3), priority: Patch::Set(Priority::VeryHigh), ..UNCHANGED };
    assert!(sql(&edit).starts_with(r#"UPDATE "tasks" SET "stars" = $1, "urgency" = $2 WHERE"#));
}

#[test]
fn a_patch_says_what_becomes_of_a_value() {
    let mut stored = Some(1);
    for (patch, expected) in [(Patch::Unchanged, Some(1)), (Patch::Set(2), Some(2)), (Patch::Null, None)] {
        assert_eq!(patch.into_change().unwrap_or(stored), expected);
        patch.apply(&mut stored);
        assert_eq!(stored, expected);
    }
    assert_eq!(Patch::Set(2).map(|value| value + 1).value(), Some(&3));
    assert_eq!(Patch::<i32>::default(), Patch::Unchanged);
}

#[test]
fn null_is_in_the_schema() {
    let mut registry = poem_openapi::registry::Registry::new();
    crate::spec::register::<EditTask>(&mut registry);
    let published = serde_json::to_value(&registry.schemas["EditTask"]).unwrap();
    assert_eq!(published.get("required"), None);
    assert_eq!(published["properties"]["title"].get("nullable"), None);
    assert_eq!(published["properties"]["notes"]["nullable"], json!(true));
    assert_eq!(
        published["properties"]["howSoon"],
        json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/Priority"}]})
    );
}
