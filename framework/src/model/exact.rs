//! Numbers that JSON's own would round: strings on the wire.

use std::{fmt, str::FromStr};

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types,
};
use rust_decimal::Decimal;
use serde::{Deserializer, Serializer, ser};

use super::{Own, Schema, Shape, leaves::Formatted};

/// What is published about a format of these, beside its name.
pub(crate) struct Published {
    pub(crate) pattern: &'static str,
    pub(crate) max_length: usize,
    pub(crate) example: &'static str,
}

/// What is published about a format; `None` if it has no more than its name.
pub(crate) fn published(format: &str) -> Option<Published> {
    match format {
        DECIMAL => Some(Published { pattern: DECIMAL_PATTERN, max_length: DECIMAL_LENGTH, example: "19.90" }),
        INTEGER => Some(Published { pattern: INTEGER_PATTERN, max_length: 20, example: "9007199254740993" }),
        _ => None,
    }
}

/// The name of a [`Decimal`]'s format, as in OpenAPI's registry of formats.
pub(super) const DECIMAL: &str = "decimal";

/// The name of a [`BigInt`]'s format, as in OpenAPI's registry of formats.
pub(super) const INTEGER: &str = "int64";

const DECIMAL_PATTERN: &str = r"^-?(?:0|[1-9][0-9]{0,27})(?:\.[0-9]{1,27})?$";

/// With a sign or a point there are at most 28 digits, which every `Decimal` can keep; the pattern sees to the rest.
const DECIMAL_LENGTH: usize = 29;

/// The integers of 64 bits, without a needless zero: each alternative keeps more of the greatest one's digits.
const INTEGER_PATTERN: &str = concat!(
    r"^(?:0|-?(?:",
    r"[1-9][0-9]{0,17}|[1-8][0-9]{18}|9[01][0-9]{17}|92[01][0-9]{16}|922[0-2][0-9]{15}",
    r"|9223[0-2][0-9]{14}|92233[0-6][0-9]{13}|922337[01][0-9]{12}|92233720[0-2][0-9]{10}",
    r"|922337203[0-5][0-9]{9}|9223372036[0-7][0-9]{8}|92233720368[0-4][0-9]{7}",
    r"|922337203685[0-3][0-9]{6}|9223372036854[0-6][0-9]{5}|92233720368547[0-6][0-9]{4}",
    r"|922337203685477[0-4][0-9]{3}|9223372036854775[0-7][0-9]{2}|922337203685477580[0-7]",
    r")|-9223372036854775808)$",
);

/// `-12.50`: digits without a needless zero in front and at most one point, 29 characters at most, and no exponent. The
/// zeros at the end are kept.
impl Schema for Decimal {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::String { format: DECIMAL, accepts: |text| parse_decimal(text).is_some() }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_str(Formatted { expected: "a decimal number as a string", parse: parse_decimal })
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        if text.len() > DECIMAL_LENGTH || parse_decimal(&text).is_none() {
            return Err(ser::Error::custom(format_args!(
                "{text} has more than {DECIMAL_LENGTH} characters, or more than 28 digits before its point; round it first, as by `round_dp(2)`"
            )));
        }
        serializer.serialize_str(&text)
    }
}

/// Reads what [`DECIMAL_PATTERN`] says; `Decimal` itself also reads `+1`, `.5` and `1_000`.
fn parse_decimal(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = is_number(whole) && is_number(fraction) && (whole == "0" || !whole.starts_with('0'));
    let fits = text.len() <= DECIMAL_LENGTH && whole.len() <= 28;
    if is_canonical && fits { Decimal::from_str(text).ok() } else { None }
}

/// An integer of 64 bits that is a string on the wire, and an `int8` (`bigint`) in a table.
///
/// JavaScript rounds numbers beyond 2^53, as most readers of JSON do, so an `i64` of a model ends there; this does not.
///
/// ```
/// use catena::{model, types::BigInt};
///
/// #[model]
/// pub struct Reading {
///     /// `"9223372036854775807"` on the wire.
///     pub nanoseconds: BigInt,
/// }
///
/// assert_eq!(BigInt::from(5).0, 5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql_types::BigInt)]
pub struct BigInt(pub i64);

impl From<i64> for BigInt {
    fn from(value: i64) -> Self {
        Self(value)
    }
}

impl From<BigInt> for i64 {
    fn from(value: BigInt) -> Self {
        value.0
    }
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Schema for BigInt {
    type Kind = Own;

    fn shape() -> Shape {
        Shape::String { format: INTEGER, accepts: |text| parse_integer(text).is_some() }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Formatted { expected: "an integer as a string", parse: parse_integer })
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads an integer as it would be written.
fn parse_integer(text: &str) -> Option<BigInt> {
    let value = text.parse().ok().map(BigInt)?;
    (value.to_string() == text).then_some(value)
}

impl ToSql<sql_types::BigInt, Pg> for BigInt {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql_types::BigInt, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<sql_types::BigInt, Pg> for BigInt {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<sql_types::BigInt, Pg>::from_sql(bytes).map(Self)
    }
}

#[cfg(test)]
mod tests;
