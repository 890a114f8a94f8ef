//! What `#[model]` adds to enums whose variants are strings on the wire, and to newtypes.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserializer,
    de::{self, Unexpected, Visitor},
};

use super::{Check, Schema, Shape};

/// A string that is one of a few.
#[derive(Debug)]
pub struct ChoiceShape {
    /// The name in the API's document.
    pub name: &'static str,
    /// The description, from the doc comment; may be empty.
    pub doc: &'static str,
    /// The strings, in the order of their declaration.
    pub values: &'static [&'static str],
}

/// A value that has a name and checks of its own.
#[derive(Debug)]
pub struct NamedShape {
    /// The name in the API's document.
    pub name: &'static str,
    /// The description, from the doc comment; may be empty.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: fn() -> Shape,
    /// What it must satisfy beyond its shape.
    pub checks: &'static [Check],
}

/// An enum whose variants are strings on the wire.
pub trait Choice: Sized {
    /// The strings, in the order of the variants.
    const VALUES: &'static [&'static str];

    /// The string that stands for a variant.
    fn value(&self) -> &'static str;

    /// The variant at a place in [`VALUES`](Self::VALUES).
    fn at(place: usize) -> Option<Self>;

    /// The variant for a string.
    #[must_use]
    fn named(text: &str) -> Option<Self> {
        Self::at(Self::VALUES.iter().position(|value| *value == text)?)
    }
}

/// Reads one of the strings.
///
/// # Errors
/// For any other value.
pub fn read_choice<'de, T: Choice, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Chosen<T>(PhantomData<T>);

    impl<T: Choice> Visitor<'_> for Chosen<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "one of {}", T::VALUES.join(", "))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            T::named(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_str(Chosen(PhantomData))
}

/// Reads a variant from a column.
///
/// # Errors
/// For a value of the column that is no variant.
pub fn choice_from_sql<T: Choice>(bytes: &[u8]) -> diesel::deserialize::Result<T> {
    let text = std::str::from_utf8(bytes)?;
    let unknown = || format!("the column holds `{text}`, which is none of {}", T::VALUES.join(", "));
    Ok(T::named(text).ok_or_else(unknown)?)
}

/// A type that is one value: a newtype, or an enum that is a string. It stands wherever the value inside can.
pub trait Wraps: Schema {
    /// The value inside.
    type Inner: Schema;
}

/// Whether the value inside a newtype passes the newtype's checks, and its own.
pub fn admits<T: Schema>(value: &T, checks: &[Check]) -> bool {
    checks.iter().all(|check| value.passes(check)) && value.is_valid()
}

/// The value of a field that is not in the input. Implemented for each field that has one, by its place.
pub trait DefaultOf<const FIELD: usize> {
    /// The field's type.
    type Value: Schema;

    /// The value.
    fn value() -> Self::Value;
}

/// The default of a field as JSON, for the published schema.
#[must_use]
pub fn default_of<T: DefaultOf<FIELD>, const FIELD: usize>() -> Option<serde_json::Value> {
    T::value().write(serde_json::value::Serializer).ok()
}

#[cfg(test)]
mod tests;
