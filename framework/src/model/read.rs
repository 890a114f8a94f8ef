//! Text to value and back.
//!
//! A valid text is read once. Only one that was refused is read again, by the walker, to say everything that is
//! wrong with it.

use std::{any::type_name, str};

use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::{ObjectShape, Schema, Shape, walk::walk};
use crate::error::{Code, Error, Failure, Place, Result};
use crate::macros::model;

/// How many objects and lists may stand inside each other.
const MAX_DEPTH: usize = 64;

/// Reads a JSON body.
///
/// # Errors
/// `malformed_json` with line and column; `invalid_input` with everything that is wrong.
pub(crate) fn parse_body<T: Schema>(body: &[u8]) -> Result<T> {
    parse(body, Place::Body)
}

/// Reads a query string (`a=1&b=x`, percent-encoded) as a value of `T`, an object whose fields are parameters.
///
/// Numbers and booleans are written as in JSON; a list is a parameter that is repeated.
///
/// # Errors
/// `invalid_input` with everything that is wrong; `bad_request` for a query that is not UTF-8.
pub(crate) fn parse_query<T: Schema>(query: &str) -> Result<T> {
    let Shape::Object(object) = T::shape() else {
        return Err(Error::internal("only an object can be read from a query string"));
    };
    parse(query_to_json(query, object)?.as_bytes(), Place::Query)
}

/// Refuses every parameter of a query string where none is expected.
///
/// # Errors
/// `invalid_input` with each; `bad_request` for a query that is not UTF-8.
pub(crate) fn parse_no_query(query: &str) -> Result<()> {
    #[model]
    struct Nothing {}

    if query.is_empty() { Ok(()) } else { parse_query::<Nothing>(query).map(drop) }
}

/// Reads the parameter `name` of a path, already decoded. Numbers and booleans are written as in JSON.
///
/// # Errors
/// `invalid_input`, with the pointer `/name`.
pub(crate) fn parse_segment<T: Schema>(name: &str, value: &str) -> Result<T> {
    parse(coerce(value, T::shape()).as_bytes(), Place::Path).map_err(|error| {
        let below =
            |failure: &Failure| Failure { pointer: format!("/{name}{}", failure.pointer), ..failure.clone() };
        Error::invalid(error.failures().iter().map(below).collect())
    })
}

/// Everything in which a text that is JSON differs from a shape; empty for one that is not JSON.
pub(crate) fn differences(text: &str, shape: Shape, place: Place) -> Vec<Failure> {
    walk(text, shape, place).unwrap_or_default()
}

/// Writes a value as JSON.
///
/// # Errors
/// `internal` for a value that its own shape cannot express.
pub(crate) fn write_body<T: Schema>(value: &T) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(128);
    match value.write(&mut serde_json::Serializer::new(&mut text)) {
        Ok(()) => Ok(text),
        Err(error) => Err(Error::internal(match last_key(&text) {
            Some(key) => format!("the field `{key}` cannot be written: {error}"),
            None => format!("the answer cannot be written: {error}"),
        })),
    }
}

/// The key that was written last: that of the value at which the writing stopped.
fn last_key(text: &[u8]) -> Option<&str> {
    // A quote inside a string is escaped, so an unescaped quote before a colon ends a key.
    let end = text.windows(3).rposition(|bytes| bytes[0] != b'\\' && &bytes[1..] == b"\":")? + 1;
    let start = text[..end].iter().rposition(|byte| *byte == b'"')? + 1;
    str::from_utf8(&text[start..end]).ok()
}

fn parse<T: Schema>(text: &[u8], place: Place) -> Result<T> {
    if let Some(offset) = beyond_depth(text) {
        let (line, column) = position(text, offset);
        return Err(malformed(&format!("is nested more than {MAX_DEPTH} levels deep"), line, column));
    }
    match read::<T>(text) {
        Ok(value) if value.is_valid() => Ok(value),
        outcome => Err(explain(text, T::shape(), place, outcome.err())),
    }
}

/// Reads a stored document. Its fields' checks may be younger than it, and are not asked.
///
/// # Errors
/// A sentence with the name of the type and the first place at which the document is not one.
pub(super) fn read_stored<T: Schema>(text: &[u8]) -> std::result::Result<T, String> {
    read::<T>(text).map_err(|error| no_document::<T>(text, error))
}

