//! The columns of a table as Diesel has them, and the check that a model mentions every one, so that a new column is
//! never read, written or left out by itself.

use diesel::{
    Column,
    pg::{Pg, PgMetadataLookup, PgTypeMetadata},
    sql_types::{HasSqlType, SqlType, is_nullable},
};

use super::{
    Field,
    sentence::{Sentence, same},
};

/// All columns of a table, as Diesel's `Table::AllColumns` has them.
pub trait Columns {
    /// Each of them.
    const ALL: &'static [ColumnShape];
}

/// A column, as `table!` has it.
#[derive(Clone, Copy)]
pub struct ColumnShape {
    /// The name in SQL.
    pub name: &'static str,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// Its type in PostgreSQL; one that PostgreSQL has not brought along is asked for by its name.
    pub metadata: fn(&mut (dyn PgMetadataLookup + 'static)) -> PgTypeMetadata,
}

/// A column of a type that PostgreSQL has.
pub trait PgColumn {
    /// The column.
    const SHAPE: ColumnShape;
}

impl<C: Column<SqlType: SqlType<IsNull: Nullness>>> PgColumn for C
where
    Pg: HasSqlType<C::SqlType>,
{
    const SHAPE: ColumnShape = ColumnShape {
        name: C::NAME,
        nullable: <C::SqlType as SqlType>::IsNull::NULLABLE,
        metadata: <Pg as HasSqlType<C::SqlType>>::metadata,
    };
}

/// Whether a type of Diesel's has NULL.
pub trait Nullness {
    /// Whether it has.
    const NULLABLE: bool;
}

impl Nullness for is_nullable::IsNullable {
    const NULLABLE: bool = true;
}

impl Nullness for is_nullable::NotNull {
    const NULLABLE: bool = false;
}

/// Implements [`Columns`] for the tuple of all names, and for each that lacks more of the second list.
macro_rules! columns {
    ([$($kept:ident)*] [$first:ident $($rest:ident)*]) => {
        impl<$($kept: PgColumn,)* $first: PgColumn, $($rest: PgColumn),*> Columns for ($($kept,)* $first, $($rest,)*) {
            const ALL: &'static [ColumnShape] = &[$($kept::SHAPE,)* $first::SHAPE, $($rest::SHAPE),*];
        }
        columns!([$($kept)*] [$($rest)*]);
    };
    ([$($kept:ident)*] []) => {};
}

// Diesel knows tables of up to 128 columns. In two lists, because the compiler does not nest 128 macros.
columns!([] [
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 A24 A25 A26
        A27 A28 A29 A30 A31 A32 A33 A34 A35 A36 A37 A38 A39 A40 A41 A42 A43 A44 A45 A46 A47 A48 A49 A50 A51
        A52 A53 A54 A55 A56 A57 A58 A59 A60 A61 A62 A63
]);
columns!([
        A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 A24 A25 A26
        A27 A28 A29 A30 A31 A32 A33 A34 A35 A36 A37 A38 A39 A40 A41 A42 A43 A44 A45 A46 A47 A48 A49 A50 A51
        A52 A53 A54 A55 A56 A57 A58 A59 A60 A61 A62 A63
] [
        B0 B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 B17 B18 B19 B20 B21 B22 B23 B24 B25 B26
        B27 B28 B29 B30 B31 B32 B33 B34 B35 B36 B37 B38 B39 B40 B41 B42 B43 B44 B45 B46 B47 B48 B49 B50 B51
        B52 B53 B54 B55 B56 B57 B58 B59 B60 B61 B62 B63
]);

/// Stops the build unless every column of the table `T` is that of a field, or omitted.
#[track_caller]
pub const fn covers<T: Columns>(model: &str, table: &str, fields: &[Field], omitted: &[&str]) {
    let open = Open { columns: T::ALL, fields, omitted };
    let count = open.count();
    if count == 0 {
        return;
    }
    let (columns, fields) = if count == 1 { ("column ", "field ") } else { ("columns ", "fields ") };
    let sentence = open
        .listed(Sentence::new().then("`").then(model).then("` says nothing about the ").then(columns), "`")
        .then(" of `")
        .then(table)
        .then("`: add the ")
        .then(fields);
    let sentence = open.listed(sentence, "`").then(" to `").then(model).then("`, or write `omit(");
    let sentence = open.listed(sentence, "").then(")`");
    panic!("{}", sentence.text());
}

/// The columns of a table that a model does not name.
struct Open<'a> {
    columns: &'a [ColumnShape],
    fields: &'a [Field],
    omitted: &'a [&'a str],
}

impl Open<'_> {
    const fn has(&self, at: usize) -> bool {
        let mut other = 0;
        while other < self.fields.len() {
            if let Some(column) = self.fields[other].column
                && same(self.columns[at].name, column)
            {
                return false;
            }
            other += 1;
        }
        other = 0;
        while other < self.omitted.len() {
            if same(self.columns[at].name, self.omitted[other]) {
                return false;
            }
            other += 1;
        }
        true
    }

    const fn count(&self) -> usize {
        let (mut count, mut at) = (0, 0);
        while at < self.columns.len() {
            if self.has(at) {
                count += 1;
            }
            at += 1;
        }
        count
    }

    /// Adds the names, each between `quotes`.
    const fn listed(&self, mut sentence: Sentence, quotes: &str) -> Sentence {
        let (mut first, mut at) = (true, 0);
        while at < self.columns.len() {
            if self.has(at) {
                let comma = if first { "" } else { ", " };
                sentence = sentence.then(comma).then(quotes).then(self.columns[at].name).then(quotes);
                first = false;
            }
            at += 1;
        }
        sentence
    }
}
