use std::fmt::Debug;

use serde_json::json;
use uuid::Uuid;

use crate::{
    Patch, Schema, model,
    model::{
        fixtures::{EVERYTHING, Everything, Priority},
        parse_body, write_body,
    },
};

/// What has happened.
#[model(tag = "type")]
#[derive(Debug, PartialEq)]
enum Event {
    /// It was made.
    Created {
        id: Uuid,
        #[check(range = 1..=9)]
        #[model(default = 3)]
        stars: i32,
        #[model(rename = "howSoon")]
        priority: Option<Priority>,
        large: Patch<i64>,
    },
    /// It has another name.
    Renamed(Box<Rename>),
    #[model(rename = "GONE")]
    Deleted,
    SignedIn {
        name: String,
        #[secret]
        pin: String,
    },
    Empty {},
    Several {
        events: Vec<Event>,
    },
    All(Everything),
}

/// Another name.
#[model]
#[derive(Debug, PartialEq)]
struct Rename {
    #[check(len = 1..=8)]
    name: String,
    #[model(flatten)]
    about: About,
}

#[model]
#[derive(Debug, PartialEq)]
struct About {
    by: Option<String>,
    ratio: Option<f64>,
    next: Option<Box<Event>>,
}

#[model]
#[derive(Debug, PartialEq)]
struct Log {
    event: Option<Event>,
    #[check(unique_items)]
    events: Vec<Option<Event>>,
}

const ID: &str = "0198c0de-0000-7000-8000-000000000000";

/// Reads a text, and writes it again as it was.
#[track_caller]
fn check<T: Schema + PartialEq + Debug>(text: &str, expected: T) {
    assert_eq!(parse_body::<T>(text.as_bytes()).unwrap(), expected);
    assert_eq!(String::from_utf8(write_body(&expected).unwrap()).unwrap(), text);
}

/// Place, code and message of every failure.
fn explained<T: Schema>(text: &str) -> Vec<(String, String, String)> {
    let failures = match parse_body::<T>(text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(error) => error.failures().to_vec(),
    };
    failures.iter().map(|each| (each.pointer.clone(), each.code.to_string(), each.message.clone())).collect()
}

fn failures<T: Schema>(text: &str) -> Vec<String> {
    explained::<T>(text).into_iter().map(|(pointer, code, _)| format!("{pointer} {code}")).collect()
}

