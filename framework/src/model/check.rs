//! What a field's value must satisfy beyond its type, as data: one table for the published schema, the fast
//! comparison on a value that was read, and the walker that explains a failure.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{HashMap, hash_map::Entry},
    fmt,
};

use serde_json::Value;

use super::{
    Pattern, Schema,
    custom::{CustomOf, refusal_of_text},
    formats::{EMAIL, Format, URL},
    leaves::Written,
};

/// One rule on a field.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// The number of characters (Unicode scalar values) of a string.
    Length {
        /// The least number.
        min: usize,
        /// The greatest number; `None` for no limit.
        max: Option<usize>,
    },
    /// The value of a number, both bounds included.
    Range {
        /// The least value; `None` for no limit.
        min: Option<Bound>,
        /// The greatest value; `None` for no limit.
        max: Option<Bound>,
    },
    /// The number of items of a list, or of entries of a map.
    Items {
        /// The least number.
        min: usize,
        /// The greatest number; `None` for no limit.
        max: Option<usize>,
    },
    /// What an integer is a multiple of.
    MultipleOf(i64),
    /// No item of a list is there twice: finds those that are, in the text of a list.
    UniqueItems(fn(&str) -> Vec<Repeated>),
    /// A part of a text, if not all of it, matches.
    Pattern(&'static Pattern),
    /// A text is of a known form.
    Format(&'static Format),
    /// A function has nothing against the value: says what it has, from the text of one that passes all else.
    Custom(fn(&str) -> Option<Cow<'static, str>>),
}

/// An item of a list that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// The index of the item.
    pub index: usize,
    /// The index of the first that equals it.
    pub first: usize,
}

impl Check {
    /// Whether a string passes.
    pub(crate) fn admits_text(&self, text: &str) -> bool {
        match *self {
            Self::Length { min, max } => has_length(text, min, max),
            Self::Pattern(pattern) => pattern.is_match(text),
            Self::Format(format) => format.is_match(text),
            _ => true,
        }
    }

    /// Whether a list of so many items passes, or a map of so many entries.
    pub(crate) fn admits_count(&self, count: usize) -> bool {
        match *self {
            Self::Items { min, max } => count >= min && max.is_none_or(|max| count <= max),
            _ => true,
        }
    }

    /// Whether an integer passes; compared exactly, whatever the bound is.
    pub(crate) fn admits_integer(&self, value: i64) -> bool {
        if let Self::MultipleOf(divisor) = *self {
            return value.checked_rem(divisor) == Some(0);
        }
        self.admits(|bound| match bound {
            Bound::Integer(bound) => Some(value.cmp(&bound)),
            Bound::Number(bound) => Some(compare(value, bound)),
        })
    }

    /// Whether a number passes; compared exactly, whatever the bound is.
    pub(crate) fn admits_number(&self, value: f64) -> bool {
        self.admits(|bound| match bound {
            Bound::Integer(bound) => Some(compare(bound, value).reverse()),
            Bound::Number(bound) => value.partial_cmp(&bound),
        })
    }

    /// Whether a number of single precision passes. The bound is rounded as the value was: `0.1` is within `..=0.1`.
    #[expect(clippy::cast_possible_truncation, reason = "the bound is rounded as the value was")]
    pub(crate) fn admits_single(&self, value: f32) -> bool {
        self.admits(|bound| match bound {
            Bound::Integer(bound) => Some(compare(bound, f64::from(value)).reverse()),
            Bound::Number(bound) => value.partial_cmp(&(bound as f32)),
        })
    }

    /// Whether a number passes that `compare` puts before, at or after a bound.
    fn admits(&self, compare: impl Fn(Bound) -> Option<Ordering>) -> bool {
        match *self {
            Self::Range { min, max } => {
                min.is_none_or(|bound| compare(bound).is_some_and(Ordering::is_ge))
                    && max.is_none_or(|bound| compare(bound).is_some_and(Ordering::is_le))
            }
            _ => true,
        }
    }
}

/// Counts characters only where the number of bytes leaves it open: a character has from one to four.
fn has_length(text: &str, min: usize, max: Option<usize>) -> bool {
    let (least, most) = (text.len().div_ceil(4), text.len());
    if least >= min && max.is_none_or(|max| most <= max) {
        return true;
    }
    if most < min || max.is_some_and(|max| least > max) {
        return false;
    }
    let length = text.chars().count();
    length >= min && max.is_none_or(|max| length <= max)
}

/// Compares without rounding the integer to a float.
#[expect(clippy::cast_possible_truncation, reason = "a whole float beyond an i128 is beyond every i64 too")]
fn compare(integer: i64, number: f64) -> Ordering {
    let below = number.floor();
    match i128::from(integer).cmp(&(below as i128)) {
        Ordering::Equal if below < number => Ordering::Less,
        ordering => ordering,
    }
}

/// A bound of a range, as it was written.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(bound) => bound.fmt(f),
            Self::Number(bound) => bound.fmt(f),
        }
    }
}

