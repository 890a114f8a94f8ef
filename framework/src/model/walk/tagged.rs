//! The walk through a tagged union: the tag is looked for first, wherever it stands.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{DeserializeSeed as _, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Found, Shape, Spot, choice_message, found};
use crate::model::UnionShape;

impl Spot<'_> {
    /// Walks an object as what its tag says.
    pub(super) fn union(self, text: &str, union: &'static UnionShape) -> serde_json::Result<()> {
        match found(text) {
            Found::Object => {}
            other => {
                self.mismatch(other);
                return Ok(());
            }
        }
        let tag = serde_json::Deserializer::from_str(text).deserialize_map(Tag(union.tag))?;
        // A text that is no valid Unicode is none of the values either.
        let value = tag.map(|tag| serde_json::from_str::<String>(tag.get()).unwrap_or_default());
        let variant = union.variants.iter().find(|variant| value.as_deref() == Some(variant.value));
        if let Some(variant) = variant {
            let spot = Spot { shape: Shape::Object(&variant.object), ..self };
            return spot.deserialize(&mut serde_json::Deserializer::from_str(text));
        }
        let (values, outside) = (union.values(), self.walk.enter(union.tag));
        let expected = Some(values.join(", "));
        match tag.map(|tag| found(tag.get())) {
            None => self.walk.report("required", "is required", expected),
            Some(Found::String) => self.walk.report("enum", choice_message(&values), expected),
            Some(other) => {
                let message = format!("expected a string, found {}", super::with_article(other.name()));
                self.walk.report("type", message, Some("string".into()));
            }
        }
        self.walk.leave(outside);
        Ok(())
    }
}

/// Looks for the first field of a name.
struct Tag(&'static str);

impl<'de> Visitor<'de> for Tag {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut tag = None;
        while let Some(name) = members.next_key::<String>()? {
            if tag.is_none() && name == self.0 {
                tag = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(tag)
    }
}
