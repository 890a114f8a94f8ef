//! Quantities with their units, as options write them.

use std::time::Duration;

use syn::LitStr;

use crate::errors::Errors;

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

/// Reads a duration from `1ms` to `longest`; reports what is wrong with one that cannot be read, and `message` of any other.
pub(crate) fn duration_up_to(
    longest: Duration,
    message: &str,
    typed: &LitStr,
    errors: &mut Errors,
) -> Option<Duration> {
    let read = duration(&typed.value()).and_then(|time| {
        let fits = (Duration::from_millis(1)..=longest).contains(&time);
        fits.then_some(time).ok_or_else(|| message.to_owned())
    });
    read.map_err(|message| errors.push(typed, message)).ok()
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

/// So many requests in any window of so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) count: u32,
    pub(crate) window_ms: u64,
}

/// The longest window: 31 days.
const LONGEST_MS: u64 = 31 * 24 * 60 * 60 * 1000;

/// The highest count.
const HIGHEST: u32 = 1_000_000_000;

/// Reads a quota such as `20/1m`: what `catena::limit::Quota` reads from settings.
///
/// # Errors
/// With what is wrong and what to write.
pub(crate) fn quota(text: &str) -> Result<Quota, String> {
    let wrong = || {
        format!(
            "`{text}` is no limit: write a count and a window of `s`, `m`, `h` or `d`, from 1 s to 31 d, as in `20/1m`"
        )
    };
    let (count, window) =
        text.split_once('/').filter(|(_, window)| !window.ends_with("ms")).ok_or_else(wrong)?;
    let digits = count.bytes().all(|byte| byte.is_ascii_digit());
    let count = count.parse().ok().filter(|count| digits && (1..=HIGHEST).contains(count));
    let window_ms = duration(window).ok().and_then(|window| u64::try_from(window.as_millis()).ok());
    match (count, window_ms) {
        (Some(count), Some(window_ms @ 1..=LONGEST_MS)) => Ok(Quota { count, window_ms }),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