/// Reads what [`write_body`] wrote, as [`read_stored`] does; `null` is an `Option`'s `None`.
///
/// # Errors
/// As [`read_stored`].
pub(crate) fn read_kept<T: Schema>(text: &[u8]) -> std::result::Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let read = T::read_item(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    read.map_err(|error| no_document::<T>(text, error))
}

fn no_document<T: Schema>(text: &[u8], error: serde_json::Error) -> String {
    let explained = explain(text, T::shape(), Place::Body, Some(error));
    let name = type_name::<T>();
    match explained.failures().first() {
        Some(Failure { pointer, message, .. }) => {
            format!("the stored document is no `{name}`: at `{pointer}`: {message}")
        }
        None => format!("the stored document is no `{name}`: {}", explained.detail()),
    }
}

fn read<T: Schema>(text: &[u8]) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = T::read(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// The offset of the first bracket that opens a level too many.
fn beyond_depth(text: &[u8]) -> Option<usize> {
    let opening = |byte: &u8| matches!(byte, b'{' | b'[');
    if text.iter().filter(|byte| opening(byte)).count() <= MAX_DEPTH {
        return None;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    text.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > MAX_DEPTH
    })
}

/// Why a text was refused: by serde with `refusal`, or by a check.
#[cold]
fn explain(text: &[u8], shape: Shape, place: Place, refusal: Option<serde_json::Error>) -> Error {
    if text.trim_ascii().is_empty() {
        return Error::invalid(vec![Failure {
            place,
            pointer: String::new(),
            code: "required".into(),
            message: "a JSON body is required".into(),
            expected: Some(shape.name().into()),
        }]);
    }
    let text = match str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => {
            let (line, column) = position(text, error.valid_up_to());
            return malformed("is not JSON: invalid UTF-8", line, column);
        }
    };
    let mut failures = match walk(text, shape, place) {
        Ok(failures) => failures,
        Err(error) => {
            return malformed(&format!("is not JSON: {}", reason(&error)), error.line(), error.column());
        }
    };
    if failures.is_empty() {
        failures.push(Failure {
            place,
            pointer: String::new(),
            code: "invalid".into(),
            message: refusal.map_or_else(|| "does not pass its checks".into(), |error| reason(&error)),
            expected: None,
        });
    }
    Error::invalid(failures)
}

fn malformed(what: &str, line: usize, column: usize) -> Error {
    Error::new(Code::MALFORMED_JSON, format!("the body {what} at line {line}, column {column}"))
}

/// serde's message without the position.
pub(super) fn reason(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&position).unwrap_or(&message).to_owned()
}

/// Line and column of a byte, both counted from 1, columns in bytes.
fn position(text: &[u8], offset: usize) -> (usize, usize) {
    let before = &text[..offset];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (before.iter().filter(|byte| **byte == b'\n').count() + 1, offset - line_start + 1)
}

/// Writes a query string as the JSON object it stands for, so that it is read and refused like any other.
///
/// A repeated parameter is a list where a list is expected, else a repeated key. A text that is not of the expected
/// type stays a string.
fn query_to_json(query: &str, object: &ObjectShape) -> Result<String> {
    let parameters = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect::<Result<Vec<_>>>()?;

    let mut listed = vec![false; object.fields.len()];
    let mut members = Vec::with_capacity(parameters.len());
    for (name, value) in &parameters {
        let value = match object.fields.iter().position(|field| field.name == name) {
            None => quote(value),
            Some(index) => match (object.fields[index].shape)().unnamed() {
                Shape::Array { .. } if listed[index] => continue,
                Shape::Array { items, .. } => {
                    listed[index] = true;
                    let same = parameters.iter().filter(|(other, _)| other == name);
                    let items: Vec<_> = same.map(|(_, value)| coerce(value, items())).collect();
                    format!("[{}]", items.join(","))
                }
                shape => coerce(value, shape),
            },
        };
        members.push(format!("{}:{value}", quote(name)));
    }
    Ok(format!("{{{}}}", members.join(",")))
}

fn decode(text: &str) -> Result<String> {
    match percent_decode_str(&text.replace('+', " ")).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => Err(Error::new(Code::BAD_REQUEST, "the query string is not UTF-8")),
    }
}

/// The text as a literal of the expected type, if it is one; else as a string.
fn coerce(text: &str, shape: Shape) -> String {
    let is_literal = match shape.unnamed() {
        Shape::Boolean => matches!(text, "true" | "false"),
        Shape::Integer { .. } | Shape::Number { .. } => is_number(text),
        _ => false,
    };
    if is_literal { text.to_owned() } else { quote(text) }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get().len() == text.len())
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
