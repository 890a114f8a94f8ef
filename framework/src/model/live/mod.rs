//! The tables of models beside those of the database: `table!` says what the former are, and nobody else compares.

mod wording;

use std::collections::BTreeMap;

use diesel::pg::{PgMetadataLookup, PgTypeMetadata};
use tokio_postgres::Row;

use super::{
    Field, Use,
    columns::ColumnShape,
    rows::{self, Rows},
};
use crate::{
    db::{Session, SetupError},
    finding::Finding,
};

/// Compares the tables of all models that are linked into the program with those of a database. What makes a model
/// fail is a fault.
pub(crate) async fn findings(session: &Session) -> Vec<Finding> {
    compare(session, &rows::all()).await.unwrap_or_else(|error| vec![Finding::fault(error.to_string())])
}

async fn compare(session: &Session, models: &[&'static Rows]) -> Result<Vec<Finding>, SetupError> {
    let expected = Expected::of(models);
    if expected.columns.is_empty() {
        return Ok(Vec::new());
    }
    let doing = "compare the models with the database";
    // The planner takes the query for a thousand times what it is, and would spend a second on compiling it.
    session.run(doing, "SET jit = off").await?;
    let found = session
        .rows(
            doing,
            include_str!("live.sql"),
            &[
                &expected.columns.iter().map(|column| &*column.relation).collect::<Vec<_>>(),
                &expected.columns.iter().map(|column| column.name).collect::<Vec<_>>(),
                &expected.columns.iter().map(|column| column.type_.oid()).collect::<Vec<_>>(),
                &expected.columns.iter().map(|column| column.type_.name()).collect::<Vec<_>>(),
                &expected.columns.iter().map(|column| column.type_.schema()).collect::<Vec<_>>(),
                &expected.columns.iter().map(|column| column.type_.is_array()).collect::<Vec<_>>(),
            ],
        )
        .await?;
    let found: Result<Vec<_>, _> = found.iter().map(Found::read).collect();
    let found = found.map_err(SetupError::sql("read what the database has for the models"))?;
    Ok(wording::findings(&expected, &found))
}

/// What the models expect of the database.
struct Expected {
    columns: Vec<Wanted>,
    /// The models of each table, by its name in SQL.
    models: BTreeMap<String, Vec<&'static Rows>>,
}

/// A column of a `table!`.
struct Wanted {
    /// The table's name in SQL.
    relation: String,
    name: &'static str,
    type_: Type,
    nullable: bool,
    /// The models that have it as a field.
    users: Vec<(&'static Rows, &'static Field)>,
}

/// A type of PostgreSQL.
#[derive(PartialEq, Eq)]
enum Type {
    /// One that it has brought along; 0 for one that is not known at all.
    Known(u32),
    /// Another.
    Named { name: String, schema: Option<String>, is_array: bool },
}

impl Type {
    fn oid(&self) -> Option<u32> {
        if let Self::Known(oid) = self { Some(*oid) } else { None }
    }

    fn name(&self) -> Option<&str> {
        if let Self::Named { name, .. } = self { Some(name) } else { None }
    }

    fn schema(&self) -> Option<&str> {
        if let Self::Named { schema, .. } = self { schema.as_deref() } else { None }
    }

    fn is_array(&self) -> bool {
        matches!(self, Self::Named { is_array: true, .. })
    }
}

impl Expected {
    fn of(models: &[&'static Rows]) -> Self {
        let mut expected = Self { columns: Vec::new(), models: BTreeMap::new() };
        for &model in models {
            let relation = (model.table)();
            for column in model.columns {
                expected.want(&relation, column, model);
            }
            expected.models.entry(relation).or_default().push(model);
        }
        expected
    }

    /// Adds a column of the table of a model; two that say the same are one.
    fn want(&mut self, relation: &str, column: &ColumnShape, model: &'static Rows) {
        let (type_, nullable) = (type_of(column), column.nullable);
        let user = model.fields.iter().find(|field| field.column == Some(column.name));
        let known = self.columns.iter_mut().find(|known| {
            known.relation == relation
                && known.name == column.name
                && known.type_ == type_
                && known.nullable == nullable
        });
        let user = user.map(|field| (model, field));
        match known {
            Some(known) => known.users.extend(user),
            None => self.columns.push(Wanted {
                relation: relation.to_owned(),
                name: column.name,
                type_,
                nullable,
                users: user.into_iter().collect(),
            }),
        }
    }
}

/// Asks Diesel for the type of a column. What it would look up in a database is only noted here.
fn type_of(column: &ColumnShape) -> Type {
    /// Stands for the type that was asked for, and the one after it for its arrays.
    const ASKED: u32 = u32::MAX - 1;

    #[derive(Default)]
    struct Names(Option<(String, Option<String>)>);

    impl PgMetadataLookup for Names {
        fn lookup_type(&mut self, name: &str, schema: Option<&str>) -> PgTypeMetadata {
            self.0 = Some((name.to_owned(), schema.map(str::to_owned)));
            PgTypeMetadata::new(ASKED, ASKED + 1)
        }
    }

    let mut names = Names::default();
    let oid = (column.metadata)(&mut names).oid().unwrap_or_default();
    match names.0 {
        Some((name, schema)) if oid >= ASKED => Type::Named { name, schema, is_array: oid > ASKED },
        _ => Type::Known(oid),
    }
}

/// A column that is expected, or that the database has.
struct Found {
    relation: String,
    /// Which of the expected ones it is.
    place: Option<usize>,
    /// There is no such table.
    lacks_table: bool,
    /// The type that is expected, as SQL has it; none if there is no such type.
    wanted_type: Option<String>,
    /// What the database has.
    live: Option<Live>,
    /// Whether the types go together.
    fits: bool,
}

/// A column of the database.
struct Live {
    name: String,
    /// Whether it belongs to a table; the columns of views do not say whether they may be NULL.
    in_table: bool,
    type_: String,
    not_null: bool,
    has_default: bool,
    computed: bool,
    has_triggers: bool,
    /// Its type without lengths and domains; of a list, that of its items.
    value_type: String,
    is_list: bool,
}

impl Found {
    fn read(row: &Row) -> Result<Self, tokio_postgres::Error> {
        let live = match row.try_get::<_, Option<String>>("name")? {
            None => None,
            Some(name) => Some(Live {
                name,
                in_table: matches!(row.try_get("kind")?, "r" | "p" | "f"),
                type_: row.try_get("type")?,
                not_null: row.try_get("not_null")?,
                has_default: row.try_get("has_default")?,
                computed: row.try_get("computed")?,
                has_triggers: row.try_get("has_triggers")?,
                value_type: row.try_get("value_type")?,
                is_list: row.try_get("is_list")?,
            }),
        };
        Ok(Self {
            relation: row.try_get("relation")?,
            place: row.try_get::<_, Option<i64>>("place")?.and_then(|place| usize::try_from(place).ok()),
            lacks_table: row.try_get("lacks_table")?,
            wanted_type: row.try_get("wanted_type")?,
            live,
            fits: row.try_get::<_, Option<bool>>("fits")?.unwrap_or(false),
        })
    }
}

impl Live {
    /// Whether every new row must say what it is.
    fn is_demanded(&self) -> bool {
        self.in_table && self.not_null && !self.has_default && !self.computed && !self.has_triggers
    }

    /// How `table!` says it.
    fn declaration(&self) -> String {
        let mut type_ = diesel_type(&self.value_type);
        if self.is_list {
            type_ = format!("Array<{type_}>");
        }
        if !self.not_null {
            type_ = format!("Nullable<{type_}>");
        }
        format!("`{} -> {type_}`", self.name)
    }
}

/// Diesel's name of a type: `Timestamptz`, and `TaskState` for `task_state`.
fn diesel_type(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('_').map(capital).collect()
}

impl Wanted {
    /// The models that read it, insert it, or change it.
    fn users_of(&self, uses: &[Use]) -> Vec<&'static Rows> {
        self.users.iter().filter(|(model, _)| uses.contains(&model.use_)).map(|(model, _)| *model).collect()
    }

    /// The models that may leave it out of a new row, and those that may set it to NULL.
    fn leave_open(&self) -> (Vec<&'static Rows>, Vec<&'static Rows>) {
        let may = |use_: Use, leaves: fn(&Field) -> bool| {
            let users = self.users.iter().filter(|(model, field)| model.use_ == use_ && leaves(field));
            users.map(|(model, _)| *model).collect()
        };
        (
            may(Use::Insert, |field| !field.required && field.default.is_none()),
            may(Use::Patch, |field| field.nullable),
        )
    }
}

#[cfg(test)]
#[cfg(feature = "testing")]
mod tests;
