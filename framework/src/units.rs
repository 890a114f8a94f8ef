//! Quantities with their units, as settings and options write them.

use std::time::Duration;

/// Reads a duration such as `250ms` or `2h`: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(unit_at);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    let count: u64 = count.parse().ok()?;
    count.checked_mul(unit_ms).map(Duration::from_millis)
}
