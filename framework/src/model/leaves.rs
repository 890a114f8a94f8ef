//! The types that are written by hand into models: what each looks like on the wire, and nothing else.

use std::{fmt, marker::PhantomData};

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Timelike, Utc};
use serde::{
    Deserializer, Serializer,
    de::{self, DeserializeSeed, SeqAccess, Unexpected, Visitor},
    ser::{self, SerializeSeq},
};
use uuid::Uuid;

use super::{
    Check, HasItems, HasLength, HasMultiples, HasOrder, InQuery, IsList, IsText, Own, Repeated, Schema,
    Shape, check,
};

/// The greatest whole number that every reader of JSON keeps exactly: 2^53 − 1.
pub(crate) const MAX_INTEGER: i64 = (1 << 53) - 1;

/// The greatest number of single precision, as the shortest text that stands for it is read in double precision: so
/// that what is written is within what is published.
pub(crate) const MAX_SINGLE: f64 = 3.402_823_5e38;

/// Any text but one with the character U+0000, which PostgreSQL cannot store.
impl Schema for String {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::String { format: "", accepts: is_storable }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string without the character U+0000")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
                self.visit_string(text.to_owned())
            }

            fn visit_string<E: de::Error>(self, text: String) -> Result<String, E> {
                if is_storable(&text) {
                    Ok(text)
                } else {
                    Err(E::invalid_value(Unexpected::Str(&text), &self))
                }
            }
        }

        deserializer.deserialize_string(Text)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !is_storable(self) {
            return Err(ser::Error::custom("a text with the character U+0000 has no place in the schema"));
        }
        serializer.serialize_str(self)
    }

    fn passes(&self, check: &Check) -> bool {
        check.admits_text(self)
    }
}

impl HasLength for String {}
impl IsText for String {}

/// Whether PostgreSQL can store a text.
pub(super) fn is_storable(text: &str) -> bool {
    !text.as_bytes().contains(&0)
}

impl Schema for bool {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::Boolean
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Boolean;

        impl Visitor<'_> for Boolean {
            type Value = bool;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a boolean")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
                Ok(value)
            }
        }

        deserializer.deserialize_bool(Boolean)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*self)
    }
}

/// Reads an integer within bounds, both included.
struct Integer {
    min: i64,
    max: i64,
}

impl Visitor<'_> for Integer {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an integer from {} to {}", self.min, self.max)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        if (self.min..=self.max).contains(&value) {
            Ok(value)
        } else {
            Err(E::invalid_value(Unexpected::Signed(value), &self))
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }
}

macro_rules! integers {
    ($($integer:ident $format:literal $min:expr, $max:expr;)*) => {$(
        impl Schema for $integer {
            type Kind = Own;

            fn shape() -> Shape {
                Shape::Integer { min: $min, max: $max, format: $format }
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = deserializer.deserialize_i64(Integer { min: $min, max: $max })?;
                value.try_into().map_err(de::Error::custom)
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let value = i64::from(*self);
                if !(-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
                    return Err(ser::Error::custom(format_args!(
                        "{value} is not from -{MAX_INTEGER} to {MAX_INTEGER}, the integers that every reader of JSON keeps"
                    )));
                }
                serializer.serialize_i64(value)
            }

            fn passes(&self, check: &Check) -> bool {
                check.admits_integer(i64::from(*self))
            }
        }

        impl HasOrder for $integer {}
        impl HasMultiples for $integer {}
    )*};
}

integers! {
    i16 "int16" i16::MIN.into(), i16::MAX.into();
    i32 "int32" i32::MIN.into(), i32::MAX.into();
    i64 "int64" -MAX_INTEGER, MAX_INTEGER;
    u16 "uint16" 0, u16::MAX.into();
    u32 "uint32" 0, u32::MAX.into();
}

/// Reads any number of JSON.
struct Number;

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    #[expect(clippy::cast_precision_loss, reason = "a number is the nearest float to its text")]
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    #[expect(clippy::cast_precision_loss, reason = "a number is the nearest float to its text")]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }
}

