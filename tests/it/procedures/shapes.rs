//! Models of every shape, as callers meet them.

use catena::{Ctx, Patch, Result, model, procedure, testing::Method};
use serde_json::json;

use crate::support::{failures, library};

/// Which part of a list.
#[model]
struct PageQuery {
    #[check(range = 1..=3)]
    #[model(default = 2)]
    limit: i32,
    after: Option<String>,
}

/// Which words to count.
#[model]
struct Words {
    #[check(len = 1..)]
    text: String,
    #[model(flatten)]
    page: PageQuery,
}

/// One page of a list.
#[model]
struct Page<T> {
    items: Vec<T>,
    next: Option<T>,
}

/// Lists the words of a text.
#[procedure(query, tier = "public")]
async fn words(ctx: &Ctx, input: Words) -> Result<Page<String>> {
    let _ = ctx;
    let mut words = input.text.split(' ').map(str::to_owned);
    if let Some(after) = input.page.after {
        words.find(|word| *word == after);
    }
    let limit = usize::try_from(input.page.limit).unwrap_or_default();
    Ok(Page { items: words.by_ref().take(limit).collect(), next: words.next() })
}

/// Measures the words of a text.
#[procedure(tier = "public")]
async fn measures(ctx: &Ctx, input: Words) -> Result<Page<u32>> {
    let _ = ctx;
    let lengths = input.text.split(' ').map(|word| u32::try_from(word.len()).unwrap_or(u32::MAX));
    Ok(Page { items: lengths.collect(), next: None })
}

/// What becomes of a word.
#[model(tag = "type")]
enum Step {
    /// Letters are put behind it.
    Append {
        #[check(len = 1..=3)]
        text: String,
    },
    /// It is done again.
    Repeat(Times),
    Reverse,
}

/// How often.
#[model]
struct Times {
    #[check(range = ..=3)]
    times: u32,
}

/// A word, and what becomes of it.
#[model]
struct Work {
    word: String,
    steps: Vec<Step>,
    undo: Patch<Step>,
}

/// Does all steps.
#[procedure(tier = "public")]
async fn apply_steps(ctx: &Ctx, input: Work) -> Result<Work> {
    let _ = ctx;
    let word = input.steps.iter().fold(input.word, |word, step| match step {
        Step::Append { text } => word + text,
        Step::Repeat(Times { times }) => (0..*times).map(|_| word.as_str()).collect(),
        Step::Reverse => word.chars().rev().collect(),
    });
    Ok(Work { word, steps: input.steps, undo: input.undo })
}

#[tokio::test]
async fn an_object_is_what_its_tag_says() {
    let app = library().await;
    let steps =
        json!([{"type": "append", "text": "bc"}, {"type": "reverse"}, {"type": "repeat", "times": 2}]);
    let work = json!({"word": "a", "steps": steps, "undo": null});
    let answer = app.client().post("/api/apply_steps", work).await;
    let expected = json!({"word": "cbacba", "steps": steps, "undo": null});
    assert_eq!((answer.status, answer.json()), (200, expected), "{}", answer.text());

    let steps = json!([
        {"type": "append", "text": "long"}, {"times": 4, "type": "repeat"}, {"type": "turn"}, {"text": "b"},
        {"type": "reverse", "text": "b"},
    ]);
    let answer = app.client().post("/api/apply_steps", json!({"word": "a", "steps": steps})).await;
    assert_eq!(answer.status, 422);
    let expected = [
        ["body", "/steps/0/text", "length"],
        ["body", "/steps/1/times", "range"],
        ["body", "/steps/2/type", "enum"],
        ["body", "/steps/3/type", "required"],
        ["body", "/steps/4/text", "unknown"],
    ];
    assert_eq!(failures(&answer.json()), expected);
}

#[tokio::test]
async fn the_document_tells_the_variants_apart() {
    let document = library().await.client().get("/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    let step = &schemas["Step"];
    assert_eq!(step["oneOf"][2], json!({"$ref": "#/components/schemas/Step_Reverse"}));
    assert_eq!(step["discriminator"]["mapping"]["repeat"], "#/components/schemas/Step_Repeat");
    assert_eq!(step.get("additionalProperties"), None);
    assert_eq!(schemas["Step_Repeat"]["properties"]["type"], json!({"type": "string", "enum": ["repeat"]}));
    assert_eq!(schemas["Step_Repeat"]["required"], json!(["type", "times"]));
    assert_eq!(schemas["Step_Repeat"]["additionalProperties"], false);
    let undo = json!({"anyOf": [{"$ref": "#/components/schemas/Step"}, {"type": "null"}]});
    assert_eq!(schemas["Work"]["properties"]["undo"], undo, "what may be null says so");
}

#[tokio::test]
async fn flattened_fields_and_type_parameters_are_plain_json() {
    let app = library().await;
    let answer = app.client().get("/api/words?text=a+b+c+d&after=a").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"items": ["b", "c"], "next": "d"})));
    let answer = app.client().post("/api/measures", json!({"limit": 1, "text": "ab c"})).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"items": [2, 1]})));

    let answer = app.client().get("/api/words?text=&limit=4&page=1").await;
    assert_eq!(answer.status, 422);
    let expected =
        [["query", "/text", "length"], ["query", "/limit", "range"], ["query", "/page", "unknown"]];
    assert_eq!(failures(&answer.json()), expected);
    let answer = app.client().post("/api/measures", json!({"page": {"limit": 1}, "after": 1})).await;
    let expected = [["body", "/page", "unknown"], ["body", "/after", "type"], ["body", "/text", "required"]];
    assert_eq!(failures(&answer.json()), expected);
}

#[tokio::test]
async fn the_document_names_what_a_model_has_been_given() {
    let document = library().await.client().get("/openapi.json").await.json();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["Page_string"]["properties"]["items"]["items"]["type"], "string");
    assert_eq!(schemas["Page_uint32"]["additionalProperties"], false);
    assert_eq!(schemas.get("PageQuery"), None, "its fields stand elsewhere");
    assert_eq!(schemas["Words"]["properties"]["limit"]["default"], 2);
    let parameters =
        document["paths"]["/api/words"]["get"]["parameters"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = parameters.iter().filter_map(|parameter| parameter["name"].as_str()).collect();
    assert_eq!(names, ["text", "limit", "after"]);
}

#[tokio::test]
async fn a_number_that_is_no_integer() {
    let app = library().await;
    for limit in ["1.0", "1e400", "1e0", "-0.0", "99999999999999999999999"] {
        let body = format!(r#"{{"text":"a","limit":{limit}}}"#);
        let mut client = app.client();
        let answer = client.send(Method::POST, "/api/measures", Some("application/json"), body).await;
        assert_eq!(answer.status, 422, "{limit}: {}", answer.text());
        let problem = answer.json();
        let [["body", "/limit", "type" | "range"]] = failures(&problem)[..] else {
            panic!("{limit}: {}", answer.text());
        };
    }
}
