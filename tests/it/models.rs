//! What stands in a table, as callers send and receive it: every kind of value, through PostgreSQL and back.

use catena::{
    Created, Ctx, Error, Result, model, procedure,
    testing::{Answer, TestApp},
    types::{BigInt, Decimal, Json},
};
use diesel::{QueryDsl as _, SelectableHelper as _};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};

pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "mood"))]
    pub struct Mood;
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Mood;

    things (id) {
        id -> BigInt,
        price -> Numeric,
        discount -> Nullable<Numeric>,
        reading -> BigInt,
        last_reading -> Nullable<BigInt>,
        address -> Jsonb,
        billing -> Nullable<Jsonb>,
        mood -> Mood,
        past_mood -> Nullable<Mood>,
        label -> Text,
        nickname -> Nullable<Text>,
        tags -> Array<Text>,
        counts -> Nullable<Array<Integer>>,
        holes -> Array<Nullable<Integer>>,
        moods -> Array<Mood>,
        labels -> Array<Text>,
        prices -> Array<Numeric>,
        addresses -> Array<Jsonb>,
    }
}

/// An enum of PostgreSQL.
#[model(db = sql_types::Mood)]
#[derive(Debug)]
enum Mood {
    Calm,
    #[model(rename = "very-glad")]
    VeryGlad,
}

