//! The second reading of an input that was refused: finds everything that is wrong with it.
//!
//! It reads the text, not a tree: a tree no longer shows repeated keys, and has no place for `1e400`. The work is
//! linear in the length of the text, and nothing of a value is ever repeated to the caller.

mod tagged;

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Bound, Check, Field, ObjectShape, Repeated, Shape,
    custom::{push_index, push_segment},
    leaves::{MAX_INTEGER, MAX_SINGLE, is_storable},
    read::reason,
    wording::{
        choice_message, count_message, format_message, interval, length_message, nearest, range_message,
        with_article,
    },
};
use crate::error::{Failure, Place};

/// After as many failures no more are reported.
const MAX_FAILURES: usize = 100;

/// Finds all differences between a text and a shape, in the order of the text; the missing fields of an object
/// follow its others.
///
/// # Errors
/// For a text that is not JSON.
pub(super) fn walk(text: &str, shape: Shape, place: Place) -> serde_json::Result<Vec<Failure>> {
    let mut walk = Walk { place, pointer: String::new(), failures: Vec::new() };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let spot = Spot { walk: &mut walk, shape, checks: &[], null: Null::Refused };
    let outcome = spot.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    if let Err(error) = outcome {
        // JSON by its grammar may still hold what serde_json cannot represent; the walk has stopped there.
        serde_json::from_str::<IgnoredAny>(text)?;
        walk.report("type", format!("cannot be read: {}", reason(&error)), None);
    }
    Ok(walk.failures)
}

/// What is wrong with the default of a field, if it has one: the pointer below the field, and a message.
pub(crate) fn default_faults(field: &Field) -> Vec<(String, String)> {
    let Some(default) = field.default else { return Vec::new() };
    let Some(value) = default() else {
        return vec![(String::new(), "cannot be written as its schema says".into())];
    };
    let mut walk = Walk { place: Place::Body, pointer: String::new(), failures: Vec::new() };
    let spot = Spot { walk: &mut walk, shape: (field.shape)(), checks: field.checks, null: Null::Refused };
    let text = value.to_string();
    if let Err(error) = spot.deserialize(&mut serde_json::Deserializer::from_str(&text)) {
        walk.report("type", format!("cannot be read: {}", reason(&error)), None);
    }
    walk.failures.into_iter().map(|failure| (failure.pointer, failure.message)).collect()
}

struct Walk {
    place: Place,
    pointer: String,
    failures: Vec<Failure>,
}

impl Walk {
    fn is_full(&self) -> bool {
        self.failures.len() >= MAX_FAILURES
    }

    fn report(&mut self, code: &'static str, message: impl Into<String>, expected: Option<String>) {
        if self.is_full() {
            return;
        }
        self.failures.push(Failure {
            place: self.place,
            pointer: self.pointer.clone(),
            code: code.into(),
            message: message.into(),
            expected,
        });
    }

    /// Goes one level down and returns what [`leave`](Self::leave) wants back.
    fn enter(&mut self, key: &str) -> usize {
        let outside = self.pointer.len();
        push_segment(&mut self.pointer, key);
        outside
    }

    fn enter_item(&mut self, index: usize) -> usize {
        let outside = self.pointer.len();
        push_index(&mut self.pointer, index);
        outside
    }

    fn leave(&mut self, outside: usize) {
        self.pointer.truncate(outside);
    }

    fn unknown(&mut self, name: &str, object: &ObjectShape) {
        if self.is_full() {
            return;
        }
        let noun = if self.place == Place::Query { "parameter" } else { "field" };
        let message = match nearest(name, object.fields) {
            Some(field) => format!("there is no such {noun}; did you mean `{field}`?"),
            None => format!("there is no such {noun}"),
        };
        self.report("unknown", message, None);
    }

    fn missing(&mut self, field: &Field) {
        let outside = self.enter(field.name);
        self.report("required", "is required", Some((field.shape)().name().into()));
        self.leave(outside);
    }
}

