use super::*;
use crate::{
    model,
    model::{Schema, fixtures::Ticket},
    procedure::{Method, Settings, Tier, tests::procedure},
};

mod home {
    /// A task at home.
    #[crate::model]
    pub(super) struct Task {
        pub(super) title: String,
    }
}

mod work {
    /// A task at work.
    #[crate::model]
    pub(super) struct Task {
        pub(super) hours: i32,
    }
}

/// A procedure that takes values of this shape.
fn taking(function: &'static str, line: u32, input: fn() -> Shape) -> &'static Procedure {
    let plain = procedure(function, line, Method::POST, Settings::DEFAULT);
    Box::leak(Box::new(Procedure { method: Method::POST, tier: Tier::Public, input: Some(input), ..*plain }))
}

#[test]
fn two_models_of_one_name_are_told_with_both_places() {
    let (home, work) =
        (taking("rest", 1, home::Task::shape), taking("toil", 9, <Vec<work::Task> as Schema>::shape));
    assert_eq!(
        clashes(&[home, work]),
        ["two different models are named `Task`: one is used at src/tasks.rs:1, one at src/tasks.rs:9; \
          rename one of them"]
    );
    assert_eq!(
        clashes(&[home, taking("relax", 20, home::Task::shape)]),
        [""; 0],
        "one model may be used twice"
    );
}

/// A text of a few characters.
#[model]
struct Short(#[check(len = 1..=3)] String);

#[model]
struct Limits {
    #[model(default = 0)]
    #[check(range = 1..=100)]
    limit: i32,
    #[model(default = "sideways")]
    #[check(pattern = "^(up|down)$")]
    order: String,
    #[model(default = vec![Short("long enough".into())])]
    words: Vec<Short>,
    #[model(default = f64::NAN)]
    ratio: f64,
}

fn faults<T: Schema>() -> Vec<String> {
    let mut faults = Vec::new();
    check_defaults(&T::shape(), &mut HashSet::new(), &mut faults);
    faults
}

#[test]
fn a_default_that_its_own_field_refuses_is_found_wherever_the_model_stands() {
    let expected = [
        "the default of the field `limit` of `Limits` is refused by its own checks: it must be from 1 to 100; write another `default`",
        "the default of the field `order` of `Limits` is refused by its own checks: it must match the pattern `^(up|down)$`; write another `default`",
        "the default of the field `words` of `Limits` is refused by its own checks at `/0`: it must have from 1 to 3 characters, has 11; write another `default`",
        "the default of the field `ratio` of `Limits` is refused by its own checks: it cannot be written as its schema says; write another `default`",
    ];
    assert_eq!(faults::<Limits>(), expected);
    assert_eq!(faults::<Vec<Option<Limits>>>(), expected);
    assert!(faults::<Ticket>().is_empty());
}
