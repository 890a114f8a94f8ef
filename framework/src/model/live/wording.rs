//! What is said of each difference, and whether a model minds it.

use std::collections::BTreeSet;

use super::{Expected, Found, Live, Rows, Use, Wanted};
use crate::finding::{Finding, Level};

/// Judges what was found.
pub(super) fn findings(expected: &Expected, found: &[Found]) -> Vec<Finding> {
    let mut told = Vec::new();
    let mut lacking = BTreeSet::new();
    for column in found {
        let models = expected.models.get(&column.relation).map_or(&[][..], |models| models);
        let wanted = column.place.map(|place| &expected.columns[place]);
        match (wanted, &column.live) {
            _ if column.lacks_table => {
                if lacking.insert(&column.relation) {
                    told.push(no_table(&plain(&column.relation), models));
                }
            }
            (Some(wanted), None) => told.push(no_column(wanted)),
            (Some(wanted), Some(live)) if !column.fits => told.push(other_type(wanted, live, column)),
            (Some(wanted), Some(live)) => changed(wanted, live, &mut told),
            (None, Some(live)) => told.push(added(&column.relation, live, models)),
            (None, None) => {}
        }
    }
    told
}

/// A fault if there are models that fail by it.
fn finding(sufferers: &[&'static Rows], what: String, mend: String) -> Finding {
    let level = if sufferers.is_empty() { Level::Warning } else { Level::Fault };
    Finding { level, what, mend: Some(mend) }
}

fn no_table(table: &str, models: &[&'static Rows]) -> Finding {
    finding(
        models,
        format!("table {table} is not in the database"),
        format!("run the command `migrate`, or write a migration that makes it for {}", listed(models)),
    )
}

fn no_column(wanted: &Wanted) -> Finding {
    let users = wanted.users_of(&[Use::Read, Use::Insert, Use::Patch]);
    let from = if users.is_empty() { String::new() } else { format!(" and from {}", listed(&users)) };
    finding(
        &users,
        format!("column {} is not in the database", named(wanted)),
        format!(
            "run the command `migrate`, or write a migration that adds it, or remove it from `table!`{from}"
        ),
    )
}

fn other_type(wanted: &Wanted, live: &Live, found: &Found) -> Finding {
    let users = wanted.users_of(&[Use::Read, Use::Insert, Use::Patch]);
    let expected = match (&found.wanted_type, wanted.type_.name()) {
        (Some(type_), _) => format!("{type_} in `table!`"),
        (None, name) => format!("{} in `table!`, a type that is not there", name.unwrap_or("unknown")),
    };
    finding(
        &users,
        format!("column {} is {} in the database and {expected}", named(wanted), live.type_),
        format!("change it by a migration, or write {} into `table!`{}", live.declaration(), mended(&users)),
    )
}

/// A column that both have, of types that go together.
fn changed(wanted: &Wanted, live: &Live, told: &mut Vec<Finding>) {
    let column = named(wanted);
    let writers = wanted.users_of(&[Use::Insert, Use::Patch]);
    if live.computed && !writers.is_empty() {
        told.push(finding(
            &writers,
            format!("column {column} is GENERATED ALWAYS, and a model writes it, which the database refuses"),
            format!(
                "remove the field of {}; an `insert` model has `omit({})`",
                listed(&writers),
                wanted.name
            ),
        ));
    }
    // The columns of views do not say.
    if live.in_table && !live.not_null && !wanted.nullable {
        let readers = wanted.users_of(&[Use::Read]);
        told.push(finding(
            &readers,
            format!("column {column} may be NULL in the database and not in `table!`"),
            format!(
                "write a migration with ALTER TABLE {} ALTER COLUMN {} SET NOT NULL, or write {} into `table!`{}",
                plain(&wanted.relation),
                wanted.name,
                live.declaration(),
                mended(&readers)
            ),
        ));
    }
    if live.in_table && live.not_null {
        let (leaving, setting) = wanted.leave_open();
        if !leaving.is_empty() && live.is_demanded() {
            told.push(finding(
                &leaving,
                format!("column {column} is NOT NULL and has no default, and a model may leave it out"),
                format!(
                    "have a migration give it a default, or write the type without `Option` in {}",
                    listed(&leaving)
                ),
            ));
        }
        if !setting.is_empty() {
            told.push(finding(
                &setting,
                format!("column {column} is NOT NULL in the database, and a model may set it to NULL"),
                format!(
                    "write {} into `table!`, and `Option<…>` for `Patch<…>` in {}",
                    live.declaration(),
                    listed(&setting)
                ),
            ));
        }
    }
}

/// A column that only the database has.
fn added(relation: &str, live: &Live, models: &[&'static Rows]) -> Finding {
    let column = format!("{}.{}", plain(relation), live.name);
    let inserting: Vec<_> = models.iter().copied().filter(|model| model.use_ == Use::Insert).collect();
    if live.is_demanded() && !inserting.is_empty() {
        return finding(
            &inserting,
            format!(
                "column {column} is NOT NULL and has no default, and `table!` lacks it: no row can be inserted"
            ),
            format!(
                "have a migration give it a default, or write {} into `table!`{}",
                live.declaration(),
                mended(&inserting)
            ),
        );
    }
    finding(
        &[],
        format!("column {column} is in the database and not in `table!`"),
        format!("write {} there to use it", live.declaration()),
    )
}

/// The name of a table as people say it.
fn plain(relation: &str) -> String {
    relation.replace('"', "")
}

fn named(wanted: &Wanted) -> String {
    format!("{}.{}", plain(&wanted.relation), wanted.name)
}

/// ` and mend …`; nothing if there is nothing to mend.
fn mended(models: &[&'static Rows]) -> String {
    if models.is_empty() { String::new() } else { format!(" and mend {}", listed(models)) }
}

/// The models and where they stand: `A at …, B at … and C at …`.
fn listed(models: &[&'static Rows]) -> String {
    let mut places: Vec<_> = models.iter().map(|model| model.at()).collect();
    let last = places.pop().unwrap_or_default();
    if places.is_empty() { last } else { format!("{} and {last}", places.join(", ")) }
}
