//! A short name for everything that decides how a value is read.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Check, Field, ObjectShape, Shape};

/// Returns the same bytes for two shapes that read the same texts, as far as can be told: what functions check is not
/// looked into. Names of models, descriptions and the order of fields are no part of it.
#[must_use]
pub(crate) fn fingerprint(shape: Shape) -> [u8; 16] {
    let mut writer = Writer { text: String::new(), above: Vec::new() };
    writer.shape(shape);
    let hash = Sha256::digest(writer.text);
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}

struct Writer {
    text: String,
    /// The objects and names in which the writer is, as some contain themselves.
    above: Vec<*const ()>,
}

impl Writer {
    fn shape(&mut self, shape: Shape) {
        match shape {
            Shape::Boolean => self.text.push_str("boolean"),
            Shape::Integer { min, max, .. } => self.word(format_args!("integer {min} {max}")),
            Shape::Number { single } => self.word(format_args!("number {single}")),
            Shape::String { format, .. } => self.word(format_args!("string {format:?}")),
            Shape::Constant(text) => self.word(format_args!("constant {text:?}")),
            Shape::Choice(choice) => {
                self.word(format_args!("choice {:?}", sorted(choice.values.iter().copied())))
            }
            Shape::Array { items, nullable_items } => {
                self.word(format_args!("array {nullable_items} "));
                self.shape(items());
            }
            Shape::Map { values, nullable_values } => {
                self.word(format_args!("map {nullable_values} "));
                self.shape(values());
            }
            Shape::Object(object) => self.once(object, |writer| writer.object(object)),
            Shape::Union(union) => self.once(union, |writer| {
                writer.word(format_args!("union {:?}", union.tag));
                let mut variants: Vec<_> = union.variants.iter().collect();
                variants.sort_by_key(|variant| variant.value);
                for variant in variants {
                    writer.word(format_args!(" {:?} ", variant.value));
                    writer.object(&variant.object);
                }
            }),
            Shape::Named(named) => self.once(named, |writer| {
                writer.shape((named.shape)());
                writer.checks(named.checks);
            }),
        }
    }

    fn object(&mut self, object: &ObjectShape) {
        self.word(format_args!("object {}", object.rules.is_some()));
        let mut fields: Vec<_> = object.fields.iter().collect();
        fields.sort_by_key(|field| field.name);
        for Field { name, required, nullable, shape, checks, .. } in fields {
            self.word(format_args!(" {name:?} {required} {nullable} "));
            self.shape(shape());
            self.checks(checks);
        }
        self.text.push(';');
    }

    fn checks(&mut self, checks: &[Check]) {
        for check in checks {
            match check {
                Check::Length { min, max } => self.word(format_args!(" length {min} {max:?}")),
                Check::Range { min, max } => self.word(format_args!(" range {min:?} {max:?}")),
                Check::Items { min, max } => self.word(format_args!(" items {min} {max:?}")),
                Check::MultipleOf(number) => self.word(format_args!(" multiple {number}")),
                Check::UniqueItems(_) => self.text.push_str(" unique"),
                Check::Pattern(pattern) => self.word(format_args!(" pattern {:?}", pattern.text)),
                Check::Format(format) => self.word(format_args!(" format {:?}", format.name)),
                Check::Custom(_) => self.text.push_str(" custom"),
            }
        }
    }

    /// Writes what is inside `place`, or how far above it is, if the writer is inside it already.
    fn once<T>(&mut self, place: &'static T, write: impl FnOnce(&mut Self)) {
        let place = std::ptr::from_ref(place).cast();
        if let Some(at) = self.above.iter().position(|above| *above == place) {
            let up = self.above.len() - at;
            self.word(format_args!("^{up}"));
            return;
        }
        self.above.push(place);
        write(self);
        self.above.pop();
    }

    fn word(&mut self, word: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(word);
    }
}

fn sorted<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values
}

#[cfg(test)]
mod tests;
