use serde_json::json;

use super::*;

/// A document of one operation.
fn document(operation: Value) -> Value {
    let mut operation = operation;
    operation["operationId"] = json!("tasks.create");
    json!({"paths": {"/api/tasks/create": {"post": operation}}, "components": {"schemas": {
        "Tree": {"type": "object", "properties": {
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        }},
        "Title": {"type": "string", "maxLength": 200},
        "A": {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["a"]}, "n": {"type": "integer"}}},
        "B": {"type": "object", "required": ["type"], "properties": {"type": {"enum": ["b"]}}},
    }}})
}

fn sent(schema: &Value) -> Value {
    document(json!({"requestBody": {"required": true, "content": {"application/json": {"schema": schema}}}}))
}

fn answered(schema: &Value) -> Value {
    document(json!({"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}))
}

/// What breaks when a value becomes another: where it is sent in, and where it is answered.
#[track_caller]
fn check(old: Value, new: Value, input: &[&str], output: &[&str]) {
    let whole = |side: &[&str]| side.iter().map(|line| format!("tasks.create: {line}")).collect::<Vec<_>>();
    assert_eq!(breaking_changes(&sent(&old), &sent(&new)), whole(input), "as input");
    assert_eq!(breaking_changes(&answered(&old), &answered(&new)), whole(output), "as output");
    assert_eq!(breaking_changes(&sent(&old), &sent(&old)), [""; 0], "nothing changed");
}

fn object(required: &[&str], properties: Value) -> Value {
    json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false})
}

#[test]
fn fields_come_and_go() {
    let text = json!({"type": "string"});
    let (none, one) = (object(&[], json!({})), object(&[], json!({"a/b": text})));
    check(none.clone(), one.clone(), &[], &[]);
    check(
        one.clone(),
        none.clone(),
        &["input /a~1b is no longer accepted"],
        &["output /a~1b is no longer sent"],
    );
    let required = object(&["a/b"], json!({"a/b": text}));
    check(none, required.clone(), &["input /a~1b is new and required"], &[]);
    check(one.clone(), required.clone(), &["input /a~1b is required now"], &[]);
    check(required, one, &[], &["output /a~1b may be absent now"]);
}

#[test]
fn types_and_formats_change() {
    let integer = |format: &str, max: i64| json!({"type": "integer", "format": format, "maximum": max});
    let (small, large) = (integer("int32", 2_147_483_647), integer("int64", 9_007_199_254_740_991));
    check(small.clone(), large.clone(), &[], &["the output has the format `int64` now, was `int32`"]);
    check(large, small, &["the input takes at most 2147483647 now, was 9007199254740991"], &[]);

    let (text, id) = (json!({"type": "string"}), json!({"type": "string", "format": "uuid"}));
    check(text.clone(), id.clone(), &["the input has the format `uuid` now, was any text"], &[]);
    check(id, text.clone(), &[], &["the output has the format any text now, was `uuid`"]);

    let (whole, number) = (json!({"type": "integer"}), json!({"type": "number"}));
    check(whole.clone(), number.clone(), &[], &["the output is of type number now, was integer"]);
    check(number.clone(), whole, &["the input is of type integer now, was number"], &[]);
    check(
        text.clone(),
        number,
        &["the input is of type number now, was string"],
        &["the output is of type number now, was string"],
    );

    let nullable = json!({"type": ["string", "null"]});
    check(text.clone(), nullable.clone(), &[], &["the output may be null now"]);
    check(nullable, text, &["the input may no longer be null"], &[]);
}

#[test]
fn values_of_an_enum_come_and_go() {
    let of = |values: &[&str]| json!({"type": "string", "enum": values});
    check(of(&["a"]), of(&["a", "b"]), &[], &["the output may be \"b\" now"]);
    check(of(&["a", "b"]), of(&["a"]), &["the input no longer takes \"b\""], &[]);
    let any = json!({"type": "string"});
    check(any.clone(), of(&["a"]), &["the input takes a few values only now"], &[]);
    check(of(&["a"]), any, &[], &["the output may be any value now"]);
}

#[test]
fn bounds_tighten_what_is_sent_in() {
    let title = |more: Value| {
        let mut schema = json!({"type": "string"});
        schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object(&[], json!({"title": schema}))
    };
    for (old, new, said) in [
        (json!({"maxLength": 200}), json!({"maxLength": 100}), "takes at most 100 characters now, was 200"),
        (json!({}), json!({"minLength": 1}), "takes at least 1 characters now"),
        (json!({}), json!({"pattern": "^a"}), "must match \"^a\" now"),
        (json!({"multipleOf": 2}), json!({"multipleOf": 4}), "takes multiples of 4 only now"),
        (json!({}), json!({"uniqueItems": true}), "may not have the same item twice now"),
    ] {
        check(title(old.clone()), title(new.clone()), &[&format!("input /title {said}")], &[]);
        check(title(new), title(old), &[], &[]);
    }
}

#[test]
fn what_is_held_is_compared_too() {
    let list = |items: Value| json!({"type": "array", "items": items});
    let map = |values: Value| json!({"type": "object", "additionalProperties": values});
    let (text, number) = (json!({"type": "string"}), json!({"type": "number"}));
    for holds in [list, map] {
        check(
            holds(text.clone()),
            holds(number.clone()),
            &["input /* is of type number now, was string"],
            &["output /* is of type number now, was string"],
        );
    }
    let reference = |name: &str| json!({"$ref": format!("#/components/schemas/{name}")});
    check(reference("Tree"), reference("Tree"), &[], &[]);
    check(text.clone(), reference("Title"), &["the input takes at most 200 characters now"], &[]);
    let narrowed = json!({"allOf": [reference("Title"), {"maxLength": 50}]});
    check(reference("Title"), narrowed, &["the input takes at most 50 characters now, was 200"], &[]);
}

#[test]
fn variants_come_and_go() {
    let union = |names: &[&str]| {
        let reference = |name: &str| format!("#/components/schemas/{name}");
        let mapping: serde_json::Map<_, _> =
            names.iter().map(|name| (name.to_lowercase(), reference(name).into())).collect();
        let variants: Vec<_> = names.iter().map(|name| json!({"$ref": reference(name)})).collect();
        json!({"oneOf": variants, "discriminator": {"propertyName": "type", "mapping": mapping}})
    };
    check(union(&["A", "Tree"]), union(&["A", "Tree", "B"]), &[], &["the output may be the variant `b` now"]);
    check(
        union(&["A", "Tree", "B"]),
        union(&["A", "Tree"]),
        &["the input no longer takes the variant `b`"],
        &[],
    );
}

/// What breaks when an operation becomes another.
#[track_caller]
fn operation(old: Value, new: Value, expected: &[&str]) {
    let (old, new) = (document(old), document(new));
    let expected: Vec<_> = expected.iter().map(|line| format!("tasks.create: {line}")).collect();
    assert_eq!(breaking_changes(&old, &new), expected);
}

#[test]
fn parameters_come_and_go() {
    let with = |more: Value| {
        let mut limit = json!({"in": "query", "name": "limit", "schema": {"type": "integer"}});
        limit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"parameters": [limit]})
    };
    let (optional, required) = (with(json!({"required": false})), with(json!({"required": true})));
    operation(json!({}), optional.clone(), &[]);
    operation(json!({}), required.clone(), &["input /limit is new and required"]);
    operation(optional.clone(), required, &["input /limit is required now"]);
    operation(optional.clone(), json!({}), &["input /limit is no longer accepted"]);
    let bounded = with(json!({"schema": {"type": "integer", "maximum": 9}}));
    operation(optional, bounded, &["input /limit takes at most 9 now"]);
}

