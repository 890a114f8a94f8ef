//! Models that contend for one name in the API's document.

use std::collections::HashMap;

use poem_openapi::registry::{MetaSchema, Registry};

use super::{operations::OPEN_SCHEMAS, schema::register_shape};
use crate::{model::Shape, procedure::Procedure};

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

/// The schemas with names in a value, sorted.
fn schemas(shape: &Shape) -> Vec<(String, MetaSchema)> {
    let mut registry = Registry::new();
    register_shape(shape, &mut registry);
    registry.schemas.into_iter().collect()
}
