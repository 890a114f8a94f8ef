//! The API's document, and the page that shows it.

use poem_openapi::OpenApiService;
use serde_json::{Value, json};

use super::{
    operations::{OPEN_SCHEMAS, Procedures},
    schema::STORABLE,
};

/// The OpenAPI document of the program's procedures.
pub(crate) struct Document {
    json: String,
    page: String,
}

impl Document {
    /// Describes every procedure linked into the program.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let service = OpenApiService::new(Procedures, name, version);
        let written = service.spec();
        let mut document: Value =
            serde_json::from_str(&written).expect("poem-openapi writes its document as JSON");
        lift(&mut document);
        let json = format!("{document:#}\n");
        // The page holds the document inside a script element, which `</` in any text would end.
        let page = service.swagger_ui_html().replace(&written, &json.replace("</", "<\\/"));
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
fn lift(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    name_keys(document);
    allow_null(document);
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        // A model takes the fields it has and no others.
        let is_map = schema.get("additionalProperties").is_some();
        if schema["type"] == "object" && !is_map && !OPEN_SCHEMAS.contains(&name.as_str()) {
            schema["additionalProperties"] = json!(false);
        }
    }
}

/// Says of every map that its keys are texts like all others.
fn name_keys(value: &mut Value) {
    let schema: &Value = value;
    if schema["type"] == "object" && schema["additionalProperties"].is_object() {
        value["propertyNames"] = json!({"pattern": STORABLE});
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(name_keys),
        Value::Array(items) => items.iter_mut().for_each(name_keys),
        _ => {}
    }
}

/// Says `null` as OpenAPI 3.1 does: it is a type, and what may be null of a model is one of the two.
fn allow_null(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(allow_null);
            if members.get("nullable") == Some(&Value::Bool(true)) {
                members.remove("nullable");
                if let Some(ty) = members.get_mut("type") {
                    *ty = json!([ty, "null"]);
                } else {
                    let model = std::mem::take(members);
                    *value = json!({"anyOf": [model, {"type": "null"}]});
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(allow_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
