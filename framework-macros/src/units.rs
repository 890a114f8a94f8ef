//! Quantities with their units, as options write them.

use std::time::Duration;

/// Reads a duration such as `250ms` or `2h`.
///
/// # Errors
/// With what is wrong and what to write.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(unit_at);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => 0,
    };
    let ms = count.parse().ok().and_then(|count: u64| count.checked_mul(unit_ms));
    ms.filter(|_| unit_ms > 0).map(Duration::from_millis).ok_or_else(|| {
        format!("`{text}` is no duration: write a whole number and `ms`, `s`, `m`, `h` or `d`, as in `30s`")
    })
}

/// Reads a number of bytes such as `8KiB`.
///
/// # Errors
/// With what is wrong and what to write.
pub(crate) fn size(text: &str) -> Result<u32, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(unit_at);
    let unit_bytes: u32 = match unit {
        "B" => 1,
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => 0,
    };
    let bytes = count.parse().ok().and_then(|count: u32| count.checked_mul(unit_bytes));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| {
        format!("`{text}` is no size: write a whole number and `B`, `KiB` or `MiB`, as in `8KiB`")
    })
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
