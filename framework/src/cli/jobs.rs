//! `jobs`.

use std::{collections::BTreeSet, fmt::Write as _};

use clap::{Args, Subcommand};
use diesel_async::AsyncPgConnection;

use crate::{
    app::{App, BootError, connect, prepare},
    jobs::{
        self, JobId, State,
        store::{self, Filter, JobRow},
    },
    settings::Settings,
};

#[derive(Args)]
pub(super) struct Jobs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List jobs, the newest first
    List(List),
    /// Stop jobs for good: those that wait at once, those that run within a few seconds
    Cancel(Ids),
    /// Have no process start jobs of a queue; those that run go on
    Pause(Queue),
    /// Have processes start jobs of a queue again
    Resume(Queue),
}

#[derive(Args)]
struct Ids {
    /// The numbers of the jobs, as `jobs list` shows them
    #[arg(required = true, value_name = "ID")]
    ids: Vec<JobId>,
}

#[derive(Args)]
struct Queue {
    /// The queue: what `#[job(queue = "..")]` says, or `default`
    queue: String,
}

#[derive(Args)]
struct List {
    /// Only jobs in this state: scheduled, available, executing, retryable, completed, cancelled or discarded
    #[arg(long)]
    state: Option<State>,
    /// Only jobs of this name
    #[arg(long, value_name = "NAME")]
    kind: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
    /// As JSON: an array of objects, with the error of every failed attempt
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(app: App, settings: Settings, command: &Jobs) -> Result<(), BootError> {
    let database = connect(prepare(&settings, app.name).await?, &app.migrations).await?;
    let mut connection = database.jobs.get().await?;
    let text = match &command.action {
        Action::List(list) => listed(&mut connection, list).await?,
        Action::Cancel(Ids { ids }) => {
            let (waited, running) = store::cancel_jobs(&mut connection, ids).await?;
            let line = |id: &JobId| match (waited.contains(id), running.contains(id)) {
                (true, _) => format!("{id} is cancelled\n"),
                (_, true) => format!("{id} runs; it is told to stop\n"),
                _ => format!("{id} neither waits nor runs\n"),
            };
            ids.iter().map(line).collect()
        }
        Action::Pause(Queue { queue }) => {
            known(queue)?;
            let paused = store::pause(&mut connection, queue).await?;
            format!("the queue `{queue}` {}\n", if paused { "is paused" } else { "was paused already" })
        }
        Action::Resume(Queue { queue }) => {
            let resumed = store::resume(&mut connection, queue).await?;
            if resumed {
                store::announce(&mut connection, "").await?;
            } else {
                known(queue)?;
            }
            format!(
                "the queue `{queue}` {}\n",
                if resumed { "is no longer paused" } else { "was not paused" }
            )
        }
    };
    super::print(&text);
    Ok(())
}

/// Refuses a queue that no job of this program has: a name with a slip would pause nothing.
fn known(queue: &str) -> Result<(), BootError> {
    let known: BTreeSet<_> = jobs::all().iter().map(|job| job.queue).collect();
    if known.contains(queue) {
        return Ok(());
    }
    let known = known.into_iter().collect::<Vec<_>>().join("`, `");
    Err(BootError(vec![format!("no job is in the queue `{queue}`; those of this program are in `{known}`")]))
}

async fn listed(connection: &mut AsyncPgConnection, list: &List) -> Result<String, BootError> {
    let filter = Filter { id: None, state: list.state, kind: list.kind.clone(), limit: list.limit };
    let jobs = store::list(connection, &filter).await?;
    if list.json {
        Ok(serde_json::to_string_pretty(&jobs).map_err(|error| BootError(vec![error.to_string()]))? + "\n")
    } else {
        Ok(table(&jobs))
    }
}

/// A line a job, at most 80 columns wide, and a second one for what went wrong last.
fn table(jobs: &[JobRow]) -> String {
    if jobs.is_empty() {
        return "no jobs\n".to_owned();
    }
    let mut text =
        format!("{:>8}  {:<24}  {:<10}  {:>8}  {}\n", "id", "job", "state", "attempts", "due (UTC)");
    for job in jobs {
        let _ = writeln!(
            text,
            "{:>8}  {:<24}  {:<10}  {:>8}  {}",
            job.id,
            cut(&job.kind, 24),
            job.state,
            format!("{}/{}", job.attempts, job.max_attempts),
            job.run_at.format("%Y-%m-%d %H:%M:%S"),
        );
        if let Some(last) = job.errors.last() {
            let _ = writeln!(text, "          {}", cut(last.error.lines().next().unwrap_or_default(), 70));
        }
    }
    text
}

/// The text, or its beginning with an ellipsis when it is longer than `width` characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}
