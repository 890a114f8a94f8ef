use poem::{
    Body, Endpoint, Request, Route,
    http::{Method, StatusCode},
};
use poem_openapi::{OpenApi, OpenApiService, payload::Json};
use serde_json::json;

use super::*;
use crate::model::fixtures::{Everything, NewTask, Search, Ticket, Tree};

/// What a type adds to a document.
fn published<T: Schema>() -> Value {
    let mut registry = Registry::new();
    register::<T>(&mut registry);
    serde_json::to_value(&registry.schemas).unwrap()
}

#[test]
fn an_object_is_published_with_its_fields_and_descriptions() {
    assert_eq!(
        published::<NewTask>(),
        json!({"NewTask": {
            "type": "object",
            "description": "A new task.",
            "required": ["title"],
            "properties": {
                "title": {
                    "type": "string", "description": "What to do.", "pattern": STORABLE, "example": "text", "minLength": 1,
                    "maxLength": 200,
                },
                "notes": {"type": "string", "pattern": STORABLE, "example": "text"},
                "due_at": {"type": "string", "format": "date-time"},
            },
        }})
    );
}

#[test]
fn every_kind_of_field_is_published() {
    let everything = published::<Everything>();
    let properties = &everything["Everything"]["properties"];
    let reference = json!({"$ref": "#/components/schemas/NewTask"});
    for (field, schema) in [
        ("flag", json!({"type": "boolean"})),
        ("small", json!({"type": "integer", "format": "int16", "minimum": -32768.0, "maximum": 32767.0})),
        ("medium", json!({"type": "integer", "format": "int32", "minimum": 1.0, "maximum": 5.0})),
        (
            "large",
            json!({
                "type": "integer", "format": "int64",
                "minimum": -9_007_199_254_740_991.0, "maximum": 9_007_199_254_740_991.0,
            }),
        ),
        ("ratio", json!({"type": "number", "format": "double", "minimum": 0.0, "maximum": 0.5})),
        ("weight", json!({"type": "number", "format": "float", "minimum": -3.402_823_5e38, "maximum": 0.1})),
        ("id", json!({"type": "string", "format": "uuid"})),
        ("day", json!({"type": "string", "format": "date"})),
        (
            "tags",
            json!({"type": "array", "items": {"type": "string", "pattern": STORABLE, "example": "text"}}),
        ),
        ("task", json!({"description": "The task it is about.", "allOf": [reference]})),
        ("others", json!({"type": "array", "items": reference})),
    ] {
        assert_eq!(properties[field], schema, "{field}");
    }
    assert_eq!(properties["holes"]["items"]["nullable"], true);
    assert!(everything["NewTask"].is_object());
}

#[test]
fn a_type_that_contains_itself_is_published_once() {
    let tree = published::<Vec<Tree>>();
    assert_eq!(tree["Tree"]["properties"]["children"]["items"]["$ref"], "#/components/schemas/Tree");
    assert_eq!(tree["Tree"]["properties"]["children"]["maxItems"], 2);
    assert_eq!(tree["Tree"]["properties"]["next"]["$ref"], "#/components/schemas/Tree");
}

#[test]
fn a_list_of_nullable_objects_keeps_the_reference() {
    let schema = serde_json::to_value(schema_ref::<Vec<Option<NewTask>>>()).unwrap();
    let items = json!({"nullable": true, "allOf": [{"$ref": "#/components/schemas/NewTask"}]});
    assert_eq!(schema, json!({"type": "array", "items": items}));
}

#[test]
fn the_fields_of_a_query_are_its_parameters() {
    let Shape::Object(object) = Search::shape() else { panic!("a model is an object") };
    let parameters = serde_json::to_value(parameters(object)).unwrap();
    assert_eq!(
        parameters[1],
        json!({
            "name": "limit", "in": "query", "required": true, "deprecated": false, "explode": true, "style": "form",
            "schema": {"type": "integer", "format": "int32", "minimum": 1.0, "maximum": 100.0},
        })
    );
    assert_eq!(
        parameters[4]["schema"],
        json!({"type": "array", "items": {"type": "string", "pattern": STORABLE, "example": "text"}})
    );
    assert_eq!(parameters[4]["required"], false);
}

