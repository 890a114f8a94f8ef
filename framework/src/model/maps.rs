//! Maps: objects whose keys are not known beforehand.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::BuildHasher,
    marker::PhantomData,
};

use serde::{
    Deserializer, Serializer,
    de::{self, DeserializeSeed, MapAccess, Visitor},
    ser::SerializeMap as _,
};

use super::{
    Check, HasItems, InQuery, Own, Schema, Shape,
    leaves::{Item, Written},
};

/// Reads an object as a map; a repeated key is an error.
struct Members<M, T> {
    insert: fn(&mut M, String, T) -> bool,
    of: PhantomData<T>,
}

impl<'de, M: Default, T: Schema> Visitor<'de> for Members<M, T> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<M, A::Error> {
        let mut map = M::default();
        while let Some(key) = members.next_key_seed(Key)? {
            let value = members.next_value_seed(Item(PhantomData))?;
            if !(self.insert)(&mut map, key, value) {
                return Err(de::Error::custom("a key is there more than once"));
            }
        }
        Ok(map)
    }
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::read(deserializer)
    }
}

fn write<'a, T: Schema, S: Serializer>(
    length: usize,
    members: impl Iterator<Item = (&'a String, &'a T)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(length))?;
    for (key, value) in members {
        map.serialize_entry(key, &Written(value))?;
    }
    map.end()
}

macro_rules! maps {
    ($($map:ident [$($hasher:ident: $($bound:path),*)?];)*) => {$(
        impl<T: Schema $(, $hasher: $($bound +)* 'static)?> Schema for $map<String, T $(, $hasher)?> {
            type Kind = Own;
            const IN_QUERY: InQuery = InQuery::Nested("a map");

            fn shape() -> Shape {
                Shape::Map { values: T::shape, nullable_values: T::NULLABLE_ITEM }
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let insert = |map: &mut Self, key, value| map.insert(key, value).is_none();
                deserializer.deserialize_map(Members { insert, of: PhantomData })
            }

            fn write<W: Serializer>(&self, serializer: W) -> Result<W::Ok, W::Error> {
                write(self.len(), self.iter(), serializer)
            }

            fn passes(&self, check: &Check) -> bool {
                check.admits_count(self.len())
            }

            fn is_valid(&self) -> bool {
                self.values().all(T::is_valid)
            }
        }

        impl<T: Schema $(, $hasher: $($bound +)* 'static)?> HasItems for $map<String, T $(, $hasher)?> {}
    )*};
}

maps! {
    BTreeMap [];
    HashMap [H: BuildHasher, Default, Send, Sync];
}