macro_rules! numbers {
    ($($number:ident $single:literal $max:expr, $serialize:ident $admits:ident;)*) => {$(
        impl Schema for $number {
            type Kind = Own;

            fn shape() -> Shape {
                Shape::Number { single: $single }
            }

            #[allow(clippy::cast_possible_truncation, reason = "a number is the nearest float to its text")]
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = deserializer.deserialize_f64(Number)?;
                if value.abs() <= $max {
                    Ok(value as $number)
                } else {
                    Err(de::Error::invalid_value(Unexpected::Float(value), &"a finite number"))
                }
            }

            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if !self.is_finite() {
                    return Err(ser::Error::custom(format_args!("{self} cannot be written in JSON")));
                }
                serializer.$serialize(*self)
            }

            fn passes(&self, check: &Check) -> bool {
                check.$admits(*self)
            }
        }

        impl HasOrder for $number {}
    )*};
}

numbers! {
    f32 true MAX_SINGLE, serialize_f32 admits_single;
    f64 false f64::MAX, serialize_f64 admits_number;
}

/// Reads a string that stands for a `T`.
pub(super) struct Formatted<T> {
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for Formatted<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl Schema for Uuid {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::String { format: "uuid", accepts: |text| parse_uuid(text).is_some() }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Formatted { expected: "a hyphenated UUID", parse: parse_uuid })
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// Of the forms that `uuid` reads, only the hyphenated one has 36 bytes.
fn parse_uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

impl Schema for DateTime<Utc> {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::String { format: "date-time", accepts: |text| parse_time(text).is_some() }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Formatted { expected: "a time as in RFC 3339", parse: parse_time })
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !has_four_digits(self.year()) {
            return Err(ser::Error::custom(format_args!("{self} is not in the years 0000 to 9999")));
        }
        serializer.serialize_str(&self.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Reads `2026-01-31T12:00:00.5+01:00`.
///
/// Refuses what chrono accepts beyond RFC 3339: a space for the `T` and a minus sign that is not ASCII; and a time
/// whose year in UTC has no four digits, which could not be written again; and a second 60 that does not end a day of
/// UTC, as leap seconds do.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    let separated = matches!(text.as_bytes().get(10), Some(b'T' | b't'));
    if !separated || !text.is_ascii() {
        return None;
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let is_leap = time.nanosecond() >= 1_000_000_000;
    let ends_day = (time.hour(), time.minute()) == (23, 59);
    (has_four_digits(time.year()) && (ends_day || !is_leap)).then_some(time)
}

impl Schema for NaiveDate {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::String { format: "date", accepts: |text| parse_date(text).is_some() }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Formatted { expected: "a date such as 2026-01-31", parse: parse_date })
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !has_four_digits(self.year()) {
            return Err(ser::Error::custom(format_args!("{self} is not in the years 0000 to 9999")));
        }
        serializer.collect_str(self)
    }
}

/// Reads `2026-01-31`, with all its digits.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let digits = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = text.get(range)?;
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    NaiveDate::from_ymd_opt(digits(0..4)?.try_into().ok()?, digits(5..7)?, digits(8..10)?)
}

/// Whether a year can be written as RFC 3339 wants it.
fn has_four_digits(year: i32) -> bool {
    (0..=9999).contains(&year)
}

/// A field that may be absent, or an item that may be `null`.
impl<T: Schema> Schema for Option<T> {
    type Kind = Own;
    const OPTIONAL: bool = true;
    const IN_QUERY: InQuery = T::IN_QUERY;
    const NULLABLE_ITEM: bool = true;

