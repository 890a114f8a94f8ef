//! Who is dead, told from the signs of life that a process has seen of all others.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use super::store::{Sign, WorkerId};

/// How long a process may give no sign of life before it is declared dead.
const SILENCE: Duration = Duration::from_secs(8);

/// How long nothing may be seen of anybody before all that was seen counts for nothing.
const GAP: Duration = Duration::from_secs(8);

/// How far the clock of the database and ours may move apart between two looks.
const DRIFT: TimeDelta = TimeDelta::seconds(2);

/// What a process has seen so far.
///
/// A process is dead once nobody has seen it move for 8 s, by the clock of whoever looks, which is never set. Who has not
/// looked for that long goes by the database's clock, unless that was set, or the database was away, in the last 8 s: then
/// the living have not been able to give a sign that is as new as it looks.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// When, by our clock and by that of the database.
    last: Option<(Instant, DateTime<Utc>)>,
    interrupted: bool,
    doubted_until: Option<Instant>,
    /// How far the database's clock was put back, and until when transactions which began before may still commit.
    put_back: Option<(TimeDelta, Instant)>,
    /// The last sign of each process, and since when it is the last.
    beats: HashMap<WorkerId, (DateTime<Utc>, Instant)>,
}

impl Looks {
    /// Notes that the database could not be asked.
    pub(super) fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// How far the database's clock was put back, until everything [has followed](Looks::followed) it.
    pub(super) fn put_back(&self) -> Option<TimeDelta> {
        self.put_back.map(|(by, _)| by)
    }

    /// Notes that what the last look saw has followed the clock. Transactions which began before it was put back may still
    /// commit: only once there can be none of these, that was all.
    pub(super) fn followed(&mut self) {
        let last_at = self.last.map(|(at, _)| at);
        self.put_back = self.put_back.filter(|(_, until)| last_at.is_some_and(|at| at < *until));
    }

    /// Notes the signs of all processes, asked for at `at`, when the database's clock showed `now`; returns those of the
    /// dead.
    pub(super) fn dead<'a>(&mut self, at: Instant, now: DateTime<Utc>, signs: &'a [Sign]) -> Vec<&'a Sign> {
        let gap = self.interrupted || self.last.is_some_and(|(last_at, _)| at - last_at > GAP);
        let set_by = self.last.map_or(TimeDelta::zero(), |(last_at, last_now)| {
            now - last_now - TimeDelta::from_std(at - last_at).unwrap_or_default()
        });
        if set_by < -DRIFT {
            // Less than before is no news: one look took longer than the next.
            let before = self.put_back().unwrap_or_default();
            self.put_back = Some((before.max(-set_by), at + SILENCE));
        }
        if gap {
            self.beats.clear();
        }
        if gap || set_by.abs() > DRIFT {
            self.doubted_until = Some(at + SILENCE);
        }
        self.interrupted = false;
        self.last = Some((at, now));
        let doubted = self.doubted_until.is_some_and(|until| at < until);
        let before = std::mem::take(&mut self.beats);
        let mut dead = Vec::new();
        for sign in signs {
            let unmoved = before.get(&sign.id).filter(|(beat_at, _)| *beat_at == sign.beat_at);
            let since = unmoved.map_or(at, |(_, since)| *since);
            self.beats.insert(sign.id, (sign.beat_at, since));
            let late = (now - sign.beat_at).to_std().is_ok_and(|late| late > SILENCE);
            if at - since >= SILENCE || (late && !doubted) {
                dead.push(sign);
            }
        }
        dead
    }
}

#[cfg(test)]
#[path = "looks_tests.rs"]
mod tests;
