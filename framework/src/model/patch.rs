//! Changes: fields that may be absent, `null` or a value, and rows that are changed by them.

use std::{fmt, marker::PhantomData};

use diesel::{
    AsChangeset, Column, QueryResult, Selectable, SelectableHelper as _, dsl,
    expression::{AsExpression, Expression},
    pg::Pg,
    query_builder::{AsQuery, AstPass, IntoUpdateTarget, Query, QueryFragment, QueryId, UpdateStatement},
    query_dsl::methods::SelectDsl,
    sql_types::{SingleValue, SqlType},
};
use diesel_async::{RunQueryDsl, methods::LoadQuery};
use futures_util::{FutureExt as _, future::BoxFuture};
use serde::{
    Deserializer, Serializer,
    de::{self, Visitor},
    ser::Error as _,
};

use super::{
    Check, HasItems, HasLength, HasMultiples, HasOrder, InQuery, IsList, IsText, Own, Repeated, Schema, Shape,
};
use crate::db::Db;

/// A field of a change: absent, `null`, or a value.
///
/// ```
/// use catena::{Patch, model};
///
/// #[model]
/// pub struct Edit {
///     pub notes: Patch<String>,
/// }
///
/// let mut notes = Some("old".to_owned());
/// Edit { notes: Patch::Unchanged }.notes.apply(&mut notes);
/// assert_eq!(notes.as_deref(), Some("old"));
/// Edit { notes: Patch::Null }.notes.apply(&mut notes);
/// assert_eq!(notes, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Patch<T> {
    /// The field is absent: what it stands for stays as it is.
    #[default]
    Unchanged,
    /// The field is `null`: what it stands for is removed.
    Null,
    /// The field has a value, which is set.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field is absent.
    pub fn is_unchanged(&self) -> bool {
        matches!(self, Self::Unchanged)
    }

    /// The value that is set, if one is.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Unchanged | Self::Null => None,
        }
    }

    /// What is to be stored: nothing for an absent field, `Some(None)` for `null`.
    pub fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Unchanged => None,
            Self::Null => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// The same with a reference to the value.
    pub fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Unchanged => Patch::Unchanged,
            Self::Null => Patch::Null,
            Self::Set(value) => Patch::Set(value),
        }
    }

    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Unchanged => Patch::Unchanged,
            Self::Null => Patch::Null,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }

    /// Changes a value in memory.
    pub fn apply(self, stored: &mut Option<T>) {
        if let Some(change) = self.into_change() {
            *stored = change;
        }
    }
}

impl<T: Schema> Schema for Patch<T> {
    type Kind = Own;
    const OPTIONAL: bool = true;
    const IN_QUERY: InQuery = T::IN_QUERY;
    const NULLABLE_ITEM: bool = true;

    fn shape() -> Shape {
        T::shape()
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Nullable<T>(PhantomData<T>);

        impl<'de, T: Schema> Visitor<'de> for Nullable<T> {
            type Value = Patch<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value or null")
            }

            fn visit_none<E: de::Error>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Null)
            }

            fn visit_unit<E: de::Error>(self) -> Result<Patch<T>, E> {
                Ok(Patch::Null)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Patch<T>, D::Error> {
                T::read(deserializer).map(Patch::Set)
            }
        }

        deserializer.deserialize_option(Nullable(PhantomData))
    }

    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unchanged => Err(S::Error::custom("what is unchanged has no value: it is left out")),
            Self::Null => serializer.serialize_none(),
            Self::Set(value) => value.write(serializer),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::Unchanged)
    }

    fn is_absent(&self) -> bool {
        self.is_unchanged()
    }

    fn passes(&self, check: &Check) -> bool {
        self.value().is_none_or(|value| value.passes(check))
    }

    fn is_valid(&self) -> bool {
        self.value().is_none_or(T::is_valid)
    }
}

impl<T: HasLength> HasLength for Patch<T> {}
impl<T: IsText> IsText for Patch<T> {}
impl<T: HasOrder> HasOrder for Patch<T> {}
impl<T: HasItems> HasItems for Patch<T> {}
impl<T: HasMultiples> HasMultiples for Patch<T> {}

impl<T: IsList> IsList for Patch<T> {
    fn repeated(&self) -> Vec<Repeated> {
        self.value().map_or_else(Vec::new, T::repeated)
    }
}

/// A field of a change that can be written to the column `C`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot change the column `{C}`",
    label = "does not fit the column",
    note = "its value has the type of the column",
    note = "a `Patch<..>` may set NULL: for a column that is NOT NULL, write `Option<..>`"
)]
pub trait Change<'p, C> {
    /// What is assigned to the column, if anything is.
    fn change(&'p self) -> Option<Assignment<'p>>;
}