/// What `null` means at a spot.
#[derive(Clone, Copy)]
enum Null {
    Allowed,
    Refused,
    /// Refused, but the field may be left out.
    Absent,
}

/// One value of the text and what is expected of it.
struct Spot<'w> {
    walk: &'w mut Walk,
    shape: Shape,
    checks: &'static [Check],
    null: Null,
}

impl<'de> DeserializeSeed<'de> for Spot<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let has_rules = matches!(self.shape, Shape::Object(ObjectShape { rules: Some(_), .. }));
        if has_rules || self.checks.iter().any(|check| matches!(check, Check::Custom(_))) {
            let text = <&RawValue>::deserialize(deserializer)?.get();
            return self.whole(text).map_err(|error| de::Error::custom(reason(&error)));
        }
        self.parts(deserializer)
    }
}

impl Spot<'_> {
    /// Walks a value and, if there is nothing wrong in it, asks the functions that check it as a whole.
    fn whole(self, text: &str) -> serde_json::Result<()> {
        let (shape, checks, walk) = (self.shape, self.checks, &mut *self.walk);
        let before = walk.failures.len();
        let spot = Spot { walk: &mut *walk, ..self };
        spot.parts(&mut serde_json::Deserializer::from_str(text))?;
        if walk.is_full() || walk.failures.len() > before {
            return Ok(());
        }
        if let Shape::Object(ObjectShape { rules: Some(rules), .. }) = shape {
            for (pointer, message) in rules(text).into_list() {
                let outside = walk.pointer.len();
                walk.pointer.push_str(&pointer);
                walk.report("custom", message, None);
                walk.leave(outside);
            }
        }
        for check in checks {
            if let Check::Custom(refusal) = check
                && let Some(message) = refusal(text)
            {
                walk.report("custom", message, None);
            }
        }
        Ok(())
    }

    fn parts<'de, D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        match self.shape {
            Shape::Named(named) => {
                Spot { shape: (named.shape)(), checks: named.checks, ..self }.deserialize(deserializer)
            }
            Shape::Array { .. } if self.checks.iter().any(|check| matches!(check, Check::UniqueItems(_))) => {
                let list = <&RawValue>::deserialize(deserializer)?.get();
                self.unique_list(list).map_err(|error| de::Error::custom(reason(&error)))
            }
            Shape::Union(union) => {
                let text = <&RawValue>::deserialize(deserializer)?.get();
                self.union(text, union).map_err(|error| de::Error::custom(reason(&error)))
            }
            Shape::Array { .. } | Shape::Map { .. } | Shape::Object(_) => deserializer.deserialize_any(self),
            // The raw text, because a number may have no other representation.
            _ => <&RawValue>::deserialize(deserializer).map(|raw| self.leaf(raw.get())),
        }
    }

    fn leaf(self, text: &str) {
        match (self.shape, found(text)) {
            (Shape::Boolean, Found::Boolean) => {}
            (Shape::Integer { min, max, .. }, Found::Number) => self.integer(text, min, max),
            (Shape::Number { single }, Found::Number) => self.number(text, single),
            (Shape::String { format, accepts }, Found::String) => {
                match serde_json::from_str::<String>(text) {
                    Ok(text) => self.string(&text, format, accepts),
                    Err(_) => {
                        self.walk.report("format", "must be valid Unicode: a surrogate is unpaired", None)
                    }
                }
            }
            (Shape::Choice(choice), Found::String) => {
                // A text that is no valid Unicode is none of the values either.
                let chosen = serde_json::from_str::<String>(text).unwrap_or_default();
                if !choice.values.contains(&chosen.as_str()) {
                    let message = choice_message(choice.values);
                    self.walk.report("enum", message, Some(choice.values.join(", ")));
                }
            }
            // The tag of a union, which has been read already.
            (Shape::Constant(_), Found::String) => {}
            (_, found) => self.mismatch(found),
        }
    }

    fn string(self, text: &str, format: &'static str, accepts: fn(&str) -> bool) {
        if !accepts(text) {
            let expected = (!format.is_empty()).then(|| format.into());
            return self.walk.report("format", format_message(format), expected);
        }
        for check in self.checks.iter().filter(|check| !check.admits_text(text)) {
            match *check {
                Check::Length { min, max } => {
                    let message = length_message(min, max, text.chars().count());
                    self.walk.report("length", message, Some(interval(Some(min), max)));
                }
                Check::Pattern(pattern) => {
                    let message = format!("must match the pattern `{}`", pattern.text);
                    self.walk.report("pattern", message, Some(pattern.text.into()));
                }
                Check::Format(format) => {
                    self.walk.report("format", format.message(), Some(format.name.into()));
                }
                _ => {}
            }
        }
    }

    fn integer(self, text: &str, min: i64, max: i64) {
        match serde_json::from_str::<i64>(text) {
            Ok(value) if (min..=max).contains(&value) => self.value(|check| check.admits_integer(value)),
            Err(_) if !is_large(text) => {
                let message = "expected an integer, found a number with a fraction or an exponent";
                self.walk.report("type", message, Some("integer".into()));
            }
            _ => self.out_of_range(min, max),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "as the value itself is read")]
    fn number(self, text: &str, single: bool) {
        match serde_json::from_str::<f64>(text) {
            Ok(value) if !single => self.value(|check| check.admits_number(value)),
            Ok(value) if value.abs() <= MAX_SINGLE => self.value(|check| check.admits_single(value as f32)),
            _ => self.walk.report("range", "is too large for a number", None),
        }
    }

    fn value(self, admits: impl Fn(&Check) -> bool) {
        for check in self.checks.iter().filter(|check| !admits(check)) {
            match *check {
                Check::Range { min, max } => {
                    self.walk.report("range", range_message(min, max), Some(interval(min, max)));
                }
                Check::MultipleOf(divisor) => {
                    let multiple = format!("a multiple of {divisor}");
                    self.walk.report("multiple_of", format!("must be {multiple}"), Some(multiple));
                }
                _ => {}
            }
        }
    }

    /// Checks how much is in a list or a map.
    fn count(walk: &mut Walk, checks: &[Check], nouns: [&str; 2], count: usize) {
        for check in checks {
            if let (Check::Items { min, max }, false) = (*check, check.admits_count(count)) {
                let message = count_message(nouns, min, max, count);
                walk.report("items", message, Some(interval(Some(min), max)));
            }
        }
    }

    /// An integer beyond what its type holds is told the bounds of the checks, where there are some.
    fn out_of_range(self, min: i64, max: i64) {
        let (mut min, mut max) = (Some(Bound::Integer(min)), Some(Bound::Integer(max)));
        for check in self.checks {
            if let Check::Range { min: least, max: most } = *check {
                (min, max) = (least.or(min), most.or(max));
            }
        }
        self.walk.report("range", range_message(min, max), Some(interval(min, max)));
    }

    /// Walks a list and then looks for items that are there already.
    fn unique_list(self, text: &str) -> serde_json::Result<()> {
        let checks = self.checks;
        let walk = &mut *self.walk;
        let spot = Spot { walk: &mut *walk, ..self };
        serde_json::Deserializer::from_str(text).deserialize_any(spot)?;
        for check in checks {
            let Check::UniqueItems(repeated_in) = check else { continue };
            for Repeated { index, first } in repeated_in(text) {
                let outside = walk.enter_item(index);
                walk.report(
                    "unique_items",
                    format!("is the same as item {first}"),
                    Some("unique items".into()),
                );
                walk.leave(outside);
            }
        }
        Ok(())
    }

    fn members<'de, A: MapAccess<'de>>(
        self,
        mut members: A,
        values: fn() -> Shape,
        null: Null,
    ) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            let outside = self.walk.enter(&key);
            if !is_storable(&key) {
                self.walk.report("format", "the key must not contain the character U+0000", None);
            }
            if seen.insert(key) {
                members.next_value_seed(Spot {
                    walk: &mut *self.walk,
                    shape: values(),
                    checks: &[],
                    null,
                })?;
            } else {
                self.walk.report("duplicate", "is there more than once", None);
                members.next_value::<IgnoredAny>()?;
            }
            self.walk.leave(outside);
        }
        Spot::count(self.walk, self.checks, ["entry", "entries"], seen.len());
        Ok(())
    }

    fn mismatch(self, found: Found) {
        let name = self.shape.name();
        let message = match (found, self.null) {
            (Found::Null, Null::Allowed) => return,
            (Found::Null, Null::Refused) => "must not be null".to_owned(),
            (Found::Null, Null::Absent) => "must not be null; leave the field out instead".to_owned(),
            // All parameters are text, so there is nothing else to be found.
            _ if self.walk.place == Place::Query => format!("expected {}", with_article(name)),
            _ => format!("expected {}, found {}", with_article(name), with_article(found.name())),
        };
        self.walk.report("type", message, Some(name.into()));
    }
}

