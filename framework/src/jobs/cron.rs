//! Cron expressions: five fields, in a time zone.
//!
//! Where clocks are put forward, some times of day do not come (the *gap*); where they are put back, some come twice
//! (the *overlap*). What an expression does there depends on its hours:
//!
//! - Hours that are written out, as in `30 2 * * *` or `0 9-17 * * *`, are times of the day: each comes once a day. One
//!   in the gap comes as soon as the gap is over, and several in it come together, as one; one in the overlap comes the
//!   first time.
//! - With `*` or a step in the hours, as in `*/15 * * * *` or `0 */6 * * *`, an expression fires whenever the clock of
//!   the zone shows such a time: what it shows twice comes twice, what it never shows does not come. Every hour is thus
//!   every hour of real time, where clocks are moved by whole hours.

use std::{collections::VecDeque, str::FromStr as _};

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};

use super::job::Misfire;

/// How many fires `misfire = "all"` makes up for at most: the last ones.
const MOST_MADE_UP: usize = 100;

/// How late a fire is not yet missed, for `misfire = "skip"`.
const NOT_LATE: TimeDelta = TimeDelta::seconds(60);

/// A cron expression: minute, hour, day of the month, month, day of the week.
///
/// If both days are restricted, either suffices, as in Vixie's cron.
#[derive(Clone, Debug)]
pub(crate) struct Cron {
    fields: croner::Cron,
    zone: Tz,
    /// Whether the hours are times of the day, and not a rhythm.
    names_hours: bool,
}

impl Cron {
    /// # Errors
    /// What is wrong with the expression or the name of the zone, in words.
    pub(crate) fn parse(expression: &str, zone: &str) -> Result<Self, String> {
        let zone = Tz::from_str(zone).map_err(|_| format!("there is no time zone `{zone}`"))?;
        let fields: Vec<_> = expression.split_whitespace().collect();
        let [_, hours, ..] = fields[..] else { return Err(wrong_number(expression, fields.len())) };
        if fields.len() != 5 {
            return Err(wrong_number(expression, fields.len()));
        }
        let names_hours = !hours.contains(['*', '/', '?']);
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let fields = parser.parse(expression).map_err(|error| format!("`{expression}`: {error}"))?;
        let cron = Self { fields, zone, names_hours };
        cron.next_after(DateTime::UNIX_EPOCH)
            .map(|_| cron)
            .ok_or_else(|| format!("`{expression}` never fires"))
    }

    /// Returns the first time after `time` at which the expression fires; `None` past the year 5000.
    pub(crate) fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let time = time.with_timezone(&self.zone);
        let next = if self.names_hours { self.next_of_the_day(time) } else { self.next_shown(time) };
        next.map(|next| next.to_utc())
    }

    /// The time in the zone.
    pub(crate) fn local(&self, time: DateTime<Utc>) -> DateTime<Tz> {
        time.with_timezone(&self.zone)
    }

    /// Returns the fires to be made at `now`, when one was due at `due` and none has been made since: in order, and
    /// possibly none.
    pub(crate) fn fires(
        &self,
        misfire: Misfire,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> VecDeque<DateTime<Utc>> {
        let most = if misfire == Misfire::All { MOST_MADE_UP } else { 1 };
        let mut fires = self.last_fires(most, due, now);
        if misfire == Misfire::Skip {
            fires.retain(|fire| now - *fire <= NOT_LATE);
        }
        fires
    }

    /// The last of the times from `due`, which is one, to `now`. It looks further back until there are enough, so that
    /// a year of minutes need not be gone through.
    fn last_fires(&self, most: usize, due: DateTime<Utc>, now: DateTime<Utc>) -> VecDeque<DateTime<Utc>> {
        const DAYS_BACK: [i64; 4] = [1, 7, 366, 366 * 100];
        let mut fires = VecDeque::new();
        for days in DAYS_BACK {
            let since = now - TimeDelta::days(days);
            fires.clear();
            let mut next = if since <= due { Some(due) } else { self.next_after(since) };
            while let Some(fire) = next.filter(|fire| *fire <= now) {
                if fires.len() == most {
                    fires.pop_front();
                }
                fires.push_back(fire);
                next = self.next_after(fire);
            }
            if fires.len() == most || since <= due {
                break;
            }
        }
        fires
    }

    /// The first time after `time` for hours that are times of the day.
    fn next_of_the_day(&self, time: DateTime<Tz>) -> Option<DateTime<Tz>> {
        let mut local = time.naive_local();
        loop {
            local = self.next_local(local)?;
            let comes = match self.zone.from_local_datetime(&local) {
                MappedLocalTime::Single(comes) | MappedLocalTime::Ambiguous(comes, _) => comes,
                MappedLocalTime::None => self.after_gap(local),
            };
            if comes > time {
                return Some(comes);
            }
        }
    }

    /// The first time after `time` at which the clock shows a time of the expression.
    fn next_shown(&self, time: DateTime<Tz>) -> Option<DateTime<Tz>> {
        let shown = time.naive_local();
        let again = match self.zone.from_local_datetime(&shown) {
            MappedLocalTime::Ambiguous(first, second) if time < second => {
                self.shown_again(shown, second - first)
            }
            _ => None,
        };
        let mut local = shown;
        let next = loop {
            local = self.next_local(local)?;
            match self.zone.from_local_datetime(&local) {
                MappedLocalTime::Single(next) => break next,
                MappedLocalTime::Ambiguous(first, second) => break if first > time { first } else { second },
                MappedLocalTime::None => {}
            }
        };
        Some(again.map_or(next, |again| again.min(next)))
    }

    /// Within an overlap of `length` whose first pass has come to `shown`: the first time of the expression, up to
    /// that, which the second pass shows.
    fn shown_again(&self, shown: NaiveDateTime, length: TimeDelta) -> Option<DateTime<Tz>> {
        let mut local = shown - length;
        loop {
            local = self.next_local(local).filter(|local| *local <= shown)?;
            if let MappedLocalTime::Ambiguous(_, second) = self.zone.from_local_datetime(&local) {
                return Some(second);
            }
        }
    }

    /// The first time of the expression that clocks show after `local`, as if they were never moved.
    fn next_local(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        self.fields.find_next_occurrence(&local, false).ok()
    }

    /// The moment at which the gap is over that has `local` in it.
    fn after_gap(&self, local: NaiveDateTime) -> DateTime<Tz> {
        // No zone is further than 15 hours from UTC, and no gap is longer than the day that Samoa left out.
        let (mut before, mut after) = (local - TimeDelta::hours(16), local + TimeDelta::hours(40));
        while after - before > TimeDelta::seconds(1) {
            let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
            if self.zone.from_utc_datetime(&middle).naive_local() < local {
                before = middle;
            } else {
                after = middle;
            }
        }
        self.zone.from_utc_datetime(&after)
    }
}

fn wrong_number(expression: &str, fields: usize) -> String {
    format!(
        "`{expression}` has {fields} fields instead of the five: minute, hour, day of the month, month, day of the week"
    )
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
