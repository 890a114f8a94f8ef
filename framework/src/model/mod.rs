//! Values on the wire: what a model may look like, how it is read and written, and everything that is wrong with one.

mod check;
mod columns;
mod flatten;
mod leaves;
mod maps;
mod object;
mod patch;
mod pattern;
mod read;
mod sentence;
mod shape;
mod union;
mod values;
mod walk;
mod wording;

#[cfg(test)]
pub(crate) mod fixtures;

pub use check::{
    Bound, Check, HasItems, HasLength, HasMultiples, HasOrder, IsList, IsText, Repeated, items, len,
    multiple_of, pattern, range, unique_items,
};
pub use columns::{Columns, covers};
pub use flatten::{Flattened, flat, names, part};
pub use object::{Object, label, read_object};
pub use patch::{Change, ChangedBy, Changes, Patch};
pub use pattern::Pattern;
pub(crate) use read::{parse_body, parse_query, parse_segment, write_body};
pub use shape::{Field, ObjectShape, Schema, Shape, field};
pub use union::{UnionShape, VariantShape, read_nothing, read_union, tag};
pub use values::{
    Choice, ChoiceShape, DefaultOf, NamedShape, admits, choice_from_sql, default_of, read_choice,
};
