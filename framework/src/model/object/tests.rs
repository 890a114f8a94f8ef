use std::collections::BTreeMap;

use poem_openapi::types::{self, ParseFromJSON as _, ToJSON as _};
use serde_json::{Value, json};

use super::*;
use crate::{
    error::Error,
    model,
    model::{fixtures::NewTask, parse_body, write_body},
};

/// One page of a list.
#[model]
#[derive(Debug, PartialEq)]
struct Page<T> {
    /// What is on it.
    #[check(items = ..=2)]
    items: Vec<T>,
    next: Option<String>,
}

#[model]
#[derive(Debug, PartialEq)]
struct Pair<A, B: Clone = String>
where
    A: PartialEq,
{
    first: A,
    #[model(default)]
    second: Vec<B>,
    #[secret]
    #[check(len = 1..)]
    note: String,
}

fn pointers<T: Schema>(text: &str) -> Vec<String> {
    let failures = |error: Error| error.failures().iter().map(|failure| failure.pointer.clone()).collect();
    parse_body::<T>(text.as_bytes()).map_or_else(failures, |_| Vec::new())
}

#[test]
fn a_model_with_parameters_is_read_and_written_as_its_types_are() {
    let text = br#"{"items":[{"title":"a"}],"next":"x"}"#;
    let page: Page<NewTask> = parse_body(text).unwrap();
    assert_eq!(page.items[0].title, "a");
    assert_eq!(String::from_utf8(write_body(&page).unwrap()).unwrap().as_bytes(), text);
    assert_eq!(pointers::<Page<NewTask>>(r#"{"items":[{"title":""},1]}"#), ["/items/0/title", "/items/1"]);
    assert_eq!(pointers::<Page<i16>>(r#"{"items":[1,2,70000],"nxt":""}"#), ["/items/2", "/items", "/nxt"]);
    let pair: Pair<Page<bool>> = parse_body(br#"{"first":{"items":[true]},"note":"n"}"#).unwrap();
    assert_eq!((pair.first.items, pair.second.len()), (vec![true], 0));
    assert_eq!(pointers::<Pair<i16>>(r#"{"first":1,"second":[1],"note":""}"#), ["/second/0", "/note"]);
}

#[test]
fn a_parameter_that_is_shown_hides_the_secrets_around_it() {
    let pair: Pair<i16> = parse_body(br#"{"first":1,"note":"n"}"#).unwrap();
    assert_eq!(format!("{pair:?}"), "Pair { first: 1, second: [], note: … }");
}

#[test]
fn a_name_tells_what_a_model_has_been_given() {
    fn name<T: Object>() -> String {
        T::OBJECT.full_name()
    }
    assert_eq!(name::<NewTask>(), "NewTask");
    assert_eq!(name::<Page<NewTask>>(), "Page_NewTask");
    assert_eq!(name::<Page<Page<String>>>(), "Page_Page_string");
    assert_eq!(name::<Pair<i64, f32>>(), "Pair_int64_float");
    assert_eq!(name::<Page<Vec<Option<uuid::Uuid>>>>(), "Page_Array_Optional_uuid");
    assert_eq!(name::<Page<Option<chrono::DateTime<chrono::Utc>>>>(), "Page_Optional_date-time");
    assert_eq!(name::<Page<BTreeMap<String, bool>>>(), "Page_Map_boolean");
    assert_eq!(name::<Box<Page<f64>>>(), "Page_double");
}

#[test]
fn each_use_of_a_parameter_has_a_schema_of_its_own() {
    let mut registry = poem_openapi::registry::Registry::new();
    <Pair<Page<NewTask>, bool> as types::Type>::register(&mut registry);
    <Page<bool> as types::Type>::register(&mut registry);
    assert_eq!(
        registry.schemas.keys().collect::<Vec<_>>(),
        ["NewTask", "Page_NewTask", "Page_boolean", "Pair_Page_NewTask_boolean"]
    );
    let schemas = serde_json::to_value(&registry.schemas).unwrap();
    assert_eq!(
        schemas["Page_NewTask"]["properties"]["items"],
        json!({
            "type": "array", "description": "What is on it.", "maxItems": 2,
            "items": {"$ref": "#/components/schemas/NewTask"},
        })
    );
    assert_eq!(schemas["Pair_Page_NewTask_boolean"]["required"], json!(["first", "note"]));
}

#[test]
fn a_model_with_parameters_is_a_type_of_poem_openapi() {
    assert_eq!(<Page<bool> as types::Type>::name(), "Page_boolean");
    let value: Value = json!({"items": [true]});
    let page = Page::<bool>::parse_from_json(Some(value.clone())).unwrap();
    assert_eq!(page.to_json(), Some(value));
    let refusal = Page::<bool>::parse_from_json(Some(json!({"items": [1]}))).unwrap_err();
    assert!(refusal.into_message().contains("/items/0: expected a boolean"));
}
