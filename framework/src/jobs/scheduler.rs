//! Enqueues the jobs that have a cron expression.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, Utc};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout};

use super::{
    Job, NewJob, Schedule,
    cron::Cron,
    job::Misfire,
    runtime::{Crew, PATIENCE, no_answer},
    store::{self, Declared, Release},
};
use crate::error::{Error, Result};

/// How long the scheduler sleeps at most: times are the database's, and its clock may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);

/// How long it sleeps at least: another process may just be firing what is due.
const SHORTEST_SLEEP: Duration = Duration::from_millis(100);

/// How often a process says what it declares.
const DECLARE: Duration = Duration::from_secs(10);

/// The loop that fires schedules.
///
/// A schedule is a row with the time at which it fires next, which is advanced in the transaction that enqueues: one
/// job a fire, however many processes there are, and whatever the clock of the database is set to. What fell due while
/// no process was there is made up for as `misfire` says.
///
/// Whoever declares a schedule fires it, by the expression in the row. That is the one of the newest version that
/// lives, and the newest is the one that first started last: an old process neither keeps its expression when a new
/// one comes, nor gets it back when it starts again. When the new version is gone, as after a roll-back, the row stops
/// being touched, and after a minute of that by its own clock an older version takes the schedule over.
pub(super) struct Scheduler {
    crew: Arc<Crew>,
    entries: Vec<Entry>,
    release: Release,
    watch: Mutex<Watch>,
}

/// A job of this process that has a cron expression.
struct Entry {
    job: &'static Job,
    schedule: Schedule,
    cron: Cron,
}

/// What this process knows of who declares its schedules.
struct Watch {
    declared_at: Instant,
    /// Schedules of newer versions: when the row was last touched, and since when this process has seen it so.
    newer: HashMap<String, (DateTime<Utc>, Instant)>,
}

impl Scheduler {
    /// Writes the schedules of this process into the rows; those that have not changed keep their time.
    ///
    /// # Errors
    /// `internal` for an expression that cannot be read or never fires, naming the job; those of the database.
    pub(super) async fn enter(crew: Arc<Crew>) -> Result<Self> {
        let mut entries = Vec::new();
        for &job in crew.jobs.values() {
            let Some(schedule) = job.schedule else { continue };
            let cron = Cron::parse(schedule.cron, schedule.tz).map_err(|fault| {
                Error::internal(format!(
                    "the cron expression of job `{}` at {}: {fault}",
                    job.name,
                    job.location()
                ))
            })?;
            entries.push(Entry { job, schedule, cron });
        }
        let watch = Mutex::new(Watch { declared_at: Instant::now(), newer: HashMap::new() });
        let mut scheduler = Self { crew, entries, release: 0, watch };
        if !scheduler.entries.is_empty() {
            let mut turn = scheduler.crew.line.open().await?;
            let release = store::enter_release(&mut turn, &fingerprint(scheduler.crew.jobs.values())).await?;
            scheduler.declare(&mut turn, release).await?;
            turn.keep();
            scheduler.release = release;
        }
        Ok(scheduler)
    }

    pub(super) async fn run(self: Arc<Self>) {
        let mut pause = SHORTEST_SLEEP;
        while !self.entries.is_empty() {
            let fired = timeout(PATIENCE, self.fire_due()).await;
            let sleep = match fired.unwrap_or_else(|_| Err(no_answer())) {
                Ok(next) => {
                    pause = SHORTEST_SLEEP;
                    next
                }
                Err(error) => {
                    tracing::error!(error = error.chain(), "schedules could not be fired; trying again");
                    pause = (pause * 2).min(LONGEST_SLEEP);
                    pause
                }
            };
            tokio::time::sleep(sleep).await;
        }
    }

