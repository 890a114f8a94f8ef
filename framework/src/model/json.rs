//! Values that stand in one column as a document.

use std::fmt;

use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, IsNull, Output, ToSql},
    sql_types::Jsonb,
};
use serde::{Deserializer, Serializer};

use super::{Check, InQuery, Own, Schema, Shape, read::read_stored};

/// A value that stands in a column of type `jsonb`; on the wire it looks like the value itself.
///
/// What is stored must still be what the model says when it is read: give a field that was added later a default, or make
/// it an `Option`. A document that is none is a logged 500, which says where and why.
///
/// ```
/// use catena::{model, types::{Json, Uuid}};
///
/// diesel::table! {
///     parcels (id) {
///         id -> Uuid,
///         address -> Jsonb,
///     }
/// }
///
/// #[model]
/// pub struct Address { pub street: String, pub town: String }
///
/// #[model(table = parcels)]
/// pub struct Parcel { pub id: Uuid, pub address: Json<Address> }
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct Json<T: Schema>(pub T);

impl<T: Schema> From<T> for Json<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// Without the value: Diesel asks for this of all values, and not all can be shown.
impl<T: Schema> fmt::Debug for Json<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Json").finish_non_exhaustive()
    }
}

impl<T: Schema> Schema for Json<T> {
    type Kind = Own;
    const OPTIONAL: bool = T::OPTIONAL;
    const IN_QUERY: InQuery = T::IN_QUERY;
    const NULLABLE_ITEM: bool = T::NULLABLE_ITEM;

    fn shape() -> Shape {
        T::shape()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read(deserializer).map(Self)
    }

    fn read_item<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_item(deserializer).map(Self)
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }

    fn passes(&self, check: &Check) -> bool {
        self.0.passes(check)
    }

    fn is_valid(&self) -> bool {
        self.0.is_valid()
    }
}

/// The byte before the text of a `jsonb` in PostgreSQL's binary protocol.
const VERSION: u8 = 1;

impl<T: Schema> ToSql<Jsonb, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, &[VERSION])?;
        self.0.write(&mut serde_json::Serializer::new(out))?;
        Ok(IsNull::No)
    }
}

impl<T: Schema> FromSql<Jsonb, Pg> for Json<T> {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        match bytes.as_bytes() {
            [VERSION, text @ ..] => Ok(Self(read_stored(text)?)),
            _ => Err("the column holds no `jsonb` of version 1".into()),
        }
    }
}

#[cfg(test)]
mod tests;
