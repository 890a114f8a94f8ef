//! Inputs and problems to show in the document: made up by rule, and such as the framework itself takes and answers.

use serde_json::{Map, Value, json};

use super::schema::sample;
use crate::{
    error::{Code, Error, Failure, Place},
    http::problem_document,
    model::{Bound, Check, Field, ObjectShape, Shape, differences, exact, parse_no_query},
    procedure::Procedure,
};

/// How deep objects stand inside each other in an example.
const DEPTH: usize = 4;

/// Adds examples to an operation: to its body, and to every problem one a code.
pub(super) fn add(operation: &mut Value, procedure: &Procedure) {
    if let Some(Value::Object(contents)) = operation.pointer_mut("/requestBody/content")
        && let Some(example) = procedure.input.and_then(|input| of_input(input()))
    {
        contents.values_mut().for_each(|content| content["example"] = example.clone());
    }
    let responses = operation["responses"].as_object_mut();
    for content in responses.into_iter().flat_map(|all| all.values_mut()) {
        let Some(Value::Object(content)) = content.pointer_mut("/content/application~1problem+json") else {
            continue;
        };
        let codes =
            content["schema"].pointer("/allOf/1/properties/code/enum").and_then(Value::as_array).cloned();
        let examples: Map<_, _> = codes
            .into_iter()
            .flatten()
            .filter_map(|name| {
                let name = name.as_str()?;
                let code = Code::ALL.iter().chain(procedure.problems).find(|code| code.name == name)?;
                Some((name.to_owned(), json!({"summary": code.title, "value": of_problem(*code, procedure)})))
            })
            .collect();
        if !examples.is_empty() {
            content.insert("examples".to_owned(), examples.into());
        }
    }
}

/// An input that is accepted; `None` if no rule leads to one.
fn of_input(shape: Shape) -> Option<Value> {
    let example = of_shape(shape, &[], 0)?;
    // Patterns and the like are not followed, so some of what was made up is refused.
    differences(&example.to_string(), shape, Place::Body).is_empty().then_some(example)
}

fn of_shape(shape: Shape, checks: &[Check], depth: usize) -> Option<Value> {
    let (mut length, mut range, mut items) = ((0, None), (None, None), (0, None));
    for check in checks {
        match *check {
            Check::Length { min, max } => length = (min, max),
            Check::Range { min, max } => range = (min, max),
            Check::Items { min, max } => items = (min, max),
            Check::Format(format) => return Some(format.example.into()),
            _ => {}
        }
    }
    let wanted = items.0.max(usize::from(items.1 != Some(0) && depth < DEPTH));
    Some(match shape {
        Shape::Boolean => true.into(),
        Shape::Integer { .. } | Shape::Number { .. } => match range {
            (Some(min), _) => of_bound(min),
            (None, Some(max)) => of_bound(max),
            (None, None) => 1.into(),
        },
        Shape::String { format, .. } => match format {
            "" => sample(length.0, length.1),
            "uuid" => "01936f8e-7b1c-7000-8000-0123456789ab".into(),
            "date-time" => "2026-01-31T12:00:00Z".into(),
            "date" => "2026-01-31".into(),
            "time" => "12:00:00".into(),
            "duration" => "PT1H".into(),
            _ => exact::published(format)?.example.into(),
        },
        // Several items that are the same may not be welcome; what needs them has no example then.
        Shape::Array { items, .. } => vec![of_shape(items(), &[], depth + 1)?; wanted].into(),
        Shape::Map { values, .. } => {
            let value = of_shape(values(), &[], depth + 1)?;
            (0..wanted).map(|index| (format!("key {index}"), value.clone())).collect::<Map<_, _>>().into()
        }
        Shape::Choice(choice) => (*choice.values.first()?).into(),
        Shape::Named(named) => of_shape((named.shape)(), named.checks, depth)?,
        Shape::Object(object) => of_object(object, depth)?,
        Shape::Union(union) => of_object(&union.variants.first()?.object, depth)?,
        Shape::Constant(value) => value.into(),
    })
}

fn of_object(object: &ObjectShape, depth: usize) -> Option<Value> {
    let mut members = Map::new();
    for field in object.fields.iter().filter(|field| field.required || is_shown(field, depth)) {
        match of_shape((field.shape)(), field.checks, depth + 1) {
            Some(value) => drop(members.insert(field.name.to_owned(), value)),
            None if field.required => return None,
            None => {}
        }
    }
    Some(members.into())
}

fn of_bound(bound: Bound) -> Value {
    match bound {
        Bound::Integer(bound) => bound.into(),
        Bound::Number(bound) => bound.into(),
    }
}

fn is_shown(field: &Field, depth: usize) -> bool {
    depth < DEPTH && !field.deprecated
}

/// A problem document as a caller of the procedure may get it.
fn of_problem(code: Code, procedure: &Procedure) -> Value {
    let error = match code {
        Code::INVALID_INPUT => Error::invalid(failures(procedure)),
        code => Error::new(code, detail(code)),
    };
    problem_document(&error, EXAMPLE_ID)
}

const EXAMPLE_ID: uuid::Uuid = uuid::Uuid::from_u128(0x0193_6f8e_7b1c_7000_8000_0123_4567_89ab);

/// What the framework says in such a case; the title of codes that are the application's own.
fn detail(code: Code) -> &'static str {
    match code {
        Code::MALFORMED_JSON => "the body is not JSON: EOF while parsing an object at line 1, column 1",
        Code::BAD_REQUEST => "the body broke off",
        Code::UNAUTHENTICATED => "sign in, then send the session as a cookie or as a Bearer token",
        Code::INVALID_CREDENTIALS => "no account has this identity and password",
        Code::CROSS_SITE => "this request comes from a page of another site",
        Code::FORBIDDEN => "this is not yours to change",
        Code::NOT_FOUND => "there is no such thing, or not for you",
        Code::REQUEST_TIMEOUT => "the body did not arrive within 15s",
        Code::CONFLICT => "this already exists",
        Code::BODY_TOO_LARGE => "the body may have at most 1048576 bytes",
        Code::UNSUPPORTED_MEDIA_TYPE => "send JSON, with the header `content-type: application/json`",
        code => code.title,
    }
}

/// What is wrong with a request that is not made with care.
fn failures(procedure: &Procedure) -> Vec<Failure> {
    let mut found = Vec::new();
    for parameter in procedure.path {
        let below = |failure: Failure| Failure { pointer: format!("/{}", parameter.name), ..failure };
        found.extend(differences("\"x\"", (parameter.shape)(), Place::Path).into_iter().map(below));
    }
    if let Some(input) = procedure.input {
        let place = if procedure.is_query() { Place::Query } else { Place::Body };
        let mut wrong = differences("{}", input(), place);
        if wrong.is_empty() {
            wrong = differences(r#"{"mistyped":""}"#, input(), place);
        }
        found.extend(wrong);
    }
    if found.is_empty() && procedure.is_query() {
        found = parse_no_query("mistyped=").err().map_or_else(Vec::new, |error| error.failures().to_vec());
    }
    found
}
