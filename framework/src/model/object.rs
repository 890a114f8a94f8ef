//! Objects: a `struct` is an object on the wire and nothing else.

use serde::{Deserialize, Deserializer, de::Visitor, forward_to_deserialize_any};

use super::{Failures, ObjectShape, Schema, Shape};

/// A model with named fields. `#[model]` implements it for structs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no struct with `#[model]` and named fields",
    label = "not an object with known fields",
    note = "write a struct with named fields, and `#[model]` above it"
)]
pub trait Object: Schema {
    /// What it looks like.
    const OBJECT: &'static ObjectShape;

    /// Adds everything that is wrong across its fields.
    fn rules(&self, failures: &mut Failures);
}

/// Looks like what is inside.
impl<T: Object> Object for Box<T> {
    const OBJECT: &'static ObjectShape = T::OBJECT;

    fn rules(&self, failures: &mut Failures) {
        T::rules(self, failures);
    }
}

/// The name of a type inside the name of a model that has been given it.
#[must_use]
pub fn label<T: Schema>() -> String {
    optional(T::NULLABLE_ITEM, label_of(T::shape()))
}

fn label_of(shape: Shape) -> String {
    match shape {
        Shape::Integer { format, .. } => format.into(),
        Shape::Number { single: true } => "float".into(),
        Shape::Number { single: false } => "double".into(),
        Shape::String { format: "", .. } | Shape::Boolean => shape.name().into(),
        Shape::String { format, .. } => format.into(),
        Shape::Array { items, nullable_items } => {
            format!("Array_{}", optional(nullable_items, label_of(items())))
        }
        Shape::Map { values, nullable_values } => {
            format!("Map_{}", optional(nullable_values, label_of(values())))
        }
        Shape::Object(object) => object.full_name(),
        Shape::Choice(choice) => choice.name.into(),
        Shape::Constant(value) => value.into(),
        Shape::Union(union) => union.name.into(),
        Shape::Named(named) => named.name.into(),
    }
}

fn optional(is_optional: bool, label: String) -> String {
    if is_optional { format!("Optional_{label}") } else { label }
}

/// Reads a struct that derives `Deserialize`.
///
/// What serde derives also takes a list with the fields' values in order, which no schema says; this does not.
///
/// # Errors
/// Whatever the deserializer or the value reports.
pub fn read_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(AsMap(deserializer))
}

/// Offers maps only to the methods that derived structs call.
struct AsMap<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AsMap<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests;
