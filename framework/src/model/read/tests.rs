use super::*;
use crate::model::{
    Own,
    fixtures::{EVERYTHING, Everything, NewTask, Search, Tree},
};

fn refusal<T: Schema + std::fmt::Debug>(body: &[u8]) -> Error {
    parse_body::<T>(body).expect_err("this body is wrong")
}

#[test]
fn a_valid_body_is_written_as_it_was_read() {
    let everything: Everything = parse_body(EVERYTHING.as_bytes()).unwrap();
    let text = write_body(&everything).unwrap();
    assert_eq!(parse_body::<Everything>(&text).unwrap(), everything);
    assert!(!String::from_utf8(text).unwrap().contains(r#""notes":null"#));
}

#[test]
fn an_absent_option_is_left_out() {
    let task: NewTask = parse_body(br#"{"title":"t"}"#).unwrap();
    assert_eq!(task, NewTask { title: "t".into(), notes: None, due_at: None });
    assert_eq!(write_body(&task).unwrap(), br#"{"title":"t"}"#);
}

#[test]
fn an_empty_body_is_a_missing_one() {
    for body in [&b""[..], b" \n"] {
        let error = refusal::<NewTask>(body);
        assert_eq!(error.code(), Code::INVALID_INPUT);
        let [failure] = error.failures() else { panic!("{error:?}") };
        assert_eq!((failure.pointer.as_str(), failure.code.as_ref()), ("", "required"));
        assert_eq!(failure.message, "a JSON body is required");
    }
}

#[test]
fn text_that_is_not_json_is_said_to_be_so_with_its_place() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for (body, detail) in [
        (&br#"{"title":"a""#[..], "the body is not JSON: EOF while parsing an object at line 1, column 12"),
        (br#"{"title":"a" 1}"#, "the body is not JSON: expected `,` or `}` at line 1, column 14"),
        (b"{\n  title: 1}", "the body is not JSON: key must be a string at line 2, column 3"),
        (br#"{"title":"a"}}"#, "the body is not JSON: trailing characters at line 1, column 14"),
        // What is wrong with the values does not matter in a text that is not JSON.
        (br#"{"title":7,"bogus":nul}"#, "the body is not JSON: expected ident at line 1, column 23"),
        (b"{\"title\":\"\xff\"}", "the body is not JSON: invalid UTF-8 at line 1, column 11"),
        (b"{\"bogus\":\"\xff\"}", "the body is not JSON: invalid UTF-8 at line 1, column 11"),
        (deep.as_bytes(), "the body is nested more than 64 levels deep at line 1, column 65"),
    ] {
        let error = refusal::<NewTask>(body);
        assert_eq!((error.code(), error.detail()), (Code::MALFORMED_JSON, detail));
    }
}

#[test]
fn depth_counts_open_brackets_outside_of_strings() {
    let tree =
        |depth: usize| format!("{}[]{}", r#"{"name":"a[","children":["#.repeat(depth), "]}".repeat(depth));
    // Each level has an object and a list; the innermost list is refused as an item.
    assert_eq!(beyond_depth(tree(31).as_bytes()), None);
    assert!(beyond_depth(tree(32).as_bytes()).is_some());
    assert_eq!(beyond_depth(format!("[\"\\\"{}\"]", "[".repeat(100)).as_bytes()), None);
    assert_eq!(beyond_depth("[]".repeat(100).as_bytes()), None);

    let linked = |depth: usize| {
        let open = r#"{"name":"","children":[],"next":"#;
        let text = open.repeat(depth) + r#"{"name":"","children":[]}"# + &"}".repeat(depth);
        parse_body::<Tree>(text.as_bytes())
    };
    assert!(linked(62).is_ok());
    assert_eq!(linked(64).unwrap_err().code(), Code::MALFORMED_JSON);
}

#[test]
fn a_struct_is_no_list() {
    let error = refusal::<NewTask>(br#"["t", "n", "2026-01-31T12:00:00Z"]"#);
    assert_eq!(error.failures()[0].message, "expected an object, found an array");
}

#[test]
fn a_value_that_cannot_be_written_is_an_internal_error_that_names_the_field() {
    let mut everything: Everything = parse_body(EVERYTHING.as_bytes()).unwrap();
    everything.text = r#"a":1"#.into();
    everything.large = i64::MAX;
    let error = write_body(&everything).unwrap_err();
    assert_eq!(error.code(), Code::INTERNAL);
    assert!(
        error.detail().starts_with("the field `large` cannot be written: 9223372036854775807 "),
        "{error}"
    );

    let error = write_body(&vec![f64::NAN]).unwrap_err();
    assert_eq!(error.detail(), "the answer cannot be written: NaN cannot be written in JSON");
}

#[test]
fn a_refusal_that_the_shape_does_not_explain_still_has_a_failure() {
    #[derive(Debug)]
    struct Picky;

    impl Schema for Picky {
        type Kind = Own;

        fn shape() -> Shape {
            Shape::Boolean
        }

        fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match bool::read(deserializer)? {
                true => Ok(Self),
                false => Err(serde::de::Error::custom("is not true")),
            }
        }

        fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            true.write(serializer)
        }

        fn is_valid(&self) -> bool {
            false
        }
    }

    for (body, message) in [("false", "is not true"), ("true", "does not pass its checks")] {
        let error = refusal::<Picky>(body.as_bytes());
        let [failure] = error.failures() else { panic!("{error:?}") };
        assert_eq!((failure.pointer.as_str(), failure.code.as_ref()), ("", "invalid"));
        assert_eq!(failure.message, message);
    }
}

#[test]
fn a_query_is_read_by_the_fields() {
    let search: Search =
        parse_query("limit=5&text=a+b%2Bc%26%c3%a4&&done=true&score=1.5&tags=x&ids=1&tags=2&").unwrap();
    assert_eq!(
        search,
        Search {
            text: Some("a b+c&ä".into()),
            limit: 5,
            done: Some(true),
            score: Some(1.5),
            tags: Some(vec!["x".into(), "2".into()]),
            ids: Some(vec![1]),
        }
    );
    // A number is a text where a text is expected.
    assert_eq!(parse_query::<Search>("limit=5&text=7").unwrap().text.as_deref(), Some("7"));
}

#[test]
fn a_query_is_refused_like_a_body() {
    let failures = |query: &str| -> Vec<String> {
        let error = parse_query::<Search>(query).expect_err("this query is wrong");
        assert_eq!(error.code(), Code::INVALID_INPUT);
        assert!(error.failures().iter().all(|failure| failure.place == Place::Query));
        error.failures().iter().map(|failure| format!("{} {}", failure.pointer, failure.message)).collect()
    };
    assert_eq!(failures(""), ["/limit is required"]);
    for query in
        ["limit=", "limit=a", "limit=+5", "limit=%205", "limit=05", "limit=5%20", "limit=null", "limit=%22"]
    {
        assert_eq!(failures(query), ["/limit expected an integer"], "{query}");
    }
    assert_eq!(failures("limit=1e400"), ["/limit must be from 1 to 100"]);
    assert_eq!(failures("limit=0"), ["/limit must be from 1 to 100"]);
    assert_eq!(failures("limit=5&limit=6"), ["/limit is there more than once"]);
    assert_eq!(
        failures("limit=5&done=1&ids=1&text=&ids=x&txt=a"),
        [
            "/done expected a boolean",
            "/ids/1 expected an integer",
            "/text must have from 1 to 20 characters, has 0",
            "/txt there is no such parameter; did you mean `text`?",
        ]
    );
    assert_eq!(parse_query::<Search>("limit=5&text=%ff").unwrap_err().code(), Code::BAD_REQUEST);
}
