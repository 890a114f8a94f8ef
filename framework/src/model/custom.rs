//! Checks that only code can make: of one value by a function, and across the fields of an object.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write as _},
    marker::PhantomData,
};

use super::{Object, Schema};

/// Rules across the fields of a model: implementing this is enough to have them kept.
///
/// They are checked wherever the model is received, also inside other models, lists and maps, once its fields have
/// passed their own checks. Each failure is reported to the caller with the code `custom`; the published schema does
/// not have them, so say in a doc comment what they are. They must not depend on anything but the value.
///
/// ```
/// use catena::{Check, Failures, model, types::{DateTime, Utc}};
///
/// /// A room for some time, which ends after it starts.
/// #[model]
/// pub struct NewBooking {
///     pub starts: DateTime<Utc>,
///     pub ends: DateTime<Utc>,
/// }
///
/// impl Check for NewBooking {
///     fn check(&self, failures: &mut Failures) {
///         if self.ends <= self.starts {
///             failures.add("ends", "must be after `starts`");
///         }
///     }
/// }
/// ```
pub trait Check: HasFields {
    /// Adds everything that is wrong.
    fn check(&self, failures: &mut Failures);
}

/// A model with named fields.
#[diagnostic::on_unimplemented(
    message = "`Check` compares the fields of a model, and `{Self}` is no model with named fields",
    label = "not a model with named fields",
    note = "put `#[model]` above the definition of a struct without type parameters",
    note = "check the value in a newtype by a function: `struct Name(#[check(custom = function)] String)`"
)]
pub trait HasFields: Schema {}

/// What is wrong with a model, in the order in which it was added.
#[derive(Default)]
pub struct Failures(Vec<(String, Cow<'static, str>)>);

impl Failures {
    /// Says what is wrong with a field, by its name on the wire; `""` is the whole object.
    ///
    /// The message is for the caller: what must be, without the value.
    pub fn add(&mut self, field: &str, message: impl Into<Cow<'static, str>>) {
        let path: &[&dyn Display] = if field.is_empty() { &[] } else { &[&field] };
        self.add_at(path, message);
    }

    /// Says what is wrong with a value inside a field, by the names and indices on the way there.
    ///
    /// ```
    /// let mut failures = catena::Failures::default();
    /// for index in [1, 3] {
    ///     failures.add_at(&[&"guests", &index, &"name"], "must be there only once");
    /// }
    /// ```
    pub fn add_at(&mut self, path: &[&dyn Display], message: impl Into<Cow<'static, str>>) {
        let mut pointer = String::new();
        for segment in path {
            push_segment(&mut pointer, &segment.to_string());
        }
        self.0.push((pointer, message.into()));
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pointers, each from the object on, and the messages.
    pub(super) fn into_list(self) -> Vec<(String, Cow<'static, str>)> {
        self.0
    }
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(pointer, message)| (pointer, message))).finish()
    }
}

/// Adds a segment to a JSON pointer (RFC 6901).
pub(super) fn push_segment(pointer: &mut String, segment: &str) {
    pointer.push('/');
    for character in segment.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            _ => pointer.push(character),
        }
    }
}

/// Adds an index to a JSON pointer.
pub(super) fn push_index(pointer: &mut String, index: usize) {
    let _ = write!(pointer, "/{index}");
}

/// What an object is checked by as a whole: finds what is wrong with one that is a text.
pub type Rules = fn(&str) -> Failures;

/// Rules that may not be there. A function, as a branch would keep the rest of a shape from being a constant.
#[must_use]
pub const fn rules_if(are_there: bool, rules: Rules) -> Option<Rules> {
    if are_there { Some(rules) } else { None }
}

/// The rules of a model, if it has some.
#[must_use]
pub const fn rules<T: Object>(are_there: bool) -> Option<Rules> {
    rules_if(are_there, |text| {
        let mut failures = Failures::default();
        if let Some(value) = read_text::<T>(text) {
            value.rules(&mut failures);
        }
        failures
    })
}

/// What is wrong across the fields of the model that a variant of a union holds, in the union as a text.
pub fn variant_rules<U: Schema, M: Object>(text: &str, held: fn(&U) -> Option<&M>) -> Failures {
    let mut failures = Failures::default();
    if let Some(model) = read_text::<U>(text).as_ref().and_then(held) {
        model.rules(&mut failures);
    }
    failures
}

/// A model that may implement [`Check`]. What stands here is found if it does, and what stands in [`Unchecked`] if it does
/// not: what a type has itself comes before what a trait gives it.
pub struct Checked<T>(PhantomData<T>);

impl<T: Check> Checked<T> {
    /// Whether the model has rules.
    pub const IMPLEMENTED: bool = true;

    /// Adds everything that is wrong with a value.
    pub fn check(value: &T, failures: &mut Failures) {
        value.check(failures);
    }
}

/// What holds for a model that does not implement [`Check`].
pub trait Unchecked<T> {
    /// It has no rules.
    const IMPLEMENTED: bool = false;

    /// Nothing is wrong with a value.
    fn check(value: &T, failures: &mut Failures) {
        let _ = (value, failures);
    }
}

impl<T> Unchecked<T> for Checked<T> {}

/// The function that checks one field, by the field's place. Implemented for each that has one.
pub trait CustomOf<const FIELD: usize> {
    /// The field's type.
    type Value: Schema;

    /// Why a value is refused; `None` if it passes.
    fn refusal(value: &Self::Value) -> Option<Cow<'static, str>>;
}

/// The same, of a value that is a text; `None` also if it cannot be read.
pub(super) fn refusal_of_text<T: CustomOf<FIELD>, const FIELD: usize>(
    text: &str,
) -> Option<Cow<'static, str>> {
    T::refusal(&read_text(text)?)
}

fn read_text<T: Schema>(text: &str) -> Option<T> {
    T::read(&mut serde_json::Deserializer::from_str(text)).ok()
}

/// What a function returns that checks a value.
#[diagnostic::on_unimplemented(
    message = "a function for `custom` returns `Result<(), &'static str>` or `Result<(), String>`, and this one `{Self}`",
    label = "returns `{Self}`",
    note = "write `fn is_even(value: &i32) -> Result<(), &'static str>`: the error is the message for the caller"
)]
pub trait Outcome {
    /// The message, if there is one.
    fn message(self) -> Option<Cow<'static, str>>;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Cow<'static, str>>> Outcome for Result<(), E> {
    fn message(self) -> Option<Cow<'static, str>> {
        self.err().map(Into::into)
    }
}

/// The message of a function that checks a value, if it has one.
pub fn refusal(outcome: impl Outcome) -> Option<Cow<'static, str>> {
    outcome.message()
}

#[cfg(test)]
mod tests;
