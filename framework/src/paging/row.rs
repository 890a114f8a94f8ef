//! Comparing rows of columns: `(created_at, id) < ($1, $2)`.

use diesel::{
    Expression, QueryResult, SelectableExpression,
    expression::{AppearsOnTable, ValidGrouping},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types::Record,
};

/// Columns that are compared as one: see [`row`].
#[derive(Clone, Copy, Debug, QueryId, ValidGrouping)]
pub struct Row<C>(C);

/// Compares columns as one: the first decides, the next where it is equal, and so on. An index on the columns, in
/// their order, finds what comes next at once.
///
/// The columns are not nullable: what is compared with `NULL` is neither before nor after.
///
/// ```
/// use catena::{row, types::{DateTime, Utc, Uuid}};
/// use diesel::{ExpressionMethods as _, QueryDsl as _, debug_query, pg::Pg};
///
/// diesel::table! {
///     tasks (id) {
///         id -> Uuid,
///         created_at -> Timestamptz,
///     }
/// }
///
/// let last: (DateTime<Utc>, Uuid) = (DateTime::UNIX_EPOCH, Uuid::nil());
/// let older = tasks::table.filter(row((tasks::created_at, tasks::id)).lt(last)).select(tasks::id);
/// let sql = debug_query::<Pg, _>(&older).to_string();
/// assert!(sql.contains(r#"(("tasks"."created_at", "tasks"."id") < ROW($1, $2))"#), "{sql}");
/// ```
pub fn row<C: Expression>(columns: C) -> Row<C> {
    Row(columns)
}

impl<C: Expression> Expression for Row<C>
where
    C::SqlType: 'static,
{
    type SqlType = Record<C::SqlType>;
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for Row<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<C: SelectableExpression<QS>, QS> SelectableExpression<QS> for Row<C> where Self: AppearsOnTable<QS> {}

impl<C: AppearsOnTable<QS>, QS> AppearsOnTable<QS> for Row<C> where Self: Expression {}