#[test]
fn bodies_and_answers_come_and_go() {
    let body =
        |required: bool| json!({"requestBody": {"required": required, "content": {"application/json": {}}}});
    operation(json!({}), body(false), &[]);
    operation(json!({}), body(true), &["the input is new and required"]);
    operation(body(false), body(true), &["the input is required now"]);
    operation(body(true), json!({}), &["the input is no longer read as application/json"]);

    let answer = |status: &str| json!({"responses": {status: {}, "404": {}}});
    operation(answer("200"), answer("201"), &["it no longer answers with 200"]);
    operation(answer("200"), json!({"responses": {"200": {}, "409": {}}}), &[]);
}

#[test]
fn who_may_call_it_changes() {
    let protected = json!({"security": [{"session_token": []}]});
    for open in [json!({}), json!({"security": []})] {
        operation(open.clone(), protected.clone(), &["it needs a signed-in user now"]);
        operation(protected.clone(), open, &[]);
    }
}

#[test]
fn operations_move_and_go() {
    let at = |path: &str, method: &str, id: &str| json!({"paths": {path: {method: {"operationId": id}}}});
    let old = at("/api/a", "post", "a");
    for (new, expected) in [
        (json!({"paths": {}}), "a: it was removed (was POST /api/a)"),
        (at("/api/b", "post", "a"), "a: it is POST /api/b now, was POST /api/a"),
        (at("/api/a", "put", "a"), "a: it is PUT /api/a now, was POST /api/a"),
        (at("/api/a", "post", "b"), "a: its id is `b` now"),
    ] {
        assert_eq!(breaking_changes(&old, &new), [expected]);
    }
    assert_eq!(breaking_changes(&json!({"paths": {}}), &old), [""; 0], "a new one breaks nothing");
    assert_eq!(breaking_changes(&json!(null), &old), [""; 0], "nor does a file that says nothing");
}
