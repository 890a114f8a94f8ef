use super::*;
use crate::{
    model,
    model::{Schema, fixtures::Ticket},
};

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