/// A short text.
#[model(db)]
#[derive(Debug)]
struct Label(#[check(len = 1..=8)] String);

/// A number of a thing.
#[model]
struct ThingId(#[check(range = 1..)] i64);

/// Where something is.
#[model]
struct Address {
    #[check(len = 1..)]
    street: String,
    floor: Option<i32>,
}

/// A thing with every kind of column.
#[model(table = things)]
struct Thing {
    id: i64,
    price: Decimal,
    discount: Option<Decimal>,
    reading: BigInt,
    last_reading: Option<BigInt>,
    address: Json<Address>,
    billing: Option<Json<Address>>,
    mood: Mood,
    past_mood: Option<Mood>,
    label: Label,
    nickname: Option<Label>,
    tags: Vec<String>,
    counts: Option<Vec<i32>>,
    holes: Vec<Option<i32>>,
    moods: Vec<Mood>,
    labels: Vec<Label>,
    prices: Vec<Decimal>,
    addresses: Vec<Json<Address>>,
}

/// The same, as it is inserted.
#[model(table = things, insert)]
struct NewThing {
    id: i64,
    price: Decimal,
    discount: Option<Decimal>,
    reading: BigInt,
    last_reading: Option<BigInt>,
    address: Json<Address>,
    billing: Option<Json<Address>>,
    mood: Mood,
    past_mood: Option<Mood>,
    label: Label,
    nickname: Option<Label>,
    tags: Vec<String>,
    counts: Option<Vec<i32>>,
    holes: Vec<Option<i32>>,
    moods: Vec<Mood>,
    labels: Vec<Label>,
    prices: Vec<Decimal>,
    addresses: Vec<Json<Address>>,
}

/// Stores a thing.
#[procedure(tier = "public")]
async fn add(ctx: &Ctx, input: NewThing) -> Result<Created<Thing>> {
    let thing = diesel::insert_into(things::table)
        .values(input)
        .returning(Thing::as_returning())
        .get_result(&mut ctx.db().await?)
        .await?;
    Ok(Created(thing))
}

/// Finds a thing by its number, which is a newtype.
#[procedure(query, tier = "public", path = "/api/things/{id}")]
async fn find(ctx: &Ctx, id: ThingId) -> Result<Thing> {
    Ok(things::table.find(id.0).select(Thing::as_select()).first(&mut ctx.db().await?).await?)
}

/// Says of a mood, which is an enum, whether it is the better one.
#[procedure(query, tier = "public", path = "/api/moods/{mood}")]
async fn judge(ctx: &Ctx, mood: Mood) -> Result<bool> {
    let _ = ctx;
    match mood {
        Mood::VeryGlad => Ok(true),
        Mood::Calm => Err(Error::conflict("too calm to judge")),
    }
}

async fn values() -> TestApp {
    TestApp::start(catena::app!("apps/values/migrations")).await
}

/// A thing with a value in every field.
fn full() -> Value {
    json!({
        "id": 1, "price": "1234567890123456789012345678", "discount": "-0.50",
        "reading": i64::MAX.to_string(), "last_reading": i64::MIN.to_string(),
        "address": {"street": "Ärmelgasse 1 \"links\"", "floor": -2}, "billing": {"street": "x"},
        "mood": "very-glad", "past_mood": "calm", "label": "abc", "nickname": "🦀",
        "tags": ["", "a,b", "{\"}"], "counts": [1, -2], "holes": [1, null, 3], "moods": ["calm", "very-glad"],
        "labels": ["a", "b"], "prices": ["0.10", "19.90", "0"],
        "addresses": [{"street": "a"}, {"street": "b", "floor": 0}],
    })
}

/// A thing with nothing where that is possible.
fn bare() -> Value {
    json!({
        "id": 2, "price": "0", "reading": "0", "address": {"street": "a"}, "mood": "calm", "label": "a",
        "tags": [], "holes": [], "moods": [], "labels": [], "prices": [], "addresses": [],
    })
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_was_sent() {
    let app = values().await;
    let mut client = app.client();
    for thing in [full(), bare()] {
        let added = client.post("/api/add", thing.clone()).await;
        assert_eq!((added.status, added.json()), (201, thing.clone()), "{}", added.text());
        assert_eq!(client.get(&format!("/api/things/{}", thing["id"])).await.json(), thing);
    }
}

fn failures(answer: &Answer) -> Vec<String> {
    let problem = answer.json();
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |error: &Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
    errors.iter().map(|error| format!("{} {}", text(error, "pointer"), text(error, "code"))).collect()
}

#[tokio::test]
async fn what_is_no_such_value_is_refused_at_its_place() {
    let app = values().await;
    let mut client = app.client();
    for (field, value, expected) in [
        ("id", json!(1.0), "/id type"),
        ("id", json!(9_007_199_254_740_992_i64), "/id range"),
        ("price", json!(1.5), "/price type"),
        ("price", json!("1e3"), "/price format"),
        ("discount", Value::Null, "/discount type"),
        ("reading", json!(1), "/reading type"),
        ("reading", json!("9223372036854775808"), "/reading format"),
        ("address", json!({"street": ""}), "/address/street length"),
        ("address", json!({"street": "a\u{0}"}), "/address/street format"),
        ("billing", json!({"street": "a", "floor": "1"}), "/billing/floor type"),
        ("mood", json!("glad"), "/mood enum"),
        ("label", json!("much too long"), "/label length"),
        ("tags", json!(["a", null]), "/tags/1 type"),
        ("tags", json!(["\u{0}"]), "/tags/0 format"),
        ("holes", json!([null, 2_147_483_648_i64]), "/holes/1 range"),
        ("moods", json!(["calm", ""]), "/moods/1 enum"),
        ("labels", json!(["a", ""]), "/labels/1 length"),
        ("prices", json!(["1", "."]), "/prices/1 format"),
        ("addresses", json!([{"street": "a"}, {}]), "/addresses/1/street required"),
    ] {
        let mut thing = full();
        thing[field] = value;
        let answer = client.post("/api/add", thing).await;
        assert_eq!((answer.status, failures(&answer)), (422, vec![expected.to_owned()]), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_stored_value_that_is_none_is_an_internal_error() {
    let app = values().await;
    let mut client = app.client();
    assert_eq!(client.post("/api/add", bare()).await.status, 201);
    for (broken, mended) in [
        ("address = '{\"street\": 7, \"secret\": 1}'", "address = '{\"street\": \"a\"}'"),
        ("address = 'null'", "address = '{\"street\": \"a\"}'"),
        ("addresses = ARRAY[jsonb '7']", "addresses = '{}'"),
        ("tags = ARRAY[NULL]", "tags = '{}'"),
        ("price = 'NaN'", "price = 0"),
    ] {
        app.db().execute(&format!("UPDATE things SET {broken}")).await;
        let answer = client.get("/api/things/2").await;
        assert_eq!((answer.status, answer.json()["code"].as_str()), (500, Some("internal")), "{broken}");
        assert!(!answer.text().contains("secret"), "{}", answer.text());
        app.db().execute(&format!("UPDATE things SET {mended}")).await;
        assert_eq!(client.get("/api/things/2").await.status, 200, "{mended}");
    }
}

#[tokio::test]
async fn newtypes_and_enums_stand_in_a_path() {
    let app = values().await;
    let mut client = app.client();
    assert_eq!(client.get("/api/moods/very-glad").await.json(), json!(true));
    assert_eq!(client.get("/api/moods/calm").await.status, 409);
    for (path, expected) in
        [("/api/moods/glad", "/mood enum"), ("/api/things/0", "/id range"), ("/api/things/x", "/id type")]
    {
        let answer = client.get(path).await;
        assert_eq!((answer.status, failures(&answer)), (422, vec![expected.to_owned()]), "{}", answer.text());
    }
    assert_eq!(client.get("/api/things/7").await.status, 404);
}

#[tokio::test]
async fn what_may_be_null_is_published_as_in_openapi_3_1() {
    let app = values().await;
    let document = app.client().get("/openapi.json").await.json();
    let holes = &document["components"]["schemas"]["Thing"]["properties"]["holes"]["items"];
    assert_eq!(holes["type"], json!(["integer", "null"]), "{holes}");
    assert!(!document.to_string().contains("nullable"));
}
