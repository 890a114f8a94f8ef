use super::{Options, example, names, read};
use crate::errors::Errors;

fn every_example_can_be_read<T: Options>() {
    assert!(names::<T>().next().is_some());
    for name in names::<T>() {
        let mut errors = Errors::default();
        let typed = read::<T>(example::<T>(name).parse().expect("tokens"), &mut errors);
        assert!(errors.is_empty() && typed.misread.is_empty(), "{}: {name}", T::ATTRIBUTE);
    }
}

#[test]
fn what_is_said_to_be_written_can_be_written() {
    every_example_can_be_read::<crate::model::Options>();
    every_example_can_be_read::<crate::model::CheckOptions>();
    every_example_can_be_read::<crate::model::FieldOptions>();
    every_example_can_be_read::<crate::model::VariantOptions>();
    every_example_can_be_read::<crate::procedure::Options>();
    every_example_can_be_read::<crate::problem::Options>();
    every_example_can_be_read::<crate::job::Options>();
}
