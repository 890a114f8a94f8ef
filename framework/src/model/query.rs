//! What a query string has a way to say.

use super::{Field, InQuery, ObjectShape, sentence::Sentence};

/// Stops the build unless an input, whose [`PARAMETERS`](super::Schema::PARAMETERS) these are, can stand in a query
/// string: it is an object, and none of its fields is nested.
#[track_caller]
pub const fn parameters(input: Option<&ObjectShape>) {
    let Some(ObjectShape { name, fields, .. }) = input else {
        panic!(
            "the input of a query is a struct with `#[model]`, whose fields are the parameters: write one"
        );
    };
    let sentence =
        Sentence::new().then("a query string has no way to say what `").then(name).then("` holds: ");
    let (sentence, count) = nested(sentence, fields);
    if count > 0 {
        let mend =
            "; put `#[model(flatten)]` above a model, write a `Vec` of plain values, or remove `query`";
        panic!("{}", sentence.then(mend).text());
    }
}

/// Says which fields are nested, and counts them.
const fn nested(mut sentence: Sentence, fields: &[Field]) -> (Sentence, usize) {
    let (mut count, mut at) = (0, 0);
    while at < fields.len() {
        if let InQuery::Nested(what) = fields[at].in_query {
            let comma = if count == 0 { "`" } else { ", `" };
            sentence = sentence.then(comma).then(fields[at].name).then("` is ").then(what);
            count += 1;
        }
        at += 1;
    }
    (sentence, count)
}
