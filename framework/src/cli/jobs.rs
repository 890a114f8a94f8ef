//! `jobs`.

mod schedule;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use diesel_async::AsyncPgConnection;
use serde::Serialize;

use crate::{
    app::{App, BootError, connect, prepare},
    jobs::{
        self, JobId, State,
        store::{self, Filter, JobBatch, JobProgress, JobRow, QueueStats},
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
    /// Show one job and what went wrong in each of its attempts
    Show(Show),
    /// Have jobs run at once: those given up again with all attempts, those that wait without waiting
    Retry(Chosen),
    /// Stop jobs for good: those that wait at once, those that run within a few seconds
    Cancel(Chosen),
    /// Give up jobs that wait; they are kept, for `jobs retry`
    Discard(Chosen),
    /// Have no process start jobs of a queue; those that run go on
    Pause(Queue),
    /// Have processes start jobs of a queue again
    Resume(Queue),
    /// List the jobs with a cron expression and when they run next
    Schedule(schedule::Schedule),
    /// Say of each queue how many jobs wait, are due, run (as of up to 2 s ago) and were given up
    Stats(Stats),
}

#[derive(Args)]
struct Stats {
    /// Count all jobs one by one first, and mend the counts: after somebody has changed `catena.jobs` by hand, and after
    /// an update, once no process of a version without these counts works any more. Nobody is kept from working meanwhile
    #[arg(long)]
    recount: bool,
    /// As JSON: an array of objects; no more than 10000 jobs that are due are counted, and `more_due` says if there are
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Show {
    /// The number of the job, as `jobs list` shows it
    id: JobId,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Jobs by number, or all that fit.
#[derive(Args)]
#[group(id = "chosen", required = true, multiple = true)]
struct Chosen {
    /// The numbers of the jobs, as `jobs list` shows them
    #[arg(value_name = "ID", conflicts_with_all = ["state", "kind", "queue"])]
    ids: Vec<JobId>,
    /// All in this state: scheduled, available, executing, retryable or discarded
    #[arg(long)]
    state: Option<State>,
    /// All of this name
    #[arg(long, value_name = "NAME")]
    kind: Option<String>,
    /// All in this queue
    #[arg(long)]
    queue: Option<String>,
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
    /// Only jobs in this queue
    #[arg(long)]
    queue: Option<String>,
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
    let connection = &mut *connection;
    let text = match &command.action {
        Action::List(list) => listed(connection, list).await?,
        Action::Show(show) => shown(connection, show).await?,
        Action::Retry(chosen) => {
            let ids = chosen.ids(connection).await?;
            let retried = store::retry_jobs(connection, &ids).await?;
            if !retried.is_empty() {
                store::announce(connection, "").await?;
            }
            said(&ids, |id| if retried.contains(&id) { "is due" } else { "neither waits nor was given up" })
        }
        Action::Cancel(chosen) => {
            let ids = chosen.ids(connection).await?;
            let (waited, running) = store::cancel_jobs(connection, &ids).await?;
            said(&ids, |id| match (waited.contains(&id), running.contains(&id)) {
                (true, _) => "is cancelled",
                (_, true) => "runs; it is told to stop",
                _ => "neither waits nor runs",
            })
        }
        Action::Discard(chosen) => {
            let ids = chosen.ids(connection).await?;
            let discarded = store::discard_jobs(connection, &ids).await?;
            said(&ids, |id| if discarded.contains(&id) { "is given up" } else { "does not wait" })
        }
        Action::Pause(Queue { queue }) => {
            known(queue)?;
            let paused = store::pause(connection, queue).await?;
            format!("the queue `{queue}` {}\n", if paused { "is paused" } else { "was paused already" })
        }
        Action::Resume(Queue { queue }) => {
            let resumed = store::resume(connection, queue).await?;
            if resumed {
                store::announce(connection, "").await?;
            } else {
                known(queue)?;
            }
            format!(
                "the queue `{queue}` {}\n",
                if resumed { "is no longer paused" } else { "was not paused" }
            )
        }
        Action::Schedule(options) => schedule::listed(connection, options).await?,
        Action::Stats(Stats { recount, json }) => {
            if *recount {
                store::recount(connection).await?;
            }
            counted(&store::stats(connection).await?, *json)?
        }
    };
    super::print(&text);
    Ok(())
}

/// How many jobs a filter may choose at once.
const MOST_CHOSEN: i64 = 100_000;

impl Chosen {
    async fn ids(&self, connection: &mut AsyncPgConnection) -> Result<Vec<JobId>, BootError> {
        if !self.ids.is_empty() {
            return Ok(self.ids.clone());
        }
        let Self { state, kind, queue, .. } = self;
        let filter =
            Filter { id: None, state: *state, kind: kind.clone(), queue: queue.clone(), limit: MOST_CHOSEN };
        Ok(store::select(connection, &filter).await?)
    }
}

/// A line a job, or how many there are of which, if they are many.
fn said(ids: &[JobId], what: impl Fn(JobId) -> &'static str) -> String {
    if ids.is_empty() {
        return "no such jobs\n".to_owned();
    }
    if ids.len() <= 20 {
        return ids.iter().map(|id| format!("{id} {}\n", what(*id))).collect();
    }
    let mut counts = BTreeMap::<_, usize>::new();
    for id in ids {
        *counts.entry(what(*id)).or_default() += 1;
    }
    counts.into_iter().map(|(what, count)| format!("{count} jobs: each {what}\n")).collect()
}

fn json(value: &impl Serialize) -> Result<String, BootError> {
    Ok(serde_json::to_string_pretty(value).map_err(|error| BootError(vec![error.to_string()]))? + "\n")
}

fn time(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}

async fn shown(connection: &mut AsyncPgConnection, show: &Show) -> Result<String, BootError> {
    let filter = Filter { id: Some(show.id), ..Filter::default() };
    let jobs = store::list(connection, &filter).await?;
    let Some(job) = jobs.first() else {
        return Err(BootError(vec![format!(
            "there is no job {}; `jobs list` shows those there are",
            show.id
        )]));
    };
    if show.json {
        return json(job);
    }
    let mut text = format!("{} {}, {}\n", job.id, job.kind, job.state);
    let _ = writeln!(text, "queue     {}, priority {}", job.queue, job.priority);
    let _ = writeln!(text, "attempts  {} of at most {}", job.attempts, job.max_attempts);
    if job.crashes > 0 {
        let times = if job.crashes == 1 { "once".to_owned() } else { format!("{} times", job.crashes) };
        let _ = writeln!(text, "crashes   {times} a process vanished while it ran this job");
    }
    let _ = writeln!(text, "enqueued  {} UTC", time(Some(job.created_at)));
    let _ = writeln!(text, "due       {} UTC", time(Some(job.run_at)));
    if job.blocked {
        text.push_str("blocked   as many jobs with its concurrency key run as may\n");
    }
    if job.finished_at.is_some() {
        let _ = writeln!(text, "ended     {} UTC", time(job.finished_at));
    }
    if let Some(batch) = &job.batch {
        let JobBatch { id, completes, jobs, completed, cancelled, discarded } = batch;
        let part = if *completes { "completes it" } else { "is part of it" };
        let _ = writeln!(text, "batch     {id}, {part}");
        let _ = writeln!(
            text,
            "          {jobs} jobs: {completed} completed, {cancelled} cancelled, {discarded} discarded"
        );
    }
    if let Some(JobProgress { done, total, at }) = &job.progress {
        let percent = done.saturating_mul(100).checked_div(*total);
        let percent = percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
        let _ = writeln!(text, "progress  {done} of {total}{percent}, {} UTC", time(Some(*at)));
    }
    for step in &job.steps {
        let _ = write!(text, "step      {} UTC  {}", time(Some(step.finished_at)), cut(&step.name, 40));
        let _ = match step.wake_at {
            Some(wake_at) => writeln!(text, "\n          sleeps until {} UTC", time(Some(wake_at))),
            None => writeln!(text),
        };
    }
    for error in &job.errors {
        let _ = writeln!(text, "\nattempt {} failed {} UTC", error.attempt, time(Some(error.at)));
        let _ = writeln!(text, "  {}", error.error.replace('\n', "\n  "));
    }
    Ok(text)
}

fn counted(queues: &[QueueStats], as_json: bool) -> Result<String, BootError> {
    if as_json {
        return json(&queues);
    }
    if queues.is_empty() {
        return Ok("no jobs\n".to_owned());
    }
    let mut text = format!(
        "{:<16}  {:>9}  {:>7}  {:>10}  {:>9}  {:>9}  {}\n",
        "queue", "waiting", "due", "oldest due", "executing", "discarded", "paused"
    );
    for stats in queues {
        let QueueStats { queue, waiting, due, more_due, oldest_due_s, executing, discarded, paused_at } =
            stats;
        let queue = cut(queue, 16);
        let due = format!("{due}{}", if *more_due { "+" } else { "" });
        let oldest = oldest_due_s.map_or_else(|| "-".to_owned(), age);
        let paused = if paused_at.is_some() { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "{queue:<16}  {waiting:>9}  {due:>7}  {oldest:>10}  {executing:>9}  {discarded:>9}  {paused}"
        );
    }
    Ok(text)
}

/// So many seconds, in the largest unit of which there are two or more.
fn age(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let unit = units.into_iter().find(|(_, size)| seconds >= 2 * size);
    unit.map_or_else(|| format!("{seconds}s"), |(unit, size)| format!("{}{unit}", seconds / size))
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
    let List { state, kind, queue, limit, .. } = list;
    let filter = Filter { id: None, state: *state, kind: kind.clone(), queue: queue.clone(), limit: *limit };
    let jobs = store::list(connection, &filter).await?;
    if list.json { json(&jobs) } else { Ok(table(&jobs)) }
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
