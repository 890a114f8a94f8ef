//! `jobs schedule`.

use std::{fmt::Write as _, iter};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use clap::Args;
use diesel_async::AsyncPgConnection;
use serde::Serialize;

use super::{cut, json};
use crate::{
    app::BootError,
    jobs::{
        Cron,
        store::{self, ScheduleRow},
    },
};

#[derive(Args)]
pub(super) struct Schedule {
    /// How many of the next fires to list for each job
    #[arg(long, short = 'n', default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=100))]
    next: u8,
    /// As JSON: an array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    kind: String,
    cron: String,
    tz: String,
    misfire: String,
    /// Whether a process declares it: it fires only then.
    lives: bool,
    fired_at: Option<DateTime<Utc>>,
    /// With the offset of the time zone.
    next: Vec<String>,
}

/// The schedules as text, or as JSON.
pub(super) async fn listed(
    connection: &mut AsyncPgConnection,
    options: &Schedule,
) -> Result<String, BootError> {
    let rows = store::schedules(connection).await?;
    if options.json {
        let listed = rows.into_iter().map(|row| {
            let next = next(&row, options.next)
                .map(|fire| fire.to_rfc3339_opts(SecondsFormat::Secs, true))
                .collect();
            let ScheduleRow { kind, cron, tz, misfire, lives, fired_at, .. } = row;
            Listed { kind, cron, tz, misfire, lives, fired_at, next }
        });
        return json(&listed.collect::<Vec<_>>());
    }
    Ok(text(&rows, options.next))
}

/// A line a job, at most 80 columns wide, and one a fire.
fn text(rows: &[ScheduleRow], count: u8) -> String {
    if rows.is_empty() {
        return "no job has a cron expression\n".to_owned();
    }
    let mut text = String::new();
    for row in rows {
        let ScheduleRow { kind, cron, tz, misfire, lives, fired_at, .. } = row;
        let head = format!("{kind}: {cron} ({tz}), missed fires: {misfire}");
        let _ = writeln!(text, "{}", cut(&head, 80));
        if !lives {
            text.push_str("  does not fire: no process has declared it within the last minute\n");
        }
        if let Some(fired_at) = fired_at {
            let _ = writeln!(text, "  last   {}", fired_at.format("%a %Y-%m-%d %H:%M:%S UTC"));
        }
        let mut label = "next";
        for fire in next(row, count) {
            let _ = writeln!(text, "  {label:<5}  {}", fire.format("%a %Y-%m-%d %H:%M:%S %:z"));
            label = "";
        }
        if row.next_at.is_none() {
            text.push_str("  never fires again\n");
        }
    }
    text
}

/// The next fires, in the time zone of the schedule; none of an expression that only a newer version can read.
fn next(row: &ScheduleRow, count: u8) -> impl Iterator<Item = DateTime<Tz>> {
    let cron = Cron::parse(&row.cron, &row.tz).ok();
    let first = cron.as_ref().and(row.next_at);
    let fires = iter::successors(first, {
        let cron = cron.clone();
        move |fire| cron.as_ref()?.next_after(*fire)
    });
    fires.filter_map(move |fire| Some(cron.as_ref()?.local(fire))).take(usize::from(count))
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
