//! The weekly digest: what is due.

use catena::{
    Batch, JobCtx, Result, job,
    types::{TimeDelta, Uuid},
};
use diesel::{BoolExpressionMethods as _, ExpressionMethods as _, QueryDsl as _};
use diesel_async::RunQueryDsl as _;

use super::mail::send_mail;
use crate::{
    models::mail::Mail,
    schema::{profiles, tasks},
};

/// Mails everybody, on Monday mornings, what they have to do until the next.
#[job(cron = "0 4 * * MON", retries = 5)]
pub async fn weekly_digest(job: &JobCtx) -> Result<()> {
    let next_week = job.now() + TimeDelta::days(7);
    let due: Vec<(Uuid, String, String)> = tasks::table
        .inner_join(profiles::table)
        .filter(tasks::done_at.is_null().and(tasks::due_at.lt(next_week)))
        .order((profiles::id, tasks::due_at, tasks::id))
        .select((profiles::id, profiles::email, tasks::title))
        .load(&mut job.db().await?)
        .await?;
    let mails =
        due.chunk_by(|(one, ..), (other, ..)| one == other).map(|tasks| send_mail::with(digest(tasks)));
    Batch::new().add_all(mails).then(digest_sent::with()).enqueue(job).await?;
    Ok(())
}

/// The mail to one who has to do these tasks; the first hundred will do.
fn digest(tasks: &[(Uuid, String, String)]) -> Mail {
    let lines: String = tasks.iter().take(100).map(|(_, _, title)| format!("- {title}\n")).collect();
    Mail {
        to: tasks.first().map(|(_, email, _)| email.clone()).unwrap_or_default(),
        subject: "Your week".to_owned(),
        text: format!("This is due until next Monday:\n\n{lines}"),
    }
}

/// Says how many of the mails were sent, for `jobs show`. It runs when all were, or were given up.
#[job]
pub async fn digest_sent(job: &JobCtx) -> Result<()> {
    if let Some(mails) = job.batch().await? {
        job.progress(mails.completed, mails.jobs);
    }
    Ok(())
}