    /// Fires what is due; returns how long to sleep before more may be.
    ///
    /// # Errors
    /// Those of the database; nothing has been fired then.
    pub(super) async fn fire_due(&self) -> Result<Duration> {
        if self.entries.is_empty() {
            return Ok(LONGEST_SLEEP);
        }
        let mut turn = self.crew.line.open().await?;
        let kinds: Vec<_> = self.entries.iter().map(|entry| entry.job.name).collect();
        if self.watch().declared_at.elapsed() >= DECLARE.min(self.crew.settings.schedule_grace) {
            self.abandon_dead(&mut turn, &kinds).await?;
            self.declare(&mut turn, self.release).await?;
        }
        turn.begin().await?;
        let mut jobs = Vec::new();
        for due in store::lock_due(&mut turn, &kinds).await? {
            let Some(entry) = self.entries.iter().find(|entry| entry.job.name == due.kind) else { continue };
            // The row may be of a version that knows forms which this one does not.
            let theirs = Cron::parse(&due.cron, &due.tz);
            let cron = theirs.as_ref().unwrap_or(&entry.cron);
            let misfire = Misfire::named(&due.misfire).unwrap_or(entry.schedule.misfire);
            let fires = cron.fires(misfire, due.next_at, due.now);
            store::advance(&mut turn, &due.kind, cron.next_after(due.now), !fires.is_empty()).await?;
            if fires.len() != 1 {
                let made = fires.len();
                tracing::warn!(kind = due.kind, due = %due.next_at, made, "missed fires were made up for, or skipped");
            }
            jobs.extend(fires.into_iter().map(|fire| NewJob { args: args(fire), ..NewJob::of(entry.job) }));
        }
        let fired = !jobs.is_empty();
        if fired {
            store::enqueue(&mut *turn, jobs).await?;
        }
        turn.batch_execute("COMMIT").await?;
        let next = store::next_due_ms(&mut turn, &kinds).await?;
        turn.keep();
        if fired {
            self.crew.services.wake.wake();
        }
        let next = next.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
        Ok(next.unwrap_or(LONGEST_SLEEP).clamp(SHORTEST_SLEEP, LONGEST_SLEEP))
    }

    /// Says what this process declares.
    async fn declare(&self, connection: &mut AsyncPgConnection, release: Release) -> Result<()> {
        let now = store::now(connection).await?;
        let declared: Vec<_> = self
            .entries
            .iter()
            .map(|entry| Declared {
                kind: entry.job.name,
                schedule: entry.schedule,
                next_at: entry.cron.next_after(now),
            })
            .collect();
        store::declare(connection, release, &declared).await?;
        self.watch().declared_at = Instant::now();
        Ok(())
    }

    /// Frees the schedules of newer versions of which no process has been heard for a while.
    async fn abandon_dead(&self, connection: &mut AsyncPgConnection, kinds: &[&'static str]) -> Result<()> {
        let newer = store::of_newer(connection, self.release, kinds).await?;
        let mut dead = Vec::new();
        {
            let watch = &mut self.watch().newer;
            watch.retain(|kind, _| newer.iter().any(|(known, _)| known == kind));
            for (kind, seen_at) in newer {
                match watch.get(&kind) {
                    Some((last, since)) if *last == seen_at => {
                        if since.elapsed() >= self.crew.settings.schedule_grace {
                            dead.push((kind, seen_at));
                        }
                    }
                    _ => drop(watch.insert(kind, (seen_at, Instant::now()))),
                }
            }
        }
        for (kind, seen_at) in dead {
            store::abandon(connection, &kind, seen_at).await?;
            tracing::info!(
                kind,
                "the newer version that declared this schedule is gone; it is as this one declares it"
            );
        }
        Ok(())
    }

    fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What tells this version of the program from others: its jobs, with their options and places in the source.
fn fingerprint<'a>(jobs: impl IntoIterator<Item = &'a &'static Job>) -> Vec<u8> {
    let mut jobs: Vec<_> = jobs.into_iter().collect();
    jobs.sort_by_key(|job| job.name);
    let mut hash = Sha256::new();
    for job in jobs {
        let Job { name, doc, schedule, retries, backoff, timeout, blocking, queue, priority, .. } = job;
        let place = job.location();
        let text = format!(
            "{:?}",
            (name, place, doc, schedule, retries, backoff, timeout, blocking, queue, priority)
        );
        hash.update(text);
    }
    hash.finalize().to_vec()
}

/// The name in a job's arguments under which the time stands that it was fired for.
const FIRE_TIME: &str = "fire_time";

/// The arguments of a job that is fired for a time.
fn args(fire: DateTime<Utc>) -> String {
    format!("{{\"{FIRE_TIME}\": \"{}\"}}", fire.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The time that a job with these arguments was fired for, if it was.
pub(super) fn fire_time(args: &str) -> Option<DateTime<Utc>> {
    let args: HashMap<&str, DateTime<Utc>> = serde_json::from_str(args).ok()?;
    args.get(FIRE_TIME).copied()
}
