use std::fmt::Debug;

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    Patch, model,
    model::{
        Object,
        fixtures::{EVERYTHING, Everything, NewTask, Priority},
        parse_body, parse_query, write_body,
    },
};

/// Which part of a list.
#[model]
#[derive(Debug, PartialEq)]
struct PageQuery {
    /// How many.
    #[check(range = 1..=100)]
    #[model(default = 20)]
    limit: i64,
    #[model(rename = "startAfter")]
    after: Option<String>,
}

#[model]
#[derive(Debug, PartialEq)]
struct Filter {
    #[model(flatten)]
    page: PageQuery,
    #[check(items = ..=2)]
    tags: Option<Vec<String>>,
}

#[model]
#[derive(Debug, PartialEq)]
struct Search {
    #[check(len = 1..=8)]
    text: String,
    #[model(flatten)]
    filter: Filter,
    score: Option<f64>,
    #[model(flatten)]
    more: Box<More>,
    priority: Option<Priority>,
}

#[model]
#[derive(Debug, PartialEq)]
struct More {
    large: Option<i64>,
    single: Option<f32>,
    id: Option<Uuid>,
    notes: Patch<String>,
    task: Option<NewTask>,
}

#[model]
#[derive(Debug, PartialEq)]
struct Around<T> {
    items: Vec<T>,
    #[model(flatten)]
    page: PageQuery,
    #[check(range = ..=9)]
    total: i32,
}

#[model]
#[derive(Debug, PartialEq)]
struct All {
    #[model(flatten)]
    everything: Everything,
}

fn search() -> Search {
    Search {
        text: "a".into(),
        filter: Filter { page: PageQuery { limit: 20, after: None }, tags: None },
        score: None,
        more: Box::new(More { large: None, single: None, id: None, notes: Patch::Unchanged, task: None }),
        priority: None,
    }
}

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
fn the_fields_of_a_model_stand_in_another() {
    check(r#"{"text":"a","limit":20}"#, search());
    assert_eq!(parse_body::<Search>(br#"{"text":"a"}"#).unwrap(), search(), "with their defaults");
    let text = r#"{"text":"a","limit":1,"startAfter":"x","tags":["t"],"score":0.1,"large":9007199254740991,"single":0.1,"id":"0198c0de-0000-7000-8000-000000000000","notes":null,"task":{"title":"t"},"priority":"low"}"#;
    let mut expected = search();
    expected.filter =
        Filter { page: PageQuery { limit: 1, after: Some("x".into()) }, tags: Some(vec!["t".into()]) };
    expected.score = Some(0.1);
    expected.priority = Some(Priority::Low);
    *expected.more = More {
        large: Some(9_007_199_254_740_991),
        single: Some(0.1),
        id: Some(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0000)),
        notes: Patch::Null,
        task: Some(NewTask { title: "t".into(), notes: None, due_at: None }),
    };
    check(text, expected);
    let around = Around { items: vec![true], page: PageQuery { limit: 3, after: None }, total: 9 };
    check(r#"{"items":[true],"limit":3,"total":9}"#, around);
}

#[test]
fn every_kind_of_field_survives() {
    let text = EVERYTHING;
    let all: All = parse_body(text.as_bytes()).unwrap();
    assert_eq!(all.everything, parse_body::<Everything>(text.as_bytes()).unwrap());
    assert_eq!(write_body(&all).unwrap(), write_body(&all.everything).unwrap());
}

#[test]
fn what_is_wrong_is_found_where_it_stands() {
    assert_eq!(
        failures::<Search>(r#"{"text":"","limit":0,"tags":["a","b","c"],"task":{"title":""},"score":"1"}"#),
        ["/text length", "/limit range", "/tags items", "/task/title length", "/score type"]
    );
    assert_eq!(
        failures::<Search>(
            r#"{"limit":1.0,"large":9007199254740992,"startAfter":null,"single":1e39,"after":"x"}"#
        ),
        [
            "/limit type",
            "/large range",
            "/startAfter type",
            "/single range",
            "/after unknown",
            "/text required"
        ]
    );
    assert_eq!(failures::<Search>(r#"{"text":"a","limit":1,"limit":1}"#), ["/limit duplicate"]);
    assert_eq!(
        failures::<Around<bool>>(r#"{"items":[],"total":10,"limit":101}"#),
        ["/total range", "/limit range"]
    );
    assert_eq!(failures::<Search>("[]"), [" type"]);
    for text in [r#"{"text":"a","filter":{"limit":1}}"#, r#"{"text":"a","page":{}}"#] {
        assert!(failures::<Search>(text)[0].ends_with(" unknown"), "{text}");
    }
    let error = parse_body::<Search>(br#"{"text":"a","limits":1}"#).unwrap_err();
    assert_eq!(error.failures()[0].message, "there is no such field; did you mean `limit`?");
}

#[test]
fn parameters_of_a_query_are_flat() {
    let expected = Filter {
        page: PageQuery { limit: 5, after: Some("7".into()) },
        tags: Some(vec!["a".into(), "true".into()]),
    };
    assert_eq!(parse_query::<Filter>("tags=a&startAfter=7&limit=5&tags=true").unwrap(), expected);
    let error = parse_query::<Filter>("limit=x&startafter=7").unwrap_err();
    let found: Vec<_> = error.failures().iter().map(|failure| (&*failure.pointer, &*failure.code)).collect();
    assert_eq!(found, [("/limit", "type"), ("/startafter", "unknown")]);
    let names: Vec<_> = crate::spec::parameters(Filter::OBJECT).into_iter().map(|param| param.name).collect();
    assert_eq!(names, ["limit", "startAfter", "tags"]);
}

#[test]
fn the_schema_has_the_fields_as_if_they_were_written_there() {
    let mut registry = poem_openapi::registry::Registry::new();
    crate::spec::register::<Search>(&mut registry);
    assert_eq!(registry.schemas.keys().collect::<Vec<_>>(), ["NewTask", "Priority", "Search"]);
    let published = serde_json::to_value(&registry.schemas["Search"]).unwrap();
    let properties = published["properties"].as_object().unwrap();
    assert_eq!(
        properties.keys().collect::<Vec<_>>(),
        [
            "text",
            "limit",
            "startAfter",
            "tags",
            "score",
            "large",
            "single",
            "id",
            "notes",
            "task",
            "priority"
        ]
    );
    assert_eq!(published["required"], json!(["text"]));
    assert_eq!(
        (&properties["limit"]["default"], &properties["limit"]["description"]),
        (&json!(20), &json!("How many."))
    );
}
