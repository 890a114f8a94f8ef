//! Models with everything that a model may have, and a procedure for each that answers what it was sent.

use std::collections::{BTreeMap, HashMap};

use catena::{
    Ctx, Patch, Result, model, procedure,
    types::{BigInt, DateTime, Decimal, Json, NaiveDate, Utc, Uuid},
};

macro_rules! echoes {
    ($($name:ident $model:ident;)*) => {
        /// How many procedures there are.
        pub(crate) const COUNT: usize = [$(stringify!($name)),*].len();

        $(
            #[procedure(tier = "public")]
            async fn $name(ctx: &Ctx, input: $model) -> Result<$model> {
                let _ = ctx;
                Ok(input)
            }
        )*
    };
}

echoes! {
    texts Texts;
    numbers Numbers;
    forms Forms;
    lists Lists;
    maps Maps;
    names Names;
    flat Flat;
    pairs Pairs;
    change Change;
    defaults Defaults;
    tree Tree;
    step Step;
    steps Steps;
}

#[model]
struct Texts {
    #[check(len = 1..=5)]
    short: String,
    any: Option<String>,
    #[check(pattern = r"^[a-z]{2,4}-[0-9]+$")]
    code: Option<String>,
    #[check(len = 2..=4, pattern = "b")]
    both: Option<String>,
    #[check(email)]
    email: Option<String>,
    #[check(url)]
    page: Option<String>,
    #[check(url, len = ..=22)]
    short_page: Option<String>,
    #[model(rename = "dueAt")]
    due_at: Option<String>,
}

#[model]
struct Numbers {
    #[check(range = 1..=5)]
    stars: i32,
    #[check(multiple_of = 5, range = -20..)]
    step: Option<i64>,
    small: Option<i16>,
    medium: Option<i32>,
    large: Option<i64>,
    port: Option<u16>,
    count: Option<u32>,
    any: Option<f64>,
    #[check(range = 0.5..=2.5)]
    ratio: Option<f64>,
    single: Option<f32>,
    #[check(range = -1..=0.1)]
    tenth: Option<f32>,
    is_odd: Option<bool>,
}

#[model]
struct Forms {
    id: Uuid,
    at: Option<DateTime<Utc>>,
    day: Option<NaiveDate>,
    price: Option<Decimal>,
    reading: Option<BigInt>,
    place: Option<Json<Point>>,
}

#[model]
struct Point {
    x: f64,
    y: Option<i32>,
}

#[model]
struct Lists {
    #[check(items = 1..=3)]
    tags: Vec<String>,
    #[check(unique_items)]
    ids: Option<Vec<i32>>,
    #[check(unique_items)]
    floats: Option<Vec<f64>>,
    #[check(unique_items, items = ..=3)]
    points: Option<Vec<Point>>,
    #[check(unique_items)]
    holes: Option<Vec<Option<i32>>>,
    grid: Option<Vec<Vec<bool>>>,
}

#[model]
struct Maps {
    #[check(items = 1..=2)]
    counts: BTreeMap<String, i32>,
    labels: Option<HashMap<String, Option<Label>>>,
    points: Option<BTreeMap<String, Vec<Point>>>,
}

#[model]
struct Label(#[check(len = 1..=3)] String);

#[model]
struct Level(#[check(range = 1..=3)] i32);

#[model]
struct Codes(#[check(items = 1..=2, unique_items)] Vec<Label>);

#[model]
enum Mood {
    Calm,
    #[model(rename = "very-glad")]
    VeryGlad,
}

#[model]
struct Names {
    label: Label,
    mood: Mood,
    past_mood: Option<Mood>,
    level: Option<Level>,
    codes: Option<Codes>,
    moods: Option<Vec<Option<Mood>>>,
}

#[model]
struct PageQuery {
    #[check(range = 1..=100)]
    #[model(default = 20)]
    limit: i64,
    after: Option<Label>,
}

#[model]
struct Flat {
    text: String,
    #[model(flatten)]
    page: PageQuery,
}

#[model]
struct Pair<T> {
    left: T,
    right: Option<T>,
}

#[model]
struct Pairs {
    labels: Pair<Label>,
    numbers: Option<Pair<f64>>,
    points: Option<Vec<Pair<Point>>>,
}

#[model]
struct Change {
    label: Patch<Label>,
    #[check(range = 1..)]
    stars: Patch<i32>,
    #[check(len = ..=4)]
    text: Patch<String>,
    mood: Patch<Mood>,
    place: Patch<Point>,
    #[check(items = 1..)]
    list: Patch<Vec<i32>>,
    counts: Patch<BTreeMap<String, i32>>,
    step: Patch<Step>,
    price: Patch<Decimal>,
}

#[model]
struct Defaults {
    #[check(range = 1..=100)]
    #[model(default = 20)]
    limit: i64,
    #[model(default)]
    is_loud: bool,
    #[check(len = ..=4)]
    #[model(default = "a")]
    text: String,
    #[model(default)]
    tags: Vec<String>,
}

#[model]
struct Tree {
    value: Level,
    left: Option<Box<Tree>>,
    children: Option<Vec<Tree>>,
}

#[model(tag = "type")]
enum Step {
    Append {
        #[check(len = 1..=3)]
        text: String,
    },
    Repeat(Times),
    Reverse,
}

#[model]
struct Times {
    #[check(range = ..=3)]
    times: u32,
}

#[model]
struct Steps {
    steps: Vec<Step>,
    undo: Option<Step>,
}
