//! The models that are rows of a table, as `#[model]` registers them.

use diesel::{Table, debug_query, pg::Pg, query_builder::QueryFragment};

use super::{
    Field,
    columns::{ColumnShape, Columns},
};

/// A model that is a row: read from a table, inserted into it, or a change of what is there.
pub struct Rows {
    /// The name of the model.
    pub(crate) model: &'static str,
    /// Where it stands.
    file: &'static str,
    line: u32,
    /// What is done with its values.
    pub(crate) use_: Use,
    /// Its fields; those that are columns say which.
    pub(crate) fields: &'static [Field],
    /// The name of the table, quoted as in SQL.
    pub(crate) table: fn() -> String,
    /// All columns of the table, as `table!` has them.
    pub(crate) columns: &'static [ColumnShape],
}

/// What is done with the values of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// They are read.
    Read,
    /// They are inserted.
    Insert,
    /// They are changes of rows.
    Patch,
}

/// Describes a model that is a row of the table `T`.
#[must_use]
pub const fn rows<T>(
    model: &'static str,
    use_: Use,
    fields: &'static [Field],
    file: &'static str,
    line: u32,
) -> Rows
where
    T: Table<AllColumns: Columns> + QueryFragment<Pg> + Default,
{
    Rows { model, file, line, use_, fields, table: quoted::<T>, columns: T::AllColumns::ALL }
}

/// The name of a table as statements have it, in its schema if it says one.
fn quoted<T: QueryFragment<Pg> + Default>() -> String {
    let sql = debug_query::<Pg, _>(&T::default()).to_string();
    sql.split_once(" -- binds").map_or("", |(name, _)| name).to_owned()
}

impl Rows {
    /// The model and where it stands, for messages.
    pub(crate) fn at(&self) -> String {
        format!("`{}` at {}:{}", self.model, self.file, self.line)
    }
}

inventory::collect!(Rows);

/// Every model with a table that is linked into the program, sorted by place.
pub(crate) fn all() -> Vec<&'static Rows> {
    let mut all: Vec<_> = inventory::iter::<Rows>.into_iter().collect();
    all.sort_by_key(|rows| (rows.file, rows.line, rows.model));
    all
}
