//! Numbers for everybody.

use catena::{Ctx, Result, procedure};
use diesel::{define_sql_function, select};
use diesel_async::RunQueryDsl as _;

use crate::models::stats::Summary;

define_sql_function! { fn count_tasks() -> BigInt; }
define_sql_function! { fn count_done() -> BigInt; }

/// Tells how much there is to do in all, and how much of it is done.
#[procedure(query, tier = "public")]
pub async fn summary(ctx: &Ctx) -> Result<Summary> {
    let (tasks, done) = select((count_tasks(), count_done())).get_result(&mut ctx.db().await?).await?;
    Ok(Summary { tasks, done })
}
