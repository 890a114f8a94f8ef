use super::*;

#[test]
fn a_map_takes_any_key_that_is_a_text_and_a_model_only_its_own() {
    let map = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let model = json!({"type": "object", "properties": {"counts": map}});
    let mut document =
        json!({"components": {"schemas": {"Model": model, "Map": map, "Problem": {"type": "object"}}}});
    lift(&mut document, &[]);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Model"]["additionalProperties"], false);
    assert_eq!(schemas["Problem"]["additionalProperties"], Value::Null);
    for map in [&schemas["Map"], &schemas["Model"]["properties"]["counts"]] {
        assert_eq!(map["additionalProperties"], json!({"type": "integer"}));
        assert_eq!(map["propertyNames"], json!({"pattern": STORABLE}));
    }
}

/// What becomes of a schema.
#[track_caller]
fn check(mut old: Value, new: Value) {
    for_each_schema(&mut old, &mut modernise);
    assert_eq!(old, new);
}

#[test]
fn schemas_are_written_in_the_words_of_today() {
    check(json!({"type": "string", "example": "a"}), json!({"type": "string", "examples": ["a"]}));
    check(
        json!({"type": "integer", "minimum": 1.0, "maximum": 2.5}),
        json!({"type": "integer", "minimum": 1, "maximum": 2.5}),
    );
    check(json!({"minimum": 1.0, "exclusiveMinimum": true}), json!({"exclusiveMinimum": 1}));
    check(json!({"minimum": 1.0, "exclusiveMinimum": false}), json!({"minimum": 1}));
    check(json!({"maximum": 0.5, "exclusiveMaximum": true}), json!({"exclusiveMaximum": 0.5}));
    check(json!({"type": "string", "nullable": true}), json!({"type": ["string", "null"]}));
    check(
        json!({"type": "string", "enum": ["a"], "nullable": true}),
        json!({"type": ["string", "null"], "enum": ["a", null]}),
    );
    check(
        json!({"allOf": [{"$ref": "#/components/schemas/A"}], "nullable": true}),
        json!({"anyOf": [{"$ref": "#/components/schemas/A"}, {"type": "null"}]}),
    );
    check(
        json!({"type": "array", "items": {"type": "string", "nullable": true}}),
        json!({"type": "array", "items": {"type": ["string", "null"]}}),
    );
    check(
        json!({"type": "object", "additionalProperties": {"type": "string"}, "nullable": true}),
        json!({
            "type": ["object", "null"], "additionalProperties": {"type": "string"},
            "propertyNames": {"pattern": STORABLE},
        }),
    );
}

#[test]
fn fields_and_values_that_look_like_keywords_stay() {
    let fields = json!({"type": "object", "properties": {
        "example": {"type": "string"}, "nullable": {"type": "boolean"}, "minimum": {"type": "number"},
        "default": {"type": "string"},
    }});
    check(fields.clone(), fields);
    let values = json!({"default": {"example": 1, "minimum": 1.0}, "enum": ["nullable"]});
    check(values.clone(), values);
    check(
        json!({"properties": {"default": {"type": "string", "example": "a"}}}),
        json!({"properties": {"default": {"type": "string", "examples": ["a"]}}}),
    );
}
