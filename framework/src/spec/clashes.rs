//! Models that contend for one name in the API's document, or contradict themselves.

use std::collections::{HashMap, HashSet};

use poem_openapi::registry::{MetaSchema, Registry};

use super::{operations::OPEN_SCHEMAS, schema::register_shape};
use crate::{
    model::{ObjectShape, Shape, default_faults},
    procedure::Procedure,
};

/// Every name that two different models have, a sentence each; empty if there is none.
///
/// Models that look the same share a name without harm.
pub(crate) fn clashes(procedures: &[&'static Procedure]) -> Vec<String> {
    let mut known: HashMap<String, (MetaSchema, &Procedure)> = HashMap::new();
    let mut faults = Vec::new();
    for &procedure in procedures {
        let (at, input) = (procedure.location(), procedure.input.map(|input| input()));
        let path = procedure.path.iter().map(|parameter| (parameter.shape)());
        for shape in path.chain(input).chain((procedure.output)().shape) {
            for (name, schema) in schemas(&shape) {
                if OPEN_SCHEMAS.contains(&&*name) {
                    faults.push(format!(
                        "the name `{name}` is the framework's own: rename the model that is used at {at}"
                    ));
                    continue;
                }
                let (first, user) = known.entry(name.clone()).or_insert_with(|| (schema.clone(), procedure));
                if *first != schema {
                    let first = user.location();
                    faults.push(format!(
                        "two different models are named `{name}`: one is used at {first}, one at {at}; rename one of them"
                    ));
                }
            }
        }
    }
    faults
}

/// Every default that its own field would refuse, a sentence each; empty if there is none.
pub(crate) fn refused_defaults(procedures: &[&'static Procedure]) -> Vec<String> {
    let (mut seen, mut faults) = (HashSet::new(), Vec::new());
    for procedure in procedures {
        let path = procedure.path.iter().map(|parameter| (parameter.shape)());
        for shape in path.chain(procedure.input.map(|input| input())).chain((procedure.output)().shape) {
            check_defaults(&shape, &mut seen, &mut faults);
        }
    }
    faults
}

fn check_defaults(shape: &Shape, seen: &mut HashSet<String>, faults: &mut Vec<String>) {
    match *shape {
        Shape::Array { items, .. } => check_defaults(&items(), seen, faults),
        Shape::Map { values, .. } => check_defaults(&values(), seen, faults),
        Shape::Named(named) => check_defaults(&(named.shape)(), seen, faults),
        Shape::Object(object) if seen.insert(object.full_name()) => check_fields(object, seen, faults),
        Shape::Union(union) if seen.insert(union.name.to_owned()) => {
            union.variants.iter().for_each(|variant| check_fields(&variant.object, seen, faults));
        }
        _ => {}
    }
}

fn check_fields(object: &ObjectShape, seen: &mut HashSet<String>, faults: &mut Vec<String>) {
    for field in object.fields {
        for (pointer, message) in default_faults(field) {
            let (model, name) = (object.name, field.name);
            let at = if pointer.is_empty() { pointer } else { format!(" at `{pointer}`") };
            faults.push(format!(
                "the default of the field `{name}` of `{model}` is refused by its own checks{at}: it {message}; write another `default`"
            ));
        }
        check_defaults(&(field.shape)(), seen, faults);
    }
}

/// The schemas with names in a value, sorted.
fn schemas(shape: &Shape) -> Vec<(String, MetaSchema)> {
    let mut registry = Registry::new();
    register_shape(shape, &mut registry);
    registry.schemas.into_iter().collect()
}

#[cfg(test)]
mod tests;
