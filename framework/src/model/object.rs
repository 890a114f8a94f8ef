//! Objects: a `struct` is an object on the wire and nothing else.

use std::{fmt, marker::PhantomData, slice};

use serde::{
    Deserializer, Serializer,
    de::{self, DeserializeSeed, Error as _, MapAccess, Visitor},
    ser::SerializeStruct,
};

use super::{Failures, Field, InQuery, Kind, ObjectShape, Schema, Shape, leaves::Written};

/// A model with named fields. `#[model]` implements it for structs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no struct with `#[model]` and named fields",
    label = "not an object with known fields",
    note = "write a struct with named fields, and `#[model]` above it"
)]
pub trait Object: Schema {
    /// What it looks like.
    const OBJECT: &'static ObjectShape;

    /// Reads its fields, each into a place of its own, then makes one of them.
    ///
    /// `read` is given the way to do so: with the place of a field in [`OBJECT`](Self::OBJECT) and the object whose
    /// next value is the field's, it reads that value, and answers `false` if the field was there already. A model
    /// whose fields stand in another's object is gathered by the other, around its own `read`.
    ///
    /// # Errors
    /// Those of `read`, and for a field that is missing.
    fn gather<'de, A: MapAccess<'de>>(
        read: impl FnOnce(Fill<'_, 'de, A>) -> Result<(), A::Error>,
    ) -> Result<Self, A::Error>;

    /// Shows its fields to `visitor`, one after the other, until it has seen enough; says whether it has seen them all.
    fn visit_fields(&self, visitor: &mut impl FieldVisitor) -> bool;

    /// Whether the functions that check its fields have nothing against them.
    fn passes_customs(&self) -> bool {
        true
    }

    /// Adds everything that is wrong across its fields.
    fn rules(&self, failures: &mut Failures);
}

/// Looks like what is inside.
impl<T: Object> Object for Box<T> {
    const OBJECT: &'static ObjectShape = T::OBJECT;

    fn gather<'de, A: MapAccess<'de>>(
        read: impl FnOnce(Fill<'_, 'de, A>) -> Result<(), A::Error>,
    ) -> Result<Self, A::Error> {
        T::gather(read).map(Self::new)
    }

    fn visit_fields(&self, visitor: &mut impl FieldVisitor) -> bool {
        T::visit_fields(self, visitor)
    }

    fn passes_customs(&self) -> bool {
        T::passes_customs(self)
    }

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

/// Reads the next value of an object, given the place of its field: see [`Object::gather`].
pub type Fill<'f, 'de, A> =
    &'f mut (dyn FnMut(usize, &mut A) -> Result<bool, <A as MapAccess<'de>>::Error> + 'f);

/// Reads a model from an object: nothing else, such as a list of its fields' values, will do.
///
/// # Errors
/// Whatever the deserializer or the values report; for fields that are missing, unknown or there twice.
pub fn read_object<'de, T: Object, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Members<T>(PhantomData<T>);

    impl<'de, T: Object> Visitor<'de> for Members<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<T, A::Error> {
            T::gather(|fill| {
                let mut key = Key { fields: T::OBJECT.fields, likely: 0 };
                while let Some(at) = members.next_key_seed(&key)? {
                    if !fill(at, &mut members)? {
                        let name = key.fields[at].name;
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                    key.likely = at + 1;
                }
                Ok(())
            })
        }
    }

    deserializer.deserialize_map(Members(PhantomData))
}

/// Finds the place of a field by its name.
struct Key {
    fields: &'static [Field],
    /// The one that is asked first: fields mostly come in the order of their declaration.
    likely: usize,
}

impl<'de> DeserializeSeed<'de> for &Key {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for &Key {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<usize, E> {
        if self.fields.get(self.likely).is_some_and(|field| field.name == name) {
            return Ok(self.likely);
        }
        let at = self.fields.iter().position(|field| field.name == name);
        at.ok_or_else(|| E::custom(format_args!("unknown field `{name}`")))
    }
}

/// Writes a model as an object.
///
/// # Errors
/// Whatever the serializer or the values report.
pub fn write_object<T: Object, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    let object = serializer.serialize_struct(T::OBJECT.name, T::OBJECT.fields.len())?;
    let mut writer = Writer { object, fields: T::OBJECT.fields.iter(), outcome: Ok(()) };
    value.visit_fields(&mut writer);
    writer.outcome?;
    writer.object.end()
}

/// The kind of a struct with named fields.
pub enum Fields {}

impl<T: Object> Kind<T> for Fields {
    const IN_QUERY: InQuery = InQuery::Nested("an object");
    const PARAMETERS: Option<&'static ObjectShape> = Some(T::OBJECT);

    fn shape() -> Shape {
        Shape::Object(T::OBJECT)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read_object(deserializer)
    }

    fn write<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        write_object(value, serializer)
    }

    fn is_valid(value: &T) -> bool {
        is_sound(value)
    }
}

/// Whether all fields of a model pass their checks, and it keeps its rules.
fn is_sound<T: Object>(value: &T) -> bool {
    value.visit_fields(&mut Checker { fields: T::OBJECT.fields.iter() }) && value.passes_customs() && {
        let mut failures = Failures::default();
        value.rules(&mut failures);
        failures.is_empty()
    }
}

/// Who is shown the values of a model's fields, in the order of [`Object::OBJECT`].
pub trait FieldVisitor {
    /// Is shown the next one; `false` if that is enough.
    fn field<T: Schema>(&mut self, value: &T) -> bool;
}

/// Writes each field, unless it is left out, until an error.
struct Writer<S: SerializeStruct> {
    object: S,
    fields: slice::Iter<'static, Field>,
    outcome: Result<(), S::Error>,
}

impl<S: SerializeStruct> FieldVisitor for Writer<S> {
    #[inline]
    fn field<T: Schema>(&mut self, value: &T) -> bool {
        let Some(Field { name, .. }) = self.fields.next() else { return false };
        self.outcome = if value.is_absent() {
            self.object.skip_field(name)
        } else {
            self.object.serialize_field(name, &Written(value))
        };
        self.outcome.is_ok()
    }
}

/// Finds a field that does not pass its checks.
struct Checker {
    fields: slice::Iter<'static, Field>,
}

impl FieldVisitor for Checker {
    #[inline]
    fn field<T: Schema>(&mut self, value: &T) -> bool {
        self.fields.next().is_some_and(|field| value.fits(field))
    }
}

/// What every struct with `#[model]` has beside its schema: serde's traits, and those of poem-openapi.
#[doc(hidden)]
#[macro_export]
macro_rules! __object {
    ([$($parameters:tt)*] [$model:ty] [$($clause:tt)*]) => {
        impl<'de, $($parameters)*> $crate::__private::serde::Deserialize<'de> for $model $($clause)* {
            fn deserialize<__D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: __D,
            ) -> ::core::result::Result<Self, __D::Error> {
                $crate::__private::model::read_object(deserializer)
            }
        }

        impl<$($parameters)*> $crate::__private::serde::Serialize for $model $($clause)* {
            fn serialize<__S: $crate::__private::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> ::core::result::Result<__S::Ok, __S::Error> {
                $crate::__private::model::write_object(self, serializer)
            }
        }

        $crate::__private::poem_model!(object [$($parameters)*] [$model] [$($clause)*]);
    };
}

#[cfg(test)]
mod tests;