    fn shape() -> Shape {
        T::shape()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Some)
    }

    fn read_item<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nullable<T>(PhantomData<T>);

        impl<'de, T: Schema> Visitor<'de> for Nullable<T> {
            type Value = Option<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            fn visit_none<E: de::Error>(self) -> Result<Option<T>, E> {
                Ok(None)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Option<T>, E> {
                Ok(None)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
                T::read(deserializer).map(Some)
            }
        }

        deserializer.deserialize_option(Nullable(PhantomData))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn passes(&self, check: &Check) -> bool {
        self.as_ref().is_none_or(|value| value.passes(check))
    }

    fn is_valid(&self) -> bool {
        self.as_ref().is_none_or(T::is_valid)
    }
}

impl<T: HasLength> HasLength for Option<T> {}
impl<T: IsText> IsText for Option<T> {}
impl<T: HasOrder> HasOrder for Option<T> {}
impl<T: HasItems> HasItems for Option<T> {}
impl<T: HasMultiples> HasMultiples for Option<T> {}

impl<T: IsList> IsList for Option<T> {
    fn repeated(&self) -> Vec<Repeated> {
        self.as_ref().map_or_else(Vec::new, T::repeated)
    }
}

impl<T: Schema> Schema for Vec<T> {
    type Kind = Own;
    const IN_QUERY: InQuery = match T::IN_QUERY {
        InQuery::Value if T::NULLABLE_ITEM => InQuery::Nested("a list with `null`s"),
        InQuery::Value => InQuery::List,
        InQuery::List => InQuery::Nested("a list of lists"),
        InQuery::Nested(_) => InQuery::Nested("a list of objects"),
    };

    fn shape() -> Shape {
        Shape::Array { items: T::shape, nullable_items: T::NULLABLE_ITEM }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);

        impl<'de, T: Schema> Visitor<'de> for List<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element_seed(Item(PhantomData))? {
                    list.push(item);
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for item in self {
            list.serialize_element(&Written(item))?;
        }
        list.end()
    }

    fn passes(&self, check: &Check) -> bool {
        match check {
            Check::UniqueItems(_) => self.repeated().is_empty(),
            _ => check.admits_count(self.len()),
        }
    }

    fn is_valid(&self) -> bool {
        self.iter().all(T::is_valid)
    }
}

impl<T: Schema> HasItems for Vec<T> {}

impl<T: Schema> IsList for Vec<T> {
    fn repeated(&self) -> Vec<Repeated> {
        check::repeated(self)
    }
}

/// Reads an item of a list or a map.
pub(super) struct Item<T>(pub(super) PhantomData<T>);

impl<'de, T: Schema> DeserializeSeed<'de> for Item<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read_item(deserializer)
    }
}

/// Reads the value of a field.
pub(super) struct Member<T>(pub(super) PhantomData<T>);

impl<'de, T: Schema> DeserializeSeed<'de> for Member<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

/// Writes an item of a list or a map, or the value of a field.
pub(super) struct Written<'a, T>(pub(super) &'a T);

impl<T: Schema> ser::Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// Looks like what is inside; lets a model contain itself.
impl<T: Schema> Schema for Box<T> {
    type Kind = Own;
    const OPTIONAL: bool = T::OPTIONAL;
    const IN_QUERY: InQuery = T::IN_QUERY;
    const NULLABLE_ITEM: bool = T::NULLABLE_ITEM;

    fn shape() -> Shape {
        T::shape()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self::new)
    }

    fn read_item<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_item(deserializer).map(Self::new)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::write(self, serializer)
    }

    fn passes(&self, check: &Check) -> bool {
        T::passes(self, check)
    }

    fn is_valid(&self) -> bool {
        T::is_valid(self)
    }
}

impl<T: HasLength> HasLength for Box<T> {}
impl<T: IsText> IsText for Box<T> {}
impl<T: HasOrder> HasOrder for Box<T> {}
impl<T: HasItems> HasItems for Box<T> {}
impl<T: HasMultiples> HasMultiples for Box<T> {}

impl<T: IsList> IsList for Box<T> {
    fn repeated(&self) -> Vec<Repeated> {
        T::repeated(self)
    }
}

#[cfg(test)]
mod tests;