/// For lists and objects; the other shapes never come here.
impl<'de> Visitor<'de> for Spot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(with_article(self.shape.name()))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        self.mismatch(Found::Boolean);
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        self.mismatch(Found::Number);
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<(), E> {
        self.mismatch(Found::Number);
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        self.mismatch(Found::Number);
        Ok(())
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<(), E> {
        self.mismatch(Found::String);
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        self.mismatch(Found::Null);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Shape::Array { items, nullable_items } = self.shape else {
            self.mismatch(Found::Array);
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        let null = if nullable_items { Null::Allowed } else { Null::Refused };
        for index in 0.. {
            let outside = self.walk.enter_item(index);
            let spot = Spot { walk: &mut *self.walk, shape: items(), checks: &[], null };
            let item = list.next_element_seed(spot)?;
            self.walk.leave(outside);
            if item.is_none() {
                Spot::count(self.walk, self.checks, ["item", "items"], index);
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let object = match self.shape {
            Shape::Object(object) => object,
            Shape::Map { values, nullable_values } => {
                let null = if nullable_values { Null::Allowed } else { Null::Refused };
                return self.members(members, values, null);
            }
            _ => {
                self.mismatch(Found::Object);
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        };
        let mut seen = vec![false; object.fields.len()];
        while let Some(name) = members.next_key::<String>()? {
            let outside = self.walk.enter(&name);
            match object.fields.iter().position(|field| field.name == name) {
                None => {
                    self.walk.unknown(&name, object);
                    members.next_value::<IgnoredAny>()?;
                }
                Some(index) if seen[index] => {
                    self.walk.report("duplicate", "is there more than once", None);
                    members.next_value::<IgnoredAny>()?;
                }
                Some(index) => {
                    seen[index] = true;
                    let field = &object.fields[index];
                    let null = match (field.nullable, field.required) {
                        (true, _) => Null::Allowed,
                        (false, true) => Null::Refused,
                        (false, false) => Null::Absent,
                    };
                    let (shape, checks) = ((field.shape)(), field.checks);
                    members.next_value_seed(Spot { walk: &mut *self.walk, shape, checks, null })?;
                }
            }
            self.walk.leave(outside);
        }
        for (field, _) in object.fields.iter().zip(&seen).filter(|(field, seen)| field.required && !**seen) {
            self.walk.missing(field);
        }
        Ok(())
    }
}

/// A type of JSON.
#[derive(Clone, Copy)]
enum Found {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Found {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// The type of a value, which its first byte tells.
fn found(text: &str) -> Found {
    match text.as_bytes().first() {
        Some(b'n') => Found::Null,
        Some(b't' | b'f') => Found::Boolean,
        Some(b'"') => Found::String,
        Some(b'[') => Found::Array,
        Some(b'{') => Found::Object,
        _ => Found::Number,
    }
}

/// Whether a number is beyond every integer of JSON, however it is written.
#[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is a float")]
fn is_large(number: &str) -> bool {
    number.parse::<f64>().is_ok_and(|value| value.abs() > MAX_INTEGER as f64)
}

#[cfg(test)]
mod tests;
