//! The parts of a line for people that every request has: written by hand, because through `fmt` they cost as much
//! as reading the request.

use std::{
    fmt::{self, Debug},
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use tracing::field::{Field, Visit};
use tracing_subscriber::{
    field::{RecordFields, VisitFmt, VisitOutput},
    fmt::{
        FormatFields,
        format::{DefaultVisitor, Writer},
        time::FormatTime,
    },
};

/// Writes the time as `2026-11-24T00:46:20.644268Z`. All but the fraction is kept for the rest of the second.
#[derive(Default)]
pub(super) struct Seconds(Mutex<(i64, String)>);

impl FormatTime for Seconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        self.write(Utc::now(), writer)
    }
}

impl Seconds {
    fn write(&self, now: DateTime<Utc>, writer: &mut Writer<'_>) -> fmt::Result {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (second, text) = &mut *kept;
        if *second != now.timestamp() || text.is_empty() {
            *second = now.timestamp();
            *text = now.format("%Y-%m-%dT%H:%M:%S").to_string();
        }
        writer.write_str(text)?;
        drop(kept);
        write!(writer, ".{:06}Z", now.timestamp_subsec_micros())
    }
}

/// Writes fields as ` name=value`. A text without blanks, quotes and backslashes stands without quotes; whatever may
/// need escaping is left to `tracing_subscriber`, as are colours.
pub(super) struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let plain = !writer.has_ansi_escapes();
        let mut line = Line { rest: DefaultVisitor::new(writer, true), plain, begun: false, result: Ok(()) };
        fields.record(&mut line);
        line.result.and(line.rest.finish())
    }
}

struct Line<'writer> {
    rest: DefaultVisitor<'writer>,
    plain: bool,
    /// Whether a field was left to `rest`, which has no blank before its first.
    begun: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) {
        let writer = self.rest.writer();
        let write = || {
            writer.write_char(' ')?;
            writer.write_str(field.name())?;
            writer.write_char('=')?;
            value(writer)
        };
        self.result = self.result.and_then(|()| write());
    }
}

impl Visit for Line<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if self.plain && self.begun {
            self.write(field, |writer| write!(writer, "{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_word = !value.is_empty()
            && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        if self.plain && self.begun && is_word {
            self.write(field, |writer| writer.write_str(value));
        } else {
            self.begun = true;
            self.rest.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.begun = true;
        self.rest.record_error(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.begun = true;
        self.rest.record_debug(field, value);
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
