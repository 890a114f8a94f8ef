use super::*;
use crate::{
    Patch, model,
    model::{
        Schema,
        fixtures::{EVERYTHING, Everything, NewTask, Ticket, Tree},
        parse_body,
    },
};

fn walked<T: Schema>(text: &str) -> Vec<Failure> {
    walk(text, T::shape(), Place::Body).unwrap_or_else(|error| panic!("{text} is not JSON: {error}"))
}

/// `pointer code` of every failure.
fn failures<T: Schema>(text: &str) -> Vec<String> {
    walked::<T>(text).iter().map(|failure| format!("{} {}", failure.pointer, failure.code)).collect()
}

/// The one failure of a text: code, message and what was expected.
fn failure<T: Schema>(text: &str) -> (String, String, Option<String>) {
    let failures = walked::<T>(text);
    let [failure] = &failures[..] else { panic!("{text}: {failures:?}") };
    (failure.code.to_string(), failure.message.clone(), failure.expected.clone())
}

/// A valid [`Everything`] with another value for one field.
fn with(field: &str, value: &str) -> String {
    let start = EVERYTHING.find(&format!("\"{field}\": ")).expect("a field of the model") + field.len() + 4;
    let mut rest = serde_json::Deserializer::from_str(&EVERYTHING[start..]).into_iter::<IgnoredAny>();
    rest.next();
    format!("{}{value}{}", &EVERYTHING[..start], &EVERYTHING[start + rest.byte_offset()..])
}

