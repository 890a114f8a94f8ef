use super::*;
use crate::{
    ctx::Ctx,
    model::Schema as _,
    procedure::{Method, Settings, Tier, describe, tests::procedure, tier},
};

mod home {
    /// A task at home.
    #[catena::model]
    pub(super) struct Task {
        pub(super) title: String,
    }
}

mod work {
    /// A task at work.
    #[catena::model]
    pub(super) struct Task {
        pub(super) hours: i32,
    }
}

/// A procedure that takes values of this shape.
fn taking(function: &'static str, line: u32, input: fn() -> Shape) -> &'static Procedure {
    let plain = procedure(function, line, Method::POST, Settings::DEFAULT);
    Box::leak(Box::new(Procedure {
        method: Method::POST,
        tier: Tier::Public,
        context: describe::context::<tier::Public, Ctx>(),
        input: Some(input),
        ..*plain
    }))
}

#[test]
fn two_models_of_one_name_are_told_with_both_places() {
    let (home, work) =
        (taking("rest", 1, home::Task::shape), taking("toil", 9, <Vec<work::Task> as crate::Schema>::shape));
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
