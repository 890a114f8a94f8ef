//! Lines for people. That of an answered request is written by hand, because through `fmt` it costs as much as reading the
//! request.

use std::{
    cell::RefCell,
    fmt::{self, Debug},
    str,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chrono::DateTime;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Writer},
        time::FormatTime,
    },
    registry::LookupSpan,
};

use crate::http::REQUEST_TARGET;

/// Writes events in lines: as `tracing_subscriber` does, those of answered requests by hand.
pub(super) struct Lines(Format<Full, Seconds>);

impl Lines {
    pub(super) fn new() -> Self {
        Self(Format::default().with_target(false).with_timer(Seconds))
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != REQUEST_TARGET || writer.has_ansi_escapes() {
            return self.0.format_event(context, writer, event);
        }
        Seconds.format_time(&mut writer)?;
        writer.write_str("  INFO")?;
        let mut fields = Fields { writer, result: Ok(()) };
        event.record(&mut fields);
        fields.result.and_then(|()| fields.writer.write_char('\n'))
    }
}

/// Writes the time as `2026-11-24T00:46:20.644268Z`.
struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        // All but the fraction is kept for the rest of the second.
        thread_local!(static KEPT: RefCell<Stamp> = const { RefCell::new(Stamp::NONE) });

        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        KEPT.with_borrow_mut(|kept| writer.write_str(kept.at(now)))
    }
}

/// A time that was written, and its second.
struct Stamp {
    second: Option<u64>,
    text: [u8; Self::LENGTH],
}

impl Stamp {
    const NONE: Self = Self { second: None, text: [0; Self::LENGTH] };
    const LENGTH: usize = "2026-11-24T00:46:20.644268Z".len();
    const FRACTION: usize = "2026-11-24T00:46:20.".len();

    /// The time that is this long after 1970 began.
    fn at(&mut self, now: Duration) -> &str {
        if self.second != Some(now.as_secs()) {
            let time = DateTime::from_timestamp(now.as_secs() as i64, 0).unwrap_or_default();
            let text = time.format("%Y-%m-%dT%H:%M:%S.000000Z").to_string();
            // The year has four digits for a while.
            if let Some(text) = text.as_bytes().first_chunk() {
                (self.second, self.text) = (Some(now.as_secs()), *text);
            }
        }
        let mut rest = now.subsec_micros();
        for digit in self.text[Self::FRACTION..Self::LENGTH - 1].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        str::from_utf8(&self.text).unwrap_or_default()
    }
}

/// Writes fields as ` name=value`, a message without its name. A text without blanks, quotes and backslashes stands
/// without quotes; whatever may need escaping is left to `fmt`.
struct Fields<'writer> {
    writer: Writer<'writer>,
    result: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        let writer = &mut self.writer;
        self.result = self.result.and_then(|()| {
            writer.write_char(' ')?;
            if field.name() != "message" {
                writer.write_str(field.name())?;
                writer.write_char('=')?;
            }
            value(writer)
        });
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, mut value: u64) {
        let mut digits = [0; 20];
        let mut begin = digits.len();
        while value > 0 || begin == digits.len() {
            begin -= 1;
            digits[begin] = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.write(field, |writer| writer.write_str(str::from_utf8(&digits[begin..]).unwrap_or_default()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let is_word = !value.is_empty()
            && value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        if is_word {
            self.write(field, |writer| writer.write_str(value));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(field, |writer| write!(writer, "{value:?}"));
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
