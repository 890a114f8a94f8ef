//! A statement written as text whose prepared form the connection keeps.

use std::marker::PhantomData;

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
};

/// The text of a statement, with `$1`, `$2`, … in it, the tuple of values they stand for, and the type of its rows.
///
/// Diesel prepares and plans `sql_query` anew at every call; this it prepares once a connection.
pub(super) struct Statement<B, Row> {
    sql: &'static str,
    binds: B,
    row: PhantomData<fn() -> Row>,
}

/// Returns a statement whose rows have the SQL types `Row`; `()` for one without rows.
pub(super) fn statement<Row, B>(sql: &'static str, binds: B) -> Statement<B, Row> {
    Statement { sql, binds, row: PhantomData }
}

impl<B: QueryFragment<Pg>, Row> QueryFragment<Pg> for Statement<B, Row> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.sql);
        // Diesel has no public way to pass a value without writing its placeholder; the statement has its own, often
        // one twice, so those of Diesel go into a comment.
        out.push_sql("\n-- ");
        self.binds.walk_ast(out.reborrow())
    }
}

impl<B, Row> QueryId for Statement<B, Row> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<B, Row> Query for Statement<B, Row> {
    type SqlType = Row;
}
