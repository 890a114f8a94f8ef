//! The API's document, and the page that shows it.

use poem_openapi::{LicenseObject, OpenApiService};
use serde_json::{Map, Value, json};

use super::{
    examples,
    operations::{OPEN_SCHEMAS, Procedures, documented},
    schema::STORABLE,
};
use crate::procedure::{Procedure, Tier};

/// The OpenAPI document of the program's procedures.
pub(crate) struct Document {
    json: String,
    page: String,
}

/// What the document says about the application itself.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// May be empty.
    pub(crate) description: &'static str,
    /// An SPDX expression; may be empty.
    pub(crate) license: &'static str,
    /// Headings and what stands under them.
    pub(crate) tags: Vec<(&'static str, &'static str)>,
}

/// What the extension `x-tier` of an operation means.
const TIERS: &str = "`x-tier` of an operation says who may call it: `public` anyone; `auth` anyone, to sign in, to \
                     sign up and the like; `protected` signed-in users only.";

impl Document {
    /// Describes every procedure linked into the program. Two documents of one program are the same, byte by byte.
    pub(crate) fn new(info: &Info) -> Self {
        let description = [info.description, TIERS].into_iter().filter(|text| !text.is_empty());
        let mut service = OpenApiService::new(Procedures, info.name, info.version)
            .description(description.collect::<Vec<_>>().join("\n\n"))
            .server("/");
        if !info.license.is_empty() {
            service = service.license(LicenseObject::new(info.license).identifier(info.license));
        }
        let written = service.spec();
        let mut document: Value =
            serde_json::from_str(&written).expect("poem-openapi writes its document as JSON");
        lift(&mut document, &documented());
        for tag in document["tags"].as_array_mut().into_iter().flatten() {
            if let Some((_, description)) = info.tags.iter().find(|(name, _)| tag["name"] == *name) {
                tag["description"] = (*description).into();
            }
        }
        let json = format!("{document:#}\n");
        // The page holds the document inside a script element, whose end is found before any script is read: `</` ends
        // it, and `<!--` has the next end passed over. So no text brings along the character that both begin with.
        let page = service.swagger_ui_html().replace(&written, &json.replace('<', "\\u003c"));
        Self { json, page }
    }

    /// The document as JSON text.
    pub(crate) fn json(&self) -> &str {
        &self.json
    }

    /// The page that shows it (Swagger UI), as HTML.
    pub(crate) fn page(&self) -> &str {
        &self.page
    }
}

/// Lifts what poem-openapi writes (OpenAPI 3.0.0) to 3.1, and says what its types cannot.
fn lift(document: &mut Value, procedures: &[&'static Procedure]) {
    document["openapi"] = json!("3.1.0");
    for_each_schema(document, &mut modernise);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        // A model takes the fields it has and no others.
        let is_map = schema.get("additionalProperties").is_some();
        if schema["type"] == "object" && !is_map && !OPEN_SCHEMAS.contains(&name.as_str()) {
            schema["additionalProperties"] = json!(false);
        }
    }
    for procedure in procedures {
        let method = procedure.method.as_str().to_lowercase();
        let operation = &mut document["paths"][&*procedure.path()][method];
        operation["x-tier"] = procedure.tier.name().into();
        if procedure.tier != Tier::Protected {
            operation["security"] = json!([]);
        }
        examples::add(operation, procedure);
    }
}

/// Visits every schema, from the outside in. Some objects are visited that are none: they have no keyword of one.
fn for_each_schema(value: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            visit(members);
            for (name, member) in members {
                match (&**name, member) {
                    // Its keys are names of fields, some of which look like keywords.
                    ("properties", Value::Object(properties)) => {
                        properties.values_mut().for_each(|property| for_each_schema(property, visit));
                    }
                    // Values, not schemas.
                    ("default" | "enum" | "examples", Value::Object(_) | Value::Array(_)) => {}
                    (_, member) => for_each_schema(member, visit),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_schema(item, visit)),
        _ => {}
    }
}

/// Writes a schema in the words of JSON Schema 2020-12, which OpenAPI 3.1 uses.
fn modernise(schema: &mut Map<String, Value>) {
    if let Some(example) = schema.remove("example") {
        schema.insert("examples".to_owned(), json!([example]));
    }
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if let Some(Value::Bool(is_exclusive)) = schema.remove(exclusive)
            && is_exclusive
            && let Some(bound) = schema.remove(bound)
        {
            schema.insert(exclusive.to_owned(), bound);
        }
    }
    for key in ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"] {
        if let Some(number) = schema.get_mut(key)
            && let Some(whole) = as_whole(number)
        {
            *number = whole.into();
        }
    }
    // The keys of a map are texts like all others.
    if schema.get("type").is_some_and(|kind| kind == "object")
        && schema.get("additionalProperties").is_some_and(Value::is_object)
    {
        schema.insert("propertyNames".to_owned(), json!({"pattern": STORABLE}));
    }
    if schema.remove("nullable") == Some(Value::Bool(true)) {
        allow_null(schema);
    }
}

/// The number as an integer, if it is one that a float holds exactly.
#[expect(clippy::cast_possible_truncation, reason = "it was compared with what an integer holds")]
fn as_whole(number: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number
        .as_f64()
        .filter(|number| number.fract() == 0.0 && number.abs() <= EXACT)
        .map(|number| number as i64)
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(values) = schema.get_mut("enum").and_then(Value::as_array_mut) {
        values.push(Value::Null);
    }
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    } else if let Some(all) = schema.remove("allOf") {
        let value = match all {
            Value::Array(mut all) if all.len() == 1 => all.remove(0),
            all => json!({"allOf": all}),
        };
        schema.insert("anyOf".to_owned(), json!([value, {"type": "null"}]));
    }
}

#[cfg(test)]
mod tests;
