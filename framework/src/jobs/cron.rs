//! Cron expressions: five fields, in UTC.

use chrono::{DateTime, Utc};
use croner::parser::{CronParser, Seconds, Year};

/// A cron expression: minute, hour, day of the month, month, day of the week.
///
/// If both days are restricted, either suffices, as in Vixie's cron.
#[derive(Debug)]
pub(crate) struct Cron(croner::Cron);

impl Cron {
    /// # Errors
    /// What is wrong with the expression, in words.
    pub(crate) fn parse(expression: &str) -> Result<Self, String> {
        let fields = expression.split_whitespace().count();
        if fields != 5 {
            return Err(format!(
                "`{expression}` has {fields} fields instead of the five: minute, hour, day of the month, month, \
                 day of the week"
            ));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(expression).map(Self).map_err(|error| format!("`{expression}`: {error}"))?;
        cron.next_after(DateTime::UNIX_EPOCH)
            .map(|_| cron)
            .ok_or_else(|| format!("`{expression}` never fires"))
    }

    /// Returns the first time after `time` at which the expression fires; `None` past the year 5000.
    pub(crate) fn next_after(&self, time: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.0.find_next_occurrence(&time, false).ok()
    }
}

#[cfg(test)]
#[path = "cron_tests.rs"]
mod tests;
