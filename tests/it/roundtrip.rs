//! What a model accepts is what its schema allows: arbitrary texts are sent to procedures that answer what they were
//! sent, and a validator of JSON Schema that knows nothing of catena says of each what should have become of it.

#[path = "roundtrip/models.rs"]
mod models;
#[path = "roundtrip/texts.rs"]
mod texts;

use std::{cell::RefCell, collections::BTreeSet};

use catena::{
    testing::{Answer, Method, TestApp},
    types::DateTime,
};
use jsonschema::{Draft, Validator};
use proptest::{
    collection::vec,
    prelude::{Strategy as _, any, prop_assert, prop_assert_eq},
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// How many texts each model is sent.
const CASES: u32 = 1000;

/// What became of the texts that were sent.
#[derive(Default)]
struct Seen {
    accepted: u32,
    refused: u32,
    codes: BTreeSet<String>,
}

#[test]
fn a_model_accepts_what_its_schema_allows_and_nothing_else() {
    let runtime = Runtime::new().expect("a runtime");
    let app = TestApp::builder(catena::app!("apps/library/migrations")).without_database();
    let app = runtime.block_on(app.start());
    let document = runtime.block_on(app.client().get("/openapi.json")).json();
    let paths = document["paths"].as_object().expect("an object");
    assert_eq!(paths.len(), models::COUNT);

    let (mut codes, mut faults) = (BTreeSet::new(), Vec::new());
    for (path, methods) in paths {
        let schema = sent(&methods["post"]["requestBody"], &document);
        let (asked, answered) =
            (validator(&schema), validator(&sent(&methods["post"]["responses"]["200"], &document)));
        let seen = RefCell::new(Seen::default());
        let case = |body: String| {
            let mut client = app.client();
            let mut send = |body: &str| {
                runtime.block_on(client.send(Method::POST, path, Some("application/json"), body))
            };
            let answer = send(&body);
            let value: Value = serde_json::from_str(&body).expect("JSON");
            match answer.status {
                200 => {
                    prop_assert!(
                        asked.is_valid(&value),
                        "accepted, but the schema says: {}",
                        why(&asked, &value)
                    );
                    let output = answer.json();
                    prop_assert!(answered.is_valid(&output), "{output}: {}", why(&answered, &output));
                    prop_assert!(is_kept(&value, &output), "came back as {output}");
                    prop_assert_eq!(send(&answer.text()).json(), output, "read once more");
                    seen.borrow_mut().accepted += 1;
                }
                422 => {
                    let failures = failures(&answer);
                    prop_assert!(!failures.is_empty(), "nothing is said to be wrong");
                    prop_assert!(
                        !asked.is_valid(&value)
                            || failures.iter().all(|failure| is_beyond_schemas(failure, &value)),
                        "refused, but the schema allows it: {failures:?}"
                    );
                    let mut seen = seen.borrow_mut();
                    seen.refused += 1;
                    seen.codes.extend(failures.into_iter().map(|[_, code]| code));
                }
                status => prop_assert!(false, "{status}: {}", answer.text()),
            }
            Ok(())
        };
        let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let bodies = vec(any::<u16>(), 0..200).prop_map(|choices| texts::nearly(&schema, choices));
        match runner.run(&bodies, case) {
            Ok(()) => {}
            Err(TestError::Fail(reason, body)) => faults.push(format!(
                "{path} {body}
{reason}"
            )),
            Err(error) => faults.push(format!("{path}: {error}")),
        }
        let Seen { accepted, refused, codes: more } = seen.into_inner();
        if accepted.min(refused) < CASES / 5 {
            faults.push(format!(
                "{path}: {accepted} texts are accepted and {refused} refused, which is no test"
            ));
        }
        codes.extend(more);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    let every = [
        "enum",
        "format",
        "items",
        "length",
        "multiple_of",
        "pattern",
        "range",
        "required",
        "type",
        "unique_items",
        "unknown",
    ];
    assert!(codes.iter().eq(every), "{codes:?}");
}

/// The schema of a body, with all that it refers to.
fn sent(body: &Value, document: &Value) -> Value {
    let content = body["content"].as_object().and_then(|content| content.values().next());
    let mut schema = content.expect("a body")["schema"].clone();
    schema["components"] = document["components"].clone();
    schema
}

/// Formats are asserted.
fn validator(schema: &Value) -> Validator {
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(schema).expect("a schema")
}

fn why(validator: &Validator, value: &Value) -> String {
    let errors = validator.iter_errors(value);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>().join("; ")
}

/// Pointer and code of everything that is wrong.
fn failures(answer: &Answer) -> Vec<[String; 2]> {
    let problem = answer.json();
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    let text = |error: &Value, name: &str| error[name].as_str().expect("a text").to_owned();
    errors.iter().map(|error| [text(error, "pointer"), text(error, "code")]).collect()
}

/// Whether a value is refused for what no schema can say. This is the whole list, as far as texts are made up here:
///
/// - To JSON Schema `1.0` is an integer; to a model it is a number with a fraction.
///
/// What is not made up: keys that are there twice and numbers such as `1e400`, which the validator's values cannot
/// have; numbers that a `f32` rounds, as a model compares them once they are rounded; texts of different wording that
/// stand for the same value, in lists whose items are unique; nesting beyond a model's depth.
fn is_beyond_schemas([pointer, code]: &[String; 2], value: &Value) -> bool {
    let is_whole = |number: f64| number.fract() == 0.0;
    let at = value.pointer(pointer);
    code == "type" && at.is_some_and(|at| at.is_f64() && at.as_f64().is_some_and(is_whole))
}

/// Whether what was sent stands in what came back, which may also have defaults and other spellings of the same value.
fn is_kept(sent: &Value, back: &Value) -> bool {
    match (sent, back) {
        (Value::Object(sent), Value::Object(back)) => {
            sent.iter().all(|(name, value)| back.get(name).is_some_and(|back| is_kept(value, back)))
        }
        (Value::Array(sent), Value::Array(back)) => {
            sent.len() == back.len() && sent.iter().zip(back).all(|(sent, back)| is_kept(sent, back))
        }
        (Value::Number(sent), Value::Number(back)) => sent.as_f64() == back.as_f64(),
        (Value::String(sent), Value::String(back)) if sent != back => {
            let is_same_uuid = sent.len() == 36 && sent.to_lowercase() == *back;
            let time = |text| DateTime::parse_from_rfc3339(text).ok();
            let is_zero =
                sent.strip_prefix('-') == Some(back) && back.bytes().all(|byte| matches!(byte, b'0' | b'.'));
            is_same_uuid || is_zero || time(sent).is_some_and(|sent| time(back) == Some(sent))
        }
        _ => sent == back,
    }
}

#[test]
fn the_validator_and_the_texts_are_worth_their_name() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}});
    assert_eq!(texts::nearly(&schema, vec![]), r#"{"a":0}"#);
    let date = validator(&json!({"type": "string", "format": "date"}));
    assert!(
        date.is_valid(&json!("2026-01-31")) && !date.is_valid(&json!("2026-02-31")),
        "formats are asserted"
    );
}
