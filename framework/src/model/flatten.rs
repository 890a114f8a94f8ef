//! The fields of one model in another: listed as if they were written there, and read from the same object.

use super::{
    Field, ObjectShape, Schema,
    sentence::{Sentence, same},
};

/// The fields of a model that stand in another, below the model's name.
#[must_use]
pub const fn part(object: &'static ObjectShape) -> (&'static str, &'static [Field]) {
    (object.name, object.fields)
}

/// The fields of all parts in a row. Stops the build if two of them contend for something.
#[must_use]
#[track_caller]
pub const fn flat<const N: usize>(parts: &[(&str, &[Field])]) -> [Field; N] {
    let mut owners = [""; N];
    let mut fields = [NONE; N];
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let (owner, found) = parts[part];
        let mut at = 0;
        while at < found.len() {
            (owners[count], fields[count]) = (owner, found[at]);
            let mut other = 0;
            while other < count {
                contend((owners[other], &fields[other]), (owner, &found[at]));
                other += 1;
            }
            count += 1;
            at += 1;
        }
        part += 1;
    }
    fields
}

/// A place that is not filled yet.
const NONE: Field = super::field("", "", false, <bool as Schema>::AS_FIELD, &[]);

#[track_caller]
const fn contend(first: (&str, &Field), second: (&str, &Field)) {
    let ((owner, field), (other_owner, other)) = (first, second);
    let sentence = Sentence::new().then("`").then(field.name);
    if same(field.name, other.name) {
        let sentence = sentence.then("` is a field of `").then(owner).then("` and of `").then(other_owner);
        panic!("{}", sentence.then("`, which stand in one object: rename one of them").text());
    }
    if field.identity && other.identity {
        let sentence = sentence.then("` of `").then(owner).then("` and `").then(other.name);
        let sentence =
            sentence.then("` of `").then(other_owner).then("` are both `#[identity]`: keep one of them");
        panic!("{}", sentence.text());
    }
}

#[cfg(test)]
mod tests;