struct Plain;

#[OpenApi]
impl Plain {
    #[oai(path = "/echo", method = "post")]
    async fn echo(&self, body: Json<NewTask>) -> Json<Vec<NewTask>> {
        Json(vec![body.0])
    }
}

async fn echo(body: &'static str) -> (StatusCode, String) {
    let app = Route::new().nest("/", OpenApiService::new(Plain, "plain", "1"));
    let request = Request::builder()
        .method(Method::POST)
        .uri_str("/echo")
        .content_type("application/json")
        .body(Body::from(body));
    let response = app.get_response(request).await;
    (response.status(), response.into_body().into_string().await.unwrap())
}

#[tokio::test]
async fn a_model_serves_in_a_plain_poem_api() {
    let (status, body) = echo(r#"{"title":"t","due_at":"2026-01-31T12:00:00+01:00"}"#).await;
    assert_eq!(
        (status, body.as_str()),
        (StatusCode::OK, r#"[{"title":"t","due_at":"2026-01-31T11:00:00Z"}]"#)
    );

    let (status, body) = echo(r#"{"title":""}"#).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("/title: must have from 1 to 200 characters, has 0"), "{body}");
}

#[test]
fn a_plain_poem_api_documents_the_model() {
    let document: Value = serde_json::from_str(&OpenApiService::new(Plain, "plain", "1").spec()).unwrap();
    assert_eq!(document["components"]["schemas"], published::<NewTask>());
    let operation = &document["paths"]["/echo"]["post"];
    let body = operation["requestBody"]["content"].as_object().unwrap().values().next().unwrap();
    assert_eq!(body["schema"]["$ref"], "#/components/schemas/NewTask");
}

#[test]
fn a_missing_value_and_one_that_cannot_be_written_are_errors() {
    let error = parse_from_json::<NewTask>(None).unwrap_err();
    assert!(error.message().contains("expects an input value"), "{}", error.message());
    assert_eq!(to_json(&f64::NAN), None);
    assert_eq!(to_json(&1_i64), Some(json!(1)));
}

#[test]
fn what_a_field_is_told_is_published() {
    let schemas = published::<Ticket>();
    assert_eq!(
        schemas["Priority"],
        json!({"type": "string", "description": "How soon.", "enum": ["low", "normal", "VERY-HIGH"]})
    );
    assert_eq!(
        schemas["Label"],
        json!({
            "type": "string", "description": "Letters only a few.", "pattern": STORABLE, "example": "text", "minLength": 1, "maxLength": 8,
        })
    );
    let ticket = &schemas["Ticket"];
    assert_eq!(ticket["required"], json!(["label"]));
    let label = json!({"$ref": "#/components/schemas/Label"});
    for (field, schema) in [
        ("label", label.clone()),
        (
            "priority",
            json!({
                "description": "How soon.", "default": "normal", "allOf": [{"$ref": "#/components/schemas/Priority"}],
            }),
        ),
        (
            "maxTries",
            json!({"type": "integer", "format": "int32", "default": 3, "minimum": 1.0, "maximum": 9.0, "multipleOf": 3.0}),
        ),
        ("owner", json!({"type": "string", "pattern": STORABLE, "example": "text", "default": "none"})),
        ("watchers", json!({"type": "array", "items": label, "uniqueItems": true})),
        ("old", json!({"type": "boolean", "deprecated": true})),
        (
            "pin",
            json!({
                "type": "string", "pattern": r"^\d+$", "allOf": [{"pattern": STORABLE}], "writeOnly": true,
            }),
        ),
        ("notes", json!({"type": "object", "additionalProperties": {"nullable": true, "allOf": [label]}})),
    ] {
        assert_eq!(ticket["properties"][field], schema, "{field}");
    }
    let counts = &ticket["properties"]["counts"];
    assert_eq!(counts["additionalProperties"]["format"], "int32");
    assert_eq!((&counts["minProperties"], &counts["maxProperties"]), (&json!(1), &json!(2)));
}