#[test]
fn finds_everything_in_the_order_of_the_text() {
    assert_eq!(
        failures::<NewTask>(r#"{"title":"","due_at":7,"bogus":1}"#),
        ["/title length", "/due_at type", "/bogus unknown"]
    );
    assert_eq!(failures::<NewTask>(r#"{"bogus":1}"#), ["/bogus unknown", "/title required"]);
    assert!(failures::<Everything>(EVERYTHING).is_empty());
    assert_eq!(failures::<Everything>("{}").first().map(String::as_str), Some("/text required"));
}

#[test]
fn every_failure_says_what_is_wrong_and_what_was_expected() {
    for (field, value, code, message, expected) in [
        ("text", "1", "type", "expected a string, found a number", "string"),
        ("flag", "\"true\"", "type", "expected a boolean, found a string", "boolean"),
        ("medium", "[1]", "type", "expected an integer, found an array", "integer"),
        (
            "medium",
            "2.0",
            "type",
            "expected an integer, found a number with a fraction or an exponent",
            "integer",
        ),
        ("ratio", "{}", "type", "expected a number, found an object", "number"),
        ("tags", "\"a\"", "type", "expected an array, found a string", "array"),
        ("tags", "{\"a\": [{}]}", "type", "expected an array, found an object", "array"),
        ("task", "[[1], 2]", "type", "expected an object, found an array", "object"),
        ("task", "true", "type", "expected an object, found a boolean", "object"),
        ("text", "null", "type", "must not be null", "string"),
        ("maybe", "null", "type", "must not be null; leave the field out instead", "integer"),
        ("others", "null", "type", "must not be null; leave the field out instead", "array"),
        (
            "id",
            "\"x\"",
            "format",
            "must be a UUID with hyphens, such as 0198c0de-0000-7000-8000-000000000000",
            "uuid",
        ),
        (
            "at",
            "\"x\"",
            "format",
            "must be a time with its offset (RFC 3339), such as 2026-01-31T12:00:00Z",
            "date-time",
        ),
        ("day", "\"x\"", "format", "must be a date, such as 2026-01-31", "date"),
        ("text", "\"🦀\"", "length", "must have from 2 to 4 characters, has 1", "2..=4"),
        ("medium", "6", "range", "must be from 1 to 5", "1..=5"),
        ("medium", "1e20", "range", "must be from 1 to 5", "1..=5"),
        ("maybe", "1e400", "range", "must be from -1 to 9007199254740991", "-1..=9007199254740991"),
        ("maybe", "-2", "range", "must be at least -1", "-1.."),
        ("weight", "0.2", "range", "must be at most 0.1", "..=0.1"),
        ("short", "65536", "range", "must be from 0 to 65535", "0..=65535"),
        (
            "large",
            "9007199254740992",
            "range",
            "must be from -9007199254740991 to 9007199254740991",
            "-9007199254740991..=9007199254740991",
        ),
    ] {
        let failure = failure::<Everything>(&with(field, value));
        assert_eq!(failure, (code.into(), message.into(), Some(expected.into())), "{field}: {value}");
    }
}

#[test]
fn what_serde_json_cannot_represent_has_a_pointer() {
    assert_eq!(failures::<Everything>(&with("ratio", "1e400")), ["/ratio range"]);
    assert_eq!(failures::<Everything>(&with("weight", "1e39")), ["/weight range"]);
    assert_eq!(failures::<Everything>(&with("large", "-1e400")), ["/large range"]);
    assert_eq!(failures::<Everything>(&with("text", r#""\udc00""#)), ["/text format"]);
    // Where a list or an object is expected the walk stops.
    assert_eq!(
        failures::<Everything>(&with("task", r#"{"title": "", "notes": 1e400}"#)),
        ["/task/title length", "/task/notes type"]
    );
    assert_eq!(failures::<Everything>(&with("tags", "1e400")), ["/tags type"]);
    assert_eq!(
        failures::<NewTask>(r#"{"title":"t","notes":[1e400],"bogus":1e400}"#),
        ["/notes type", "/bogus unknown"]
    );
}

#[test]
fn repeated_keys_are_seen() {
    assert_eq!(
        failures::<NewTask>(r#"{"title":"a","title":"","bogus":1,"notes":"","notes":7}"#),
        ["/title duplicate", "/bogus unknown", "/notes duplicate"]
    );
}

#[test]
fn pointers_lead_into_lists_and_objects_and_are_escaped() {
    let text = r#"{"name":"","children":[{"name":"","children":[]},{"name":1,"a/b~c":0,"children":[null]}]}"#;
    assert_eq!(
        failures::<Tree>(text),
        ["/children/1/name type", "/children/1/a~1b~0c unknown", "/children/1/children/0 type"]
    );
    assert_eq!(failures::<Everything>(&with("holes", "[null,\"\",1]")), ["/holes/1 type"]);
    assert_eq!(failures::<Vec<NewTask>>("7"), [" type"]);
}

#[test]
fn an_unknown_field_is_compared_with_the_known_ones() {
    for (name, suggestion) in [
        ("titel", Some("title")),
        ("Title", Some("title")),
        ("dueAt", Some("due_at")),
        ("due-at", Some("due_at")),
        ("note", Some("notes")),
        ("bogus", None),
        ("x", None),
        ("", None),
    ] {
        let (_, message, _) = failure::<NewTask>(&format!(r#"{{"title":"t","{name}":1}}"#));
        let expected = match suggestion {
            Some(field) => format!("there is no such field; did you mean `{field}`?"),
            None => "there is no such field".to_owned(),
        };
        assert_eq!(message, expected, "{name}");
    }
}

#[test]
fn lengths_are_worded_by_their_limits() {
    for (min, max, message) in [
        (1, Some(1), "must have exactly 1 character, has 9"),
        (3, Some(3), "must have exactly 3 characters, has 9"),
        (0, Some(1), "must have at most 1 character, has 9"),
        (2, Some(5), "must have from 2 to 5 characters, has 9"),
        (10, None, "must have at least 10 characters, has 9"),
    ] {
        assert_eq!(length_message(min, max, 9), message);
    }
}

#[test]
fn a_value_is_never_repeated() {
    let text = r#"{"title":["s3cret"],"notes":{"a":"s3cret"},"due_at":"s3cret","bogus":"s3cret"}"#;
    assert!(!format!("{:?}", walked::<NewTask>(text)).contains("s3cret"));
}

#[test]
fn reports_at_most_a_hundred_failures() {
    let text = format!("[{}]", vec!["{}"; 1000].join(","));
    assert_eq!(walked::<Vec<NewTask>>(&text).len(), MAX_FAILURES);
    assert!(walk(&text.replace(']', ""), Vec::<NewTask>::shape(), Place::Body).is_err());
}

#[test]
fn what_is_in_lists_and_maps_is_counted() {
    let leaf = r#"{"name":"a","children":[]}"#;
    assert_eq!(
        failure::<Tree>(&format!(r#"{{"name":"a","children":[{leaf},{leaf},{leaf}]}}"#)),
        ("items".to_owned(), "must have at most 2 items, has 3".to_owned(), Some("0..=2".to_owned()))
    );
    assert_eq!(
        failure::<Ticket>(r#"{"label":"a","counts":{}}"#),
        ("items".to_owned(), "must have from 1 to 2 entries, has 0".to_owned(), Some("1..=2".to_owned()))
    );
    assert_eq!(failures::<Ticket>(r#"{"label":"a","counts":{"a":1,"b":2,"c":3}}"#), ["/counts items"]);
}

#[test]
fn every_repeated_item_has_a_pointer() {
    let failures = walked::<Ticket>(r#"{"label":"a","watchers":["x","y","\u0078",7,"y"]}"#);
    // What cannot be read is not compared.
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!((failures[0].pointer.as_str(), &*failures[0].code), ("/watchers/3", "type"));

    let failures = walked::<Ticket>(r#"{"label":"a","watchers":["x","y","\u0078","y"]}"#);
    let said: Vec<_> =
        failures.iter().map(|failure| (failure.pointer.as_str(), failure.message.as_str())).collect();
    assert_eq!(said, [("/watchers/2", "is the same as item 0"), ("/watchers/3", "is the same as item 1")]);
    assert_eq!(failures[0].code, "unique_items");
    assert_eq!(self::failures::<Ticket>(r#"{"label":"a","watchers":{}}"#), ["/watchers type"]);
    assert_eq!(self::failures::<Ticket>(r#"{"label":"a","watchers":["\ud800"]}"#), ["/watchers/0 format"]);
    assert!(walk(r#"{"label":"a","watchers":["x",]}"#, Ticket::shape(), Place::Body).is_err());
}

#[test]
fn a_pattern_is_matched_as_javascript_does() {
    for text in ["12a", "٣", "1\\n", ""] {
        assert_eq!(
            failure::<Ticket>(&format!(r#"{{"label":"a","pin":"{text}"}}"#)),
            ("pattern".to_owned(), r"must match the pattern `^\d+$`".to_owned(), Some(r"^\d+$".to_owned()))
        );
    }
    assert!(failures::<Ticket>(r#"{"label":"a","pin":"1234"}"#).is_empty());
}

#[test]
fn multiples_are_exact() {
    assert_eq!(
        failure::<Ticket>(r#"{"label":"a","maxTries":4}"#),
        ("multiple_of".to_owned(), "must be a multiple of 3".to_owned(), Some("a multiple of 3".to_owned()))
    );
    assert_eq!(
        failures::<Ticket>(r#"{"label":"a","maxTries":-2}"#),
        ["/maxTries range", "/maxTries multiple_of"]
    );
}

/// A model of every shape in another.
#[model]
struct Log {
    #[model(flatten)]
    page: LogPage<bool>,
    events: Vec<Event>,
    last: Patch<Event>,
}

#[model]
struct LogPage<T> {
    items: Patch<Vec<T>>,
    #[model(default = 5)]
    #[check(range = 1..=5)]
    limit: i64,
    #[model(flatten)]
    more: NewTask,
}

#[model(tag = "type")]
enum Event {
    Done,
    Made { task: Patch<NewTask>, stars: Option<i16>, within: Vec<Event> },
    Sold(Ticket),
    Paged(Box<LogPage<Tree>>),
}

/// A random choice that is the same in every run.
struct Random(u64);

impl Random {
    /// SplitMix64, by Steele, Lea and Flood.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).expect("less than the limit")
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.below(from.len())].to_owned()
    }

    /// A text for a value of the shape: mostly right, sometimes at its limits, sometimes wrong.
    fn value(&mut self, shape: Shape, depth: usize) -> String {
        if self.one_in(40) {
            return self.pick(&[
                "null",
                "true",
                "-0",
                "0",
                "1.0",
                "1e400",
                r#""""#,
                r#""\ud800""#,
                "[]",
                "[0]",
                "{}",
            ]);
        }
        match shape {
            Shape::Boolean => self.pick(&["true", "false"]),
            Shape::Integer { min, max, .. } => {
                let limits = [min, max, min - 1, max + 1].map(|limit| limit.to_string());
                if self.one_in(20) {
                    limits[self.below(4)].clone()
                } else {
                    self.pick(&["1", "2", "5", "3", "1", "4"])
                }
            }
            Shape::Number { .. } if self.one_in(15) => {
                self.pick(&["0.50000001", "1e39", "-1", "1e-400", "0.1000000001", "18446744073709551616"])
            }
            Shape::Number { .. } => self.pick(&["0", "0.1", "0.05", "1e-3"]),
            Shape::String { format, .. } => match format {
                _ if self.one_in(20) => {
                    self.pick(&[r#""x""#, r#""2026-13-01""#, r#""🦀🦀🦀🦀🦀""#, r#""äöüß""#])
                }
                "uuid" => self.pick(&[r#""0198c0de-0000-7000-8000-000000000000""#]),
                "date-time" => self.pick(&[r#""2026-01-31T12:00:00Z""#, r#""2026-01-31T12:00:00.25+01:00""#]),
                "date" => self.pick(&[r#""2026-01-31""#, r#""2024-02-29""#]),
                _ => self.pick(&[r#""abc""#, r#""\u00e4\n""#, r#""🦀🦀""#, r#""12""#]),
            },
            Shape::Array { items, nullable_items } => {
                let count = if depth > 3 { 0 } else { self.below(3) };
                let items: Vec<_> = (0..count)
                    .map(|_| match nullable_items && self.one_in(3) {
                        true => "null".to_owned(),
                        false => self.value(items(), depth + 1),
                    })
                    .collect();
                format!("[{}]", items.join(","))
            }
            Shape::Map { values, nullable_values } => {
                let count = if depth > 3 { 0 } else { self.below(3) };
                let members: Vec<_> = (0..count)
                    .map(|_| match nullable_values && self.one_in(3) {
                        true => r#""n": null"#.to_owned(),
                        false => {
                            let key = self.pick(&[r#""a""#, r#""b/~""#, r#""""#, r#""\u0000""#]);
                            format!("{key}: {}", self.value(values(), depth + 1))
                        }
                    })
                    .collect();
                format!("{{{}}}", members.join(","))
            }
            Shape::Choice(_) if self.one_in(20) => self.pick(&[r#""Low""#, r#""\ud800""#, "1"]),
            Shape::Choice(choice) => format!("{:?}", self.pick(choice.values)),
            Shape::Named(named) => self.value((named.shape)(), depth),
            Shape::Constant(_) if self.one_in(30) => self.pick(&[r#""done""#, r#""\ud800""#, "1"]),
            Shape::Constant(value) => format!("{value:?}"),
            Shape::Union(union) => {
                let variant = &union.variants[self.below(union.variants.len())];
                self.object(&variant.object, depth)
            }
            Shape::Object(object) => self.object(object, depth),
        }
    }

    fn object(&mut self, object: &ObjectShape, depth: usize) -> String {
        let mut members = Vec::new();
        for field in object.fields {
            let absent = if field.required { self.one_in(60) } else { depth > 3 || self.one_in(3) };
            for _ in 0..if absent { 0 } else { 1 + usize::from(self.one_in(150)) } {
                let value = match field.nullable && self.one_in(3) {
                    true => "null".to_owned(),
                    false => self.value((field.shape)(), depth + 1),
                };
                members.push(format!("{:?}: {value}", field.name));
            }
        }
        if self.one_in(60) {
            members.insert(self.below(members.len() + 1), r#""bogus": [1e400]"#.to_owned());
        }
        if self.one_in(100) {
            return r#"["abc", "abc", "2026-01-31T12:00:00Z"]"#.to_owned();
        }
        format!("{{{}}}", members.join(","))
    }

    /// The text with one character replaced or taken out.
    fn damaged(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let at = self.below(characters.len());
        match self.below(3) {
            0 => characters.truncate(at),
            1 => drop(characters.remove(at)),
            _ => characters[at] = ['"', '{', ']', ',', '1', '.', 'e', '\\', ' '][self.below(9)],
        }
        characters.into_iter().collect()
    }
}

/// The reader accepts a text exactly if the walker finds nothing wrong with it.
#[track_caller]
fn agree<T: Schema>(random: &mut Random, rounds: usize) {
    let (mut accepted, mut explained) = (0, 0);
    for _ in 0..rounds {
        let mut text = random.value(T::shape(), 0);
        if random.one_in(8) {
            text = random.damaged(&text);
        }
        let walked = walk(&text, T::shape(), Place::Body);
        let is_accepted = parse_body::<T>(text.as_bytes()).is_ok();
        assert_eq!(is_accepted, matches!(&walked, Ok(failures) if failures.is_empty()), "{text}\n{walked:?}");
        accepted += usize::from(is_accepted);
        explained += usize::from(walked.is_ok_and(|failures| !failures.is_empty()));
    }
    assert!(accepted > rounds / 20 && explained > rounds / 20, "{accepted} accepted, {explained} explained");
}

#[test]
fn reader_and_walker_agree() {
    let mut random = Random(1);
    agree::<NewTask>(&mut random, 4000);
    agree::<Everything>(&mut random, 4000);
    agree::<Vec<Tree>>(&mut random, 4000);
    agree::<Ticket>(&mut random, 4000);
    agree::<Event>(&mut random, 4000);
    agree::<Log>(&mut random, 4000);
}
