//! `jobs`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use crate::{
    app::{App, BootError, connect, prepare},
    jobs::{
        State,
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
    let Action::List(list) = &command.action;
    let database = connect(prepare(&settings, app.name).await?, &app.migrations).await?;
    let filter = Filter { id: None, state: list.state, kind: list.kind.clone(), limit: list.limit };
    let jobs = store::list(&mut database.jobs.get().await?, &filter).await?;
    let text = if list.json {
        serde_json::to_string_pretty(&jobs).map_err(|error| BootError(vec![error.to_string()]))? + "\n"
    } else {
        table(&jobs)
    };
    super::print(&text);
    Ok(())
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
