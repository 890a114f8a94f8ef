use super::*;

#[test]
fn a_map_takes_any_key_that_is_a_text_and_a_model_only_its_own() {
    let map = json!({"type": "object", "additionalProperties": {"type": "integer"}});
    let model = json!({"type": "object", "properties": {"counts": map}});
    let mut document =
        json!({"components": {"schemas": {"Model": model, "Map": map, "Problem": {"type": "object"}}}});
    lift(&mut document);
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Model"]["additionalProperties"], false);
    assert_eq!(schemas["Problem"]["additionalProperties"], Value::Null);
    for map in [&schemas["Map"], &schemas["Model"]["properties"]["counts"]] {
        assert_eq!(map["additionalProperties"], json!({"type": "integer"}));
        assert_eq!(map["propertyNames"], json!({"pattern": STORABLE}));
    }
}
