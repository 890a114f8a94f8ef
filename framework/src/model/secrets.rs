//! Where a value holds secrets.

use super::{ObjectShape, Shape};

/// Returns the fields of an object that are secret, or have something secret in them, each once; `""`, which stands for
/// the whole value, if it is no object and has.
#[must_use]
pub(crate) fn secret_fields(shape: Shape) -> Vec<&'static str> {
    let objects: Vec<&ObjectShape> = match shape.unnamed() {
        Shape::Object(object) => vec![object],
        Shape::Union(union) => union.variants.iter().map(|variant| &variant.object).collect(),
        other => return if Search::default().finds_in(other) { vec![""] } else { Vec::new() },
    };
    let fields = objects.iter().flat_map(|object| object.fields);
    let secret = fields.filter(|field| field.secret || Search::default().finds_in((field.shape)()));
    let mut names: Vec<_> = secret.map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The objects that have been looked into, as some contain themselves.
#[derive(Default)]
struct Search(Vec<*const ObjectShape>);

impl Search {
    fn finds_in(&mut self, shape: Shape) -> bool {
        match shape.unnamed() {
            Shape::Array { items, .. } => self.finds_in(items()),
            Shape::Map { values, .. } => self.finds_in(values()),
            Shape::Object(object) => self.finds_in_object(object),
            Shape::Union(union) => union.variants.iter().any(|variant| self.finds_in_object(&variant.object)),
            _ => false,
        }
    }

    fn finds_in_object(&mut self, object: &'static ObjectShape) -> bool {
        if self.0.contains(&std::ptr::from_ref(object)) {
            return false;
        }
        self.0.push(object);
        object.fields.iter().any(|field| field.secret || self.finds_in((field.shape)()))
    }
}

#[cfg(test)]
mod tests;
