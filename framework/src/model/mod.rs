//! Values on the wire: what a model may look like, how it is read and written, and everything that is wrong with one.

mod check;
mod columns;
pub(crate) mod custom;
pub(crate) mod exact;
mod fingerprint;
mod flatten;
mod formats;
mod json;
pub(crate) mod leaves;
pub(crate) mod live;
mod maps;
mod object;
mod patch;
mod pattern;
mod query;
mod read;
pub(crate) mod rows;
mod secrets;
mod sentence;
mod shape;
mod union;
mod values;
mod walk;
mod wording;

#[cfg(test)]
pub(crate) mod fixtures;

pub use check::{
    Bound, Check, HasItems, HasLength, HasMultiples, HasOrder, IsList, IsText, Repeated, custom, email,
    items, len, multiple_of, pattern, range, unique_items, url,
};
pub use columns::{Columns, covers};
pub use custom::{
    Checked, CustomOf, Failures, HasFields, Outcome, Rules, Unchecked, refusal, rules, rules_if,
    variant_rules,
};
pub use exact::BigInt;
pub(crate) use fingerprint::fingerprint;
pub use flatten::{flat, part};
pub use json::Json;
pub use object::{FieldVisitor, Fields, Fill, Object, label, read_object, write_object};
pub use patch::{Change, ChangedBy, Changes, Patch};
pub use pattern::Pattern;
pub use query::parameters;
pub(crate) use read::{
    differences, parse_body, parse_no_query, parse_query, parse_segment, read_kept, write_body,
};
pub use rows::{Use, rows};
pub(crate) use secrets::secret_fields;
pub use shape::{Field, InQuery, Kind, ObjectShape, Own, Schema, Shape, field};
pub use union::{UnionShape, VariantShape, read_nothing, read_union, tag};
pub use values::{
    Choice, ChoiceShape, DefaultOf, NamedShape, Wraps, admits, choice_from_sql, default_of, read_choice,
};
pub(crate) use walk::default_faults;
