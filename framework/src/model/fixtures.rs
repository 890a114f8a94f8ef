//! Models for the tests of reading, writing and publishing.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::model;

/// A new task.
#[model]
#[derive(Debug, PartialEq)]
pub(crate) struct NewTask {
    /// What to do.
    #[check(len = 1..=200)]
    pub(crate) title: String,
    pub(crate) notes: Option<String>,
    pub(crate) due_at: Option<DateTime<Utc>>,
}

/// A field of every kind.
#[model]
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    #[check(len = 2..=4)]
    pub(crate) text: String,
    pub(crate) flag: bool,
    pub(crate) small: i16,
    #[check(range = 1..=5)]
    pub(crate) medium: i32,
    pub(crate) large: i64,
    pub(crate) short: u16,
    pub(crate) count: u32,
    #[check(range = 0.0..=0.5)]
    pub(crate) ratio: f64,
    #[check(range = ..=0.1)]
    pub(crate) weight: f32,
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) day: NaiveDate,
    #[check(range = -1..)]
    pub(crate) maybe: Option<i64>,
    pub(crate) tags: Vec<String>,
    pub(crate) holes: Vec<Option<i32>>,
    /// The task it is about.
    pub(crate) task: NewTask,
    pub(crate) others: Option<Vec<NewTask>>,
}

#[model]
#[derive(Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) name: String,
    #[check(items = ..=2)]
    pub(crate) children: Vec<Tree>,
    pub(crate) next: Option<Box<Tree>>,
}

#[model]
#[derive(Debug, PartialEq)]
pub(crate) struct Search {
    #[check(len = 1..=20)]
    pub(crate) text: Option<String>,
    #[check(range = 1..=100)]
    pub(crate) limit: i32,
    pub(crate) done: Option<bool>,
    pub(crate) score: Option<f64>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) ids: Option<Vec<i64>>,
}

/// The text of a valid [`Everything`].
pub(crate) const EVERYTHING: &str = r#"{
    "text": "abc", "flag": true, "small": -3, "medium": 5, "large": 9007199254740991, "short": 65535,
    "count": 4294967295, "ratio": 0.5, "weight": 0.1, "id": "0198c0de-0000-7000-8000-000000000000",
    "at": "2026-01-31T12:00:00Z", "day": "2026-01-31", "maybe": 0, "tags": ["a", ""], "holes": [1, null],
    "task": {"title": "t", "notes": "n"}, "others": [{"title": "o", "due_at": "2026-01-31T12:00:00+01:00"}]
}"#;

/// How soon.
#[model(db)]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Priority {
    Low,
    #[default]
    Normal,
    #[model(rename = "VERY-HIGH")]
    VeryHigh,
}

/// Letters only a few.
#[model(db = diesel::sql_types::Text)]
#[derive(Debug, PartialEq)]
pub(crate) struct Label(#[check(len = 1..=8)] pub(crate) String);

/// What else a field can be told.
#[model]
#[derive(Debug, PartialEq)]
pub(crate) struct Ticket {
    #[identity]
    pub(crate) label: Label,
    /// How soon.
    #[model(default)]
    pub(crate) priority: Priority,
    #[model(rename = "maxTries", default = 3)]
    #[check(range = 1..=9, multiple_of = 3)]
    pub(crate) max_tries: i32,
    #[model(default = "none")]
    pub(crate) owner: String,
    #[check(unique_items)]
    pub(crate) watchers: Option<Vec<Label>>,
    #[model(deprecated)]
    pub(crate) old: Option<bool>,
    #[secret]
    #[check(pattern = r"^\d+$")]
    pub(crate) pin: Option<String>,
    #[check(items = 1..=2)]
    pub(crate) counts: Option<BTreeMap<String, i32>>,
    pub(crate) notes: Option<HashMap<String, Option<Label>>>,
}
