//! `null` as OpenAPI 3.1 says it: a type beside others, not a keyword.

use serde_json::{Value, json};

/// Rewrites every `nullable: true` in a document.
pub(super) fn lift(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(lift);
            if matches!(members.get("nullable"), Some(Value::Bool(true))) {
                members.shift_remove("nullable");
                match members.get_mut("type") {
                    Some(ty) => {
                        *ty = json!([ty.take(), "null"]);
                        if let Some(Value::Array(values)) = members.get_mut("enum") {
                            values.push(Value::Null);
                        }
                    }
                    None => {
                        let other = match members.shift_remove("allOf") {
                            Some(Value::Array(all)) if all.len() == 1 => all[0].clone(),
                            Some(all) => json!({"allOf": all}),
                            None => return,
                        };
                        members.insert("anyOf".into(), json!([other, {"type": "null"}]));
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(lift),
        _ => {}
    }
}