/// A type whose length in characters can be limited.
#[diagnostic::on_unimplemented(
    message = "`len` counts the characters of a string, and `{Self}` is none",
    label = "not a string",
    note = "limit a number by `range = 1..=10`, the items of a list by `items = 1..=10`"
)]
pub trait HasLength: Schema {}

/// A type whose value can be limited.
#[diagnostic::on_unimplemented(
    message = "`range` limits a number, and `{Self}` is none",
    label = "not a number",
    note = "limit the length of a string by `len = 1..=200`",
    note = "a `Decimal` and a `BigInt` are strings on the wire: compare them in a function, `custom = is_positive`"
)]
pub trait HasOrder: Schema {}

/// A type whose items can be counted.
#[diagnostic::on_unimplemented(
    message = "`items` counts what is in a list or a map, and `{Self}` is neither",
    label = "not a list or a map",
    note = "limit the length of a string by `len = 1..=200`"
)]
pub trait HasItems: Schema {}

/// A type whose value can be divided exactly.
#[diagnostic::on_unimplemented(
    message = "`multiple_of` divides an integer, and `{Self}` is none",
    label = "not an integer",
    note = "floats have no exact multiples: count in a smaller unit, such as cents, in an `i64`"
)]
pub trait HasMultiples: Schema {}

/// A type that is any text.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `String`, so its text cannot be checked",
    label = "not a string",
    note = "limit a number by `range = 1..=10`; a UUID, a time or a model is checked by its type"
)]
pub trait IsText: Schema {}

/// A list.
#[diagnostic::on_unimplemented(
    message = "`unique_items` compares the items of a list, and `{Self}` is none",
    label = "not a list",
    note = "the keys of a map are unique already"
)]
pub trait IsList: HasItems {
    /// The items that are there already. They are equal if they are written as the same JSON, in which neither the
    /// order of keys nor the sign of a zero counts.
    fn repeated(&self) -> Vec<Repeated>;

    /// The same, of a list as a text; none if it cannot be read.
    fn repeated_in(text: &str) -> Vec<Repeated> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        Self::read(&mut deserializer).map_or_else(|_| Vec::new(), |list| list.repeated())
    }
}

/// Finds the items that are there already. The work is linear in the size of the list as JSON.
pub(super) fn repeated<T: Schema>(list: &[T]) -> Vec<Repeated> {
    let mut seen = HashMap::with_capacity(list.len());
    let mut repeated = Vec::new();
    for (index, item) in list.iter().enumerate() {
        // What cannot be written as its schema says equals nothing.
        let Ok(mut value) = serde_json::to_value(Written(item)) else { continue };
        value.sort_all_objects();
        unsign_zeros(&mut value);
        match seen.entry(value.to_string()) {
            Entry::Occupied(first) => repeated.push(Repeated { index, first: *first.get() }),
            Entry::Vacant(place) => drop(place.insert(index)),
        }
    }
    repeated
}

/// Writes `-0.0` as `0.0`.
fn unsign_zeros(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => *value = Value::from(0),
        Value::Array(items) => items.iter_mut().for_each(unsign_zeros),
        Value::Object(members) => members.values_mut().for_each(unsign_zeros),
        _ => {}
    }
}

/// Limits the number of characters of a field of type `T`.
#[must_use]
pub const fn len<T: HasLength>(min: usize, max: Option<usize>) -> Check {
    Check::Length { min, max }
}

/// Limits the value of a field of type `T`.
#[must_use]
pub const fn range<T: HasOrder>(min: Option<Bound>, max: Option<Bound>) -> Check {
    Check::Range { min, max }
}

/// Limits the number of items of a field of type `T`.
#[must_use]
pub const fn items<T: HasItems>(min: usize, max: Option<usize>) -> Check {
    Check::Items { min, max }
}

/// Lets a field of type `T` be a multiple of a number only.
#[must_use]
pub const fn multiple_of<T: HasMultiples>(divisor: i64) -> Check {
    Check::MultipleOf(divisor)
}

/// Lets no item of a field of type `T` be there twice.
#[must_use]
pub const fn unique_items<T: IsList>() -> Check {
    Check::UniqueItems(T::repeated_in)
}

/// Lets a field of type `T` be a text that matches only.
#[must_use]
pub const fn pattern<T: IsText>(pattern: &'static Pattern) -> Check {
    Check::Pattern(pattern)
}

/// Lets a field of type `T` be an e-mail address only.
#[must_use]
pub const fn email<T: IsText>() -> Check {
    Check::Format(&EMAIL)
}

/// Lets a field of type `T` be an absolute URL for http or https only.
#[must_use]
pub const fn url<T: IsText>() -> Check {
    Check::Format(&URL)
}

/// Lets the field at the place `FIELD` of `T` be what its function has nothing against.
#[must_use]
pub const fn custom<T: CustomOf<FIELD>, const FIELD: usize>() -> Check {
    Check::Custom(refusal_of_text::<T, FIELD>)
}

#[cfg(test)]
mod tests;