#[diagnostic::do_not_recommend]
impl<'p, T: 'p, C> Change<'p, C> for Option<T>
where
    C: Column<SqlType: SqlType + SingleValue>,
    &'p T: AsExpression<C::SqlType, Expression: QueryFragment<Pg> + Send + 'p>,
{
    fn change(&'p self) -> Option<Assignment<'p>> {
        self.as_ref().map(|value| Assignment::new::<C, _>(value))
    }
}

#[diagnostic::do_not_recommend]
impl<'p, T: 'p, C> Change<'p, C> for Patch<T>
where
    C: Column<SqlType: SqlType + SingleValue>,
    Option<&'p T>: AsExpression<C::SqlType, Expression: QueryFragment<Pg> + Send + 'p>,
{
    fn change(&'p self) -> Option<Assignment<'p>> {
        self.as_ref().into_change().map(|value| Assignment::new::<C, _>(value))
    }
}

/// `column = value`. The type of the value is forgotten, so that what a patch sets is of one type whatever it sets.
pub struct Assignment<'p> {
    column: &'static str,
    value: Box<dyn QueryFragment<Pg> + Send + 'p>,
}

impl<'p> Assignment<'p> {
    fn new<C, V>(value: V) -> Self
    where
        C: Column<SqlType: SqlType + SingleValue>,
        V: AsExpression<C::SqlType, Expression: QueryFragment<Pg> + Send + 'p>,
    {
        Self { column: C::NAME, value: Box::new(value.as_expression()) }
    }
}

/// What a patch sets.
pub struct Changes<'p>(Vec<Assignment<'p>>);

impl<'p> Changes<'p> {
    /// Those of all fields.
    pub fn new<const N: usize>(fields: [Option<Assignment<'p>>; N]) -> Self {
        Self(fields.into_iter().flatten().collect())
    }
}

impl QueryFragment<Pg> for Changes<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (at, Assignment { column, value }) in self.0.iter().enumerate() {
            if at > 0 {
                out.push_sql(", ");
            }
            out.push_identifier(column)?;
            out.push_sql(" = ");
            value.walk_ast(out.reborrow())?;
        }
        Ok(())
    }
}

/// A query for a row that `P` can change, and that can be read as an `R`.
#[diagnostic::on_unimplemented(
    message = "this is no query for a row that `{P}` can change and that can then be read as `{R}`",
    label = "does not find such a row",
    note = "write the table of `{P}` and which row: `tasks::table.find(id)`",
    note = "`{R}` is a model that is read from the same table: `#[model(table = ..)]`"
)]
pub trait ChangedBy<'p, P, R>: Sized {
    /// Changes the row and reads it; only reads it if `is_empty`.
    ///
    /// The future is boxed, because the compiler cannot see that a future around one with these types is `Send`.
    fn changed(self, patch: &'p P, is_empty: bool, db: &'p mut Db) -> BoxFuture<'p, QueryResult<R>>;
}

#[diagnostic::do_not_recommend]
impl<'p, Q, P, R> ChangedBy<'p, P, R> for Q
where
    P: Sync + 'p,
    &'p P: AsChangeset<Target = Q::Table>,
    R: Selectable<Pg, SelectExpression: QueryId> + Send + 'static,
    Q: IntoUpdateTarget + SelectDsl<dsl::AsSelect<R, Pg>> + Send,
    dsl::Select<Q, dsl::AsSelect<R, Pg>>: LoadQuery<'p, Db, R> + 'p,
    Update<'p, Q, P>: AsQuery + Send + 'p,
    Returning<Update<'p, Q, P>, dsl::AsSelect<R, Pg>>: LoadQuery<'p, Db, R>,
{
    fn changed(self, patch: &'p P, is_empty: bool, db: &'p mut Db) -> BoxFuture<'p, QueryResult<R>> {
        if is_empty {
            return self.select(R::as_select()).get_result(db).boxed();
        }
        let update = diesel::update(self).set(patch);
        Returning { update, selection: R::as_returning() }.get_result(db).boxed()
    }
}

type Update<'p, Q, P> = UpdateStatement<
    <Q as diesel::associations::HasTable>::Table,
    <Q as IntoUpdateTarget>::WhereClause,
    <&'p P as AsChangeset>::Changeset,
>;

/// `UPDATE .. RETURNING ..`; Diesel's own has no name that bounds could use.
pub struct Returning<U, S> {
    update: U,
    selection: S,
}

impl<U: QueryFragment<Pg>, S: QueryFragment<Pg>> QueryFragment<Pg> for Returning<U, S> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.update.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING ");
        self.selection.walk_ast(out)
    }
}

// Which columns are set is known only at run time.
impl<U, S> QueryId for Returning<U, S> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<U, S: Expression> Query for Returning<U, S> {
    type SqlType = S::SqlType;
}

#[cfg(test)]
mod tests;
