//! Tidying up.

use catena::{JobCtx, Result, job, types::TimeDelta};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;

use crate::schema::tasks;

/// Deletes what was done more than 30 days ago, every night.
#[job(cron = "0 3 * * *", retries = 5)]
pub async fn purge_done(job: &JobCtx) -> Result<()> {
    let long_ago = job.now() - TimeDelta::days(30);
    diesel::delete(tasks::table.filter(tasks::done_at.lt(long_ago))).execute(&mut job.db().await?).await?;
    Ok(())
}
