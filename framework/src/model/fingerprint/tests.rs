use super::*;
use crate::{macros::model, model::Schema};

fn of<T: Schema>() -> [u8; 16] {
    fingerprint(T::shape())
}

macro_rules! letter {
    ($name:ident { $($fields:tt)* }) => {{
        #[model]
        struct $name { $($fields)* }
        of::<$name>()
    }};
}

#[test]
fn what_reads_alike_has_one_fingerprint() {
    let plain = letter!(Letter { to: String, copies: i32 });
    let described = letter!(Other {
        /// How many.
        copies: i32,
        to: String,
    });
    assert_eq!(plain, described);
}

#[test]
fn whatever_changes_what_is_read_changes_the_fingerprint() {
    #[model]
    enum Urgency {
        Low,
        High,
    }
    #[model]
    enum More {
        Low,
        High,
        Highest,
    }
    #[model]
    struct Nested {
        urgency: Urgency,
    }
    #[model(tag = "by")]
    enum Way {
        Post { stamp: i32 },
        Mail,
    }
    let all = [
        letter!(A { to: String, copies: i32 }),
        letter!(A { to: String, copies: i64 }),
        letter!(A { to: String, copies: Option<i32> }),
        letter!(A { to: String, copies: crate::Patch<i32> }),
        letter!(A { to: String, count: i32 }),
        letter!(A { to: String }),
        letter!(A {
            #[check(len = 1..=200)]
            to: String,
            copies: i32
        }),
        letter!(A {
            #[check(len = 1..=300)]
            to: String,
            copies: i32
        }),
        letter!(A { to: Vec<String>, copies: i32 }),
        letter!(A { to: Vec<Option<String>>, copies: i32 }),
        letter!(A { to: crate::types::Uuid, copies: i32 }),
        of::<Urgency>(),
        of::<More>(),
        of::<Nested>(),
        of::<Way>(),
        of::<String>(),
        of::<bool>(),
    ];
    for (at, one) in all.iter().enumerate() {
        assert_eq!(all.iter().position(|other| other == one), Some(at));
    }
}

#[test]
fn a_model_that_contains_itself_has_one_too() {
    #[model]
    struct Tree {
        left: Option<Box<Tree>>,
        right: Option<Box<Tree>>,
    }
    #[model]
    struct List {
        left: Option<Box<List>>,
        right: Option<i32>,
    }
    assert_eq!(of::<Tree>(), of::<Tree>());
    assert_ne!(of::<Tree>(), of::<List>());
}
