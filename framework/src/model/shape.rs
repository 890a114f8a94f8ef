//! The description of a value on the wire, and the trait of everything that has one.

use std::marker::PhantomData;

use serde::{Deserializer, Serializer, de::MapAccess};
use serde_json::Value;

use super::{
    check::Check,
    custom::Rules,
    leaves::Member,
    object::FieldVisitor,
    union::UnionShape,
    values::{ChoiceShape, NamedShape},
};

/// A value that procedures and jobs can receive and send: it knows its published schema, and reads and writes
/// exactly what that schema says.
///
/// `#[model]` implements it for structs and enums; the framework does for strings, numbers, booleans, UUIDs, times,
/// and for `Option`, `Vec` and maps of those.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no schema, so it cannot be sent or received",
    label = "no schema for this type",
    note = "put `#[model]` above the definition of `{Self}`",
    note = "for a type of another crate, write a struct with `#[model]` that holds its parts"
)]
pub trait Schema: Sized + Send + Sync + 'static {
    /// What is the same in many types, so that each need not say it: what follows is as it says, or else as the type
    /// itself says.
    #[doc(hidden)]
    type Kind: Kind<Self>;

    /// Whether a field of this type may be absent.
    const OPTIONAL: bool = false;

    /// How a field of this type stands in a query string.
    #[doc(hidden)]
    const IN_QUERY: InQuery = Self::Kind::IN_QUERY;

    /// What its fields are as parameters of a query string; only objects have some.
    #[doc(hidden)]
    const PARAMETERS: Option<&'static ObjectShape> = Self::Kind::PARAMETERS;

    /// What a field of this type is, as [`field`] wants to know.
    #[doc(hidden)]
    const AS_FIELD: AsField =
        AsField { optional: Self::OPTIONAL, in_query: Self::IN_QUERY, shape: Self::shape };

    /// Describes the value. Nested types are function pointers, so that a type may contain itself.
    #[must_use]
    fn shape() -> Shape {
        Self::Kind::shape()
    }

    /// Reads the value as its shape says: nothing laxer, nothing stricter, except checks on fields.
    ///
    /// # Errors
    /// Whatever the deserializer or the value reports.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::Kind::read(deserializer)
    }

    /// Writes the value as its shape says.
    ///
    /// # Errors
    /// Whatever the serializer reports, and a value that its own shape cannot express.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::Kind::write(self, serializer)
    }

    /// Whether one check of the field that holds the value passes.
    fn passes(&self, check: &Check) -> bool {
        let _ = check;
        true
    }

    /// Whether everything inside the value passes its checks.
    fn is_valid(&self) -> bool {
        Self::Kind::is_valid(self)
    }

    /// Whether the value passes the checks of the field that holds it, and everything inside it passes too.
    fn fits(&self, field: &Field) -> bool {
        field.checks.iter().all(|check| self.passes(check)) && self.is_valid()
    }

    /// Whether an item of a list may be `null` instead: only for `Option`.
    #[doc(hidden)]
    const NULLABLE_ITEM: bool = false;

    /// Reads an item of a list; differs from [`read`](Schema::read) only for `Option`.
    #[doc(hidden)]
    fn read_item<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(deserializer)
    }

    /// What a field is that is not there; `None` if it must be.
    #[doc(hidden)]
    fn absent() -> Option<Self> {
        None
    }

    /// Whether a field is left out.
    #[doc(hidden)]
    fn is_absent(&self) -> bool {
        false
    }

    /// Reads the next value of an object into the place of its field; says whether the place was free.
    #[doc(hidden)]
    fn fill<'de, A: MapAccess<'de>>(place: &mut Option<Self>, members: &mut A) -> Result<bool, A::Error> {
        let is_free = place.is_none();
        if is_free {
            *place = Some(members.next_value_seed(Member(PhantomData))?);
        }
        Ok(is_free)
    }

    /// Takes a field out of its place when the object is at its end.
    #[doc(hidden)]
    fn settle<E: serde::de::Error>(place: Option<Self>, name: &'static str) -> Result<Self, E> {
        place.or_else(Self::absent).ok_or_else(|| E::missing_field(name))
    }

    /// Shows the value of a field to `visitor`; says whether it wants to see more.
    #[doc(hidden)]
    fn visit(&self, visitor: &mut impl FieldVisitor) -> bool {
        visitor.field(self)
    }
}

/// What the types `T` of a kind have in common, for [`Schema`].
pub trait Kind<T> {
    /// How a field stands in a query string.
    const IN_QUERY: InQuery = InQuery::Value;

    /// What the fields are as parameters of a query string.
    const PARAMETERS: Option<&'static ObjectShape> = None;

    /// Describes a value.
    fn shape() -> Shape;

    /// Reads a value.
    ///
    /// # Errors
    /// Those of [`Schema::read`].
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>;

    /// Writes a value.
    ///
    /// # Errors
    /// Those of [`Schema::write`].
    fn write<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error>;

    /// Whether everything inside a value passes its checks.
    fn is_valid(value: &T) -> bool {
        let _ = value;
        true
    }
}

/// The kind of a type that describes, reads and writes itself.
pub enum Own {}

impl<T> Kind<T> for Own {
    fn shape() -> Shape {
        unreachable!("a type of its own kind has a `shape`")
    }

    fn read<'de, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
        unreachable!("a type of its own kind has a `read`")
    }

    fn write<S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
        unreachable!("a type of its own kind has a `write`")
    }
}

/// What the type of a field says about the field.
#[derive(Clone, Copy, Debug)]
pub struct AsField {
    /// Whether it may be absent.
    optional: bool,
    /// How it stands in a query string.
    in_query: InQuery,
    /// What its value looks like.
    shape: fn() -> Shape,
}