#[test]
fn the_tag_says_what_an_object_is() {
    let id = Uuid::try_parse(ID).unwrap();
    check(
        &format!(r#"{{"type":"created","id":"{ID}","stars":9,"howSoon":"low","large":9007199254740991}}"#),
        Event::Created {
            id,
            stars: 9,
            priority: Some(Priority::Low),
            large: Patch::Set(9_007_199_254_740_991),
        },
    );
    check(
        &format!(r#"{{"type":"created","id":"{ID}","stars":3,"large":null}}"#),
        Event::Created { id, stars: 3, priority: None, large: Patch::Null },
    );
    let about = About { by: Some("b".into()), ratio: Some(0.1), next: Some(Box::new(Event::Deleted)) };
    check(
        r#"{"type":"renamed","name":"a","by":"b","ratio":0.1,"next":{"type":"GONE"}}"#,
        Event::Renamed(Box::new(Rename { name: "a".into(), about })),
    );
    check(r#"{"type":"GONE"}"#, Event::Deleted);
    check(r#"{"type":"empty"}"#, Event::Empty {});
    check(
        r#"{"type":"several","events":[{"type":"empty"},{"type":"several","events":[]}]}"#,
        Event::Several { events: vec![Event::Empty {}, Event::Several { events: Vec::new() }] },
    );
    let late = format!(r#"{{"id":"{ID}","type":"created"}}"#);
    let expected = Event::Created { id, stars: 3, priority: None, large: Patch::Unchanged };
    assert_eq!(parse_body::<Event>(late.as_bytes()).unwrap(), expected, "with a default, the tag last");
    check(
        r#"{"event":{"type":"empty"},"events":[null,{"type":"GONE"}]}"#,
        Log { event: Some(Event::Empty {}), events: vec![None, Some(Event::Deleted)] },
    );
}

#[test]
fn every_kind_of_field_survives() {
    let tagged = EVERYTHING.replacen('{', r#"{"type": "all","#, 1);
    let event: Event = parse_body(tagged.as_bytes()).unwrap();
    assert_eq!(event, Event::All(parse_body(EVERYTHING.as_bytes()).unwrap()));
    assert_eq!(parse_body::<Event>(&write_body(&event).unwrap()).unwrap(), event);
}

#[test]
fn a_wrong_tag_is_told_the_right_ones() {
    let all = "must be one of `created`, `renamed`, `GONE`, `signed_in`, `empty`, `several`, `all`";
    for (text, code, message) in [
        ("{}", "required", "is required"),
        (r#"{"typ":"created"}"#, "required", "is required"),
        (r#"{"type":"Created"}"#, "enum", all),
        (r#"{"type":"\ud800"}"#, "enum", all),
        (r#"{"type":null,"id":1}"#, "type", "expected a string, found null"),
        (r#"{"type":["created"]}"#, "type", "expected a string, found an array"),
    ] {
        assert_eq!(explained::<Event>(text), [("/type".into(), code.into(), message.into())], "{text}");
    }
    for (text, found) in [("1", "a number"), (r#"["created",{}]"#, "an array"), (r#""GONE""#, "a string")] {
        let message = format!("expected an object, found {found}");
        assert_eq!(explained::<Event>(text), [(String::new(), "type".into(), message)]);
    }
    assert_eq!(
        failures::<Log>(r#"{"event":null,"events":[{"type":"x"}]}"#),
        ["/event type", "/events/0/type enum"]
    );
}

#[test]
fn what_is_wrong_is_found_in_the_variant() {
    for (text, expected) in [
        (r#"{"id":1,"stars":10,"type":"created"}"#, &["/id type", "/stars range"][..]),
        (r#"{"type":"created","priority":"low"}"#, &["/priority unknown", "/id required"]),
        (
            r#"{"type":"renamed","name":"","by":null,"next":{"type":"several","events":[{}]}}"#,
            &["/name length", "/by type", "/next/events/0/type required"],
        ),
        (r#"{"type":"GONE","id":1}"#, &["/id unknown"]),
        (r#"{"type":"empty","id":1}"#, &["/id unknown"]),
        (r#"{"type":"several","events":[{"type":2}]}"#, &["/events/0/type type"]),
        (r#"{"type":"GONE","type":"GONE"}"#, &["/type duplicate"]),
        (r#"{"type":"several","events":[],"events":[]}"#, &["/events duplicate"]),
        (r#"{"type":"signed_in","name":"a"}"#, &["/pin required"]),
        (
            r#"{"type":"several","events":[{"type":"created","stars":1.5,"id":""}]}"#,
            &["/events/0/stars type", "/events/0/id format"],
        ),
    ] {
        assert_eq!(failures::<Event>(text), expected, "{text}");
    }
    let log = r#"{"events":[{"type":"GONE"},{"type":"GONE"}]}"#;
    assert_eq!(failures::<Log>(log), ["/events/1 unique_items"]);
}

#[test]
fn a_secret_is_not_shown() {
    let event = Event::SignedIn { name: "ada".into(), pin: "1234".into() };
    assert_eq!(format!("{event:?}"), r#"SignedIn { name: "ada", pin: … }"#);
    assert_eq!(
        format!("{:?}", Event::Several { events: vec![Event::Deleted] }),
        "Several { events: [Deleted] }"
    );
}

#[test]
fn each_variant_is_an_object_of_its_own() {
    let mut registry = poem_openapi::registry::Registry::new();
    crate::spec::register::<Log>(&mut registry);
    let schemas = serde_json::to_value(&registry.schemas).unwrap();
    let names: Vec<_> = registry.schemas.keys().filter(|name| name.starts_with("Event")).collect();
    assert_eq!(
        names,
        [
            "Event",
            "Event_All",
            "Event_Created",
            "Event_Deleted",
            "Event_Empty",
            "Event_Renamed",
            "Event_Several",
            "Event_SignedIn"
        ]
    );
    let event = &schemas["Event"];
    assert_eq!(event["description"], "What has happened.");
    assert_eq!(event["oneOf"][1], json!({"$ref": "#/components/schemas/Event_Renamed"}));
    assert_eq!(event["discriminator"]["propertyName"], "type");
    assert_eq!(event["discriminator"]["mapping"]["GONE"], "#/components/schemas/Event_Deleted");
    assert_eq!(event.get("type"), None, "what the fields are is said by the variants");
    assert_eq!(
        schemas["Event_Deleted"],
        json!({"type": "object", "required": ["type"], "properties": {"type": {"type": "string", "enum": ["GONE"]}}})
    );
    let renamed = &schemas["Event_Renamed"];
    let properties = renamed["properties"].as_object().unwrap();
    assert_eq!(properties.keys().collect::<Vec<_>>(), ["type", "name", "by", "ratio", "next"]);
    assert_eq!(
        (&renamed["required"], &renamed["description"]),
        (&json!(["type", "name"]), &json!("It has another name."))
    );
    assert_eq!(schemas["Event_Created"]["properties"]["stars"]["default"], 3);
}
