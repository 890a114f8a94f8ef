//! The arguments that the jobs of this program take, and whether what waits in the queue is such.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    Args, Job, JobId,
    runtime::Line,
    store::{self, DeclaredKind, Limit, Waiting},
};
use crate::{
    error::{Error, Result, panic_text},
    model::{fingerprint, secret_fields},
};

/// How long a program looks at what waits before it begins to work.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// Jobs of one kind that wait and that this program cannot work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) kind: &'static str,
    /// A newer version than this program's, whose jobs are left to others; `None` for those that it would give up.
    pub(super) newer: Option<i16>,
    pub(super) jobs: usize,
    pub(super) first: JobId,
    /// What is wrong with the first.
    pub(super) fault: String,
}

/// What was found before a program began to work.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) unread: Vec<Unread>,
    /// Whether everything that waits was looked at.
    pub(super) complete: bool,
}

/// Enters the kinds of this program, and looks for jobs that wait and that it cannot read: before any is claimed, so that
/// whoever deploys it learns of them at once, and not by one that is given up after the other.
///
/// Nothing is looked at while all programs that worked on the queue took the same arguments as this one. Otherwise the
/// queue is walked through by number, a thousand jobs a statement, for at most five seconds.
///
/// # Errors
/// Those of the database.
pub(super) async fn enter(line: &Line, jobs: &HashMap<&'static str, &'static Job>) -> Result<Report> {
    let deadline = Instant::now() + LONGEST_LOOK;
    let mut turn = line.open().await?;
    let mut suspects = store::declare_kinds(&mut turn, &declared(jobs)).await?;
    suspects.retain(|kind| jobs.get(kind.as_str()).is_some_and(|job| job.args.is_some()));
    let (mut unread, mut complete, mut after) = (BTreeMap::new(), suspects.is_empty(), 0);
    while !complete && Instant::now() < deadline {
        match store::waiting(&mut turn, &suspects, after).await? {
            Some((last, waiting)) => {
                after = last;
                waiting.iter().for_each(|row| look(jobs, row, &mut unread));
            }
            None => complete = true,
        }
    }
    turn.keep();
    Ok(Report { unread: unread.into_values().collect(), complete })
}

impl Report {
    pub(super) fn log(&self) {
        for Unread { kind, newer, jobs, first, fault } in &self.unread {
            match newer {
                Some(version) => tracing::warn!(
                    kind,
                    version,
                    jobs,
                    first,
                    "jobs wait that a newer version of this program enqueued; they are left to it"
                ),
                None => tracing::error!(
                    kind,
                    jobs,
                    first,
                    fault,
                    "jobs wait that this program cannot read, and would give up: have `#[job(version = .., upgrade = ..)]` \
                     read what they were, or give new fields a default"
                ),
            }
        }
        if !self.complete {
            tracing::warn!(
                seconds = LONGEST_LOOK.as_secs(),
                "not every job that waits was looked at to see whether this program can read it"
            );
        }
    }
}

/// Says again that this program takes these arguments, and forgets what none has taken for `keep_days`.
///
/// # Errors
/// Those of the database.
pub(super) async fn refresh(
    line: &Line,
    jobs: &HashMap<&'static str, &'static Job>,
    keep_days: i32,
) -> Result<()> {
    let mut turn = line.open().await?;
    store::declare_kinds(&mut turn, &declared(jobs)).await?;
    store::delete_kinds(&mut turn, keep_days).await?;
    turn.keep();
    Ok(())
}

/// The versions of kinds that have had more than one.
pub(super) fn versions(jobs: &HashMap<&'static str, &'static Job>) -> Vec<(&'static str, i16)> {
    jobs.values().filter(|job| job.version != 1).map(|job| (job.name, version(job))).collect()
}

/// How many jobs of one concurrency key may run at once, of the kinds that have a limit.
pub(super) fn limits(jobs: &HashMap<&'static str, &'static Job>) -> Vec<Limit> {
    let limited = jobs.values().filter_map(|job| {
        Some(Limit { kind: job.name, most: i32::from(job.concurrency?), version: version(job) })
    });
    limited.collect()
}

/// The same of all kinds, for jobs that were blocked when their kind still had a limit: many at a time.
pub(super) fn all_limits(jobs: &HashMap<&'static str, &'static Job>) -> Vec<Limit> {
    let all = jobs.values().map(|job| Limit {
        kind: job.name,
        most: i32::from(job.concurrency.unwrap_or(1000)),
        version: version(job),
    });
    all.collect()
}

fn version(job: &Job) -> i16 {
    i16::try_from(job.version).unwrap_or(i16::MAX)
}

/// The fields of its arguments that are secret.
fn secrets(job: &Job) -> Vec<&'static str> {
    job.args.map(|shape| secret_fields(shape())).unwrap_or_default()
}

/// The kinds that have secrets.
pub(super) fn with_secrets(jobs: &HashMap<&'static str, &'static Job>) -> HashSet<&'static str> {
    jobs.values().filter(|job| !secrets(job).is_empty()).map(|job| job.name).collect()
}

fn declared(jobs: &HashMap<&'static str, &'static Job>) -> Vec<DeclaredKind> {
    let declared = jobs.values().map(|job| DeclaredKind {
        kind: job.name,
        version: version(job),
        fingerprint: job.args.map(|shape| fingerprint(shape()).to_vec()).unwrap_or_default(),
        secrets: Value::from(secrets(job)).to_string(),
    });
    declared.collect()
}

/// Adds a job that waits to those that cannot be worked on, if it is such.
fn look(
    jobs: &HashMap<&'static str, &'static Job>,
    row: &Waiting,
    unread: &mut BTreeMap<(&'static str, Option<i16>), Unread>,
) {
    let Some(job) = jobs.get(row.kind.as_str()) else { return };
    let newer = (row.version > version(job)).then_some(row.version);
    let fault = if newer.is_some() { String::new() } else { fault(job, row).unwrap_or_default() };
    if newer.is_some() || !fault.is_empty() {
        let first = Unread { kind: job.name, newer, jobs: 0, first: row.id, fault };
        unread.entry((job.name, newer)).or_insert(first).jobs += 1;
    }
}

/// Why the arguments of a job cannot be read, if so.
fn fault(job: &Job, row: &Waiting) -> Option<String> {
    let args = Args { text: row.args.clone(), version: u16::try_from(row.version).unwrap_or(0) };
    let read = catch_unwind(AssertUnwindSafe(|| (job.reads)(&args)));
    let read =
        read.unwrap_or_else(|panic| Err(Error::internal(format!("panicked: {}", panic_text(&*panic)))));
    read.err().map(|error| error.chain())
}