/// How a field stands in a query string.
#[derive(Clone, Copy, Debug)]
pub enum InQuery {
    /// As a parameter.
    Value,
    /// As a parameter that is repeated.
    List,
    /// Not at all; says what it is.
    Nested(&'static str),
}

/// What a value looks like on the wire.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// `true` or `false`.
    Boolean,
    /// A whole number within bounds, both included.
    Integer {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
        /// The OpenAPI format, such as `int32`.
        format: &'static str,
    },
    /// A finite number.
    Number {
        /// Whether it is kept in single precision (`f32`).
        single: bool,
    },
    /// Text.
    String {
        /// The OpenAPI format, such as `uuid`; empty for any text without U+0000.
        format: &'static str,
        /// Whether a text is of that format.
        accepts: fn(&str) -> bool,
    },
    /// A list.
    Array {
        /// Its items.
        items: fn() -> Shape,
        /// Whether an item may be `null`.
        nullable_items: bool,
    },
    /// An object with any keys.
    Map {
        /// Its values.
        values: fn() -> Shape,
        /// Whether a value may be `null`.
        nullable_values: bool,
    },
    /// An object with known fields and no others.
    Object(&'static ObjectShape),
    /// One of a few strings.
    Choice(&'static ChoiceShape),
    /// One string and no other.
    Constant(&'static str),
    /// One of a few objects, told apart by a field.
    Union(&'static UnionShape),
    /// Another shape with a name and checks of its own.
    Named(&'static NamedShape),
}

impl Shape {
    /// The name of the type in JSON Schema.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer { .. } => "integer",
            Self::Number { .. } => "number",
            Self::String { .. } | Self::Choice(_) | Self::Constant(_) => "string",
            Self::Array { .. } => "array",
            Self::Map { .. } | Self::Object(_) | Self::Union(_) => "object",
            Self::Named(named) => (named.shape)().name(),
        }
    }

    /// The shape below all names.
    pub(crate) fn unnamed(self) -> Self {
        match self {
            Self::Named(named) => (named.shape)().unnamed(),
            other => other,
        }
    }
}

/// An object with a name of its own.
#[derive(Debug)]
pub struct ObjectShape {
    /// The name of the model.
    pub name: &'static str,
    /// The names of the types that it has been given; a model without parameters has none.
    pub arguments: &'static [fn() -> String],
    /// The description, from the doc comment; may be empty.
    pub doc: &'static str,
    /// The fields, in the order of their declaration.
    pub fields: &'static [Field],
    /// What it is checked by as a whole.
    pub rules: Option<Rules>,
}

impl ObjectShape {
    /// What a model looks like that has mistakes.
    pub const UNKNOWN: Self = Self { name: "", arguments: &[], doc: "", fields: &[], rules: None };

    /// The name in the API's document: `Page_Task` for a `Page<Task>`.
    #[must_use]
    pub fn full_name(&self) -> String {
        let arguments = self.arguments.iter().map(|argument| argument());
        std::iter::once(self.name.to_owned()).chain(arguments).collect::<Vec<_>>().join("_")
    }
}

/// One field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The name on the wire.
    pub name: &'static str,
    /// The description, from the doc comment; may be empty.
    pub doc: &'static str,
    /// Whether the field must be there.
    pub required: bool,
    /// What its value looks like.
    pub shape: fn() -> Shape,
    /// How it stands in a query string.
    pub in_query: InQuery,
    /// What its value must satisfy beyond its shape.
    pub checks: &'static [Check],
    /// The value of a field that is absent, if it has one.
    pub default: Option<fn() -> Option<Value>>,
    /// Whether it may be `null`, which is not the same as being absent.
    pub nullable: bool,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// Whether it is only ever sent by callers, such as a password.
    pub secret: bool,
    /// Whether it tells whose attempt a call is, such as the address in a log-in.
    pub identity: bool,
    /// The column from which it is read, or into which it is written, if its model is a row.
    pub column: Option<&'static str>,
}

impl Field {
    /// The field may be absent and has a value then.
    #[must_use]
    pub const fn or(self, default: fn() -> Option<Value>) -> Self {
        Self { required: false, default: Some(default), ..self }
    }

    /// The field may be `null`.
    #[must_use]
    pub const fn nullable(self) -> Self {
        Self { nullable: true, ..self }
    }

    /// The field should no longer be used.
    #[must_use]
    pub const fn deprecated(self) -> Self {
        Self { deprecated: true, ..self }
    }

    /// The field is only ever sent by callers.
    #[must_use]
    pub const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// The field is a column.
    #[must_use]
    pub const fn column(self, name: &'static str) -> Self {
        Self { column: Some(name), ..self }
    }

    /// The field tells whose attempt a call is.
    #[must_use]
    pub const fn identity(self) -> Self {
        Self { identity: true, ..self }
    }
}

/// Describes a field. `written_optional` says whether its type was written as `Option<…>` or `Patch<…>`, `AsField`
/// what the type itself says.
#[must_use]
#[track_caller]
pub const fn field(
    name: &'static str,
    doc: &'static str,
    written_optional: bool,
    AsField { optional, in_query, shape }: AsField,
    checks: &'static [Check],
) -> Field {
    assert!(
        written_optional == optional,
        "write the type of an optional field as `Option<…>` or `Patch<…>`, not by another name"
    );
    Field {
        name,
        doc,
        required: !optional,
        shape,
        in_query,
        checks,
        default: None,
        nullable: false,
        deprecated: false,
        secret: false,
        identity: false,
        column: None,
    }
}
