//! Tagged unions: objects of which one field, the tag, says which others there are.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
    forward_to_deserialize_any,
};

use super::{Field, ObjectShape, Schema, Shape, field};

/// An object that is one of a few.
#[derive(Debug)]
pub struct UnionShape {
    /// The name in the API's document.
    pub name: &'static str,
    /// The description, from the doc comment; may be empty.
    pub doc: &'static str,
    /// The name of the field that tells which.
    pub tag: &'static str,
    /// The objects, in the order of their declaration.
    pub variants: &'static [VariantShape],
}

/// One of the objects of a union.
#[derive(Debug)]
pub struct VariantShape {
    /// The value of the tag.
    pub value: &'static str,
    /// What it looks like, with the tag as its first field.
    pub object: ObjectShape,
}

impl UnionShape {
    /// The values of the tag.
    pub(crate) fn values(&self) -> Vec<&'static str> {
        self.variants.iter().map(|variant| variant.value).collect()
    }
}

/// The tag as a field.
#[must_use]
pub const fn tag(name: &'static str, shape: fn() -> Shape) -> Field {
    Field { shape, ..field(name, "", false, <bool as Schema>::AS_FIELD, &[]) }
}

/// Reads an enum that derives `Deserialize` with a tag.
///
/// What serde derives also takes a list, and, below another union, the place of a variant for its tag; this does not.
///
/// # Errors
/// Whatever the deserializer or the value reports.
pub fn read_union<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(AsMap(deserializer))
}

/// Offers a map only, and in it a string only for the tag.
struct AsMap<T>(T);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AsMap<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(AsMap(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for AsMap<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(AsMap(members))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for AsMap<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.0.next_value_seed(Member(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

/// A value in the map. The tag is the only one that is read as an identifier, the others are kept for the variant.
struct Member<T>(T);

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Member<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.0.deserialize(Member(deserializer))
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Member<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum ignored_any
    }
}

/// Reads a variant that has no field but its tag, which has been taken out already.
///
/// # Errors
/// For any field.
pub fn read_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    struct Nothing;

    impl<'de> Visitor<'de> for Nothing {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with its tag only")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
            match members.next_key::<IgnoredAny>()? {
                Some(_) => Err(de::Error::custom("unknown field")),
                None => Ok(()),
            }
        }
    }

    deserializer.deserialize_map(Nothing)
}

#[cfg(test)]
mod tests;
