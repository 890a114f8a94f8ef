//! A quota: so many requests in any window of so long.

use std::{fmt, str::FromStr};

/// So many requests in any window of so long: `100/1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many, at least one.
    pub count: u32,
    /// How long the window is, at least a second.
    pub window_ms: u64,
}

/// The quotas of the tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quotas {
    /// Of an address.
    pub(crate) public: Quota,
    /// Of an address, for what deals with credentials.
    pub(crate) auth: Quota,
    /// Of an account that credentials are about, from strangers and from each browser that it signed in with.
    pub(crate) account: Quota,
    /// Of a signed-in user.
    pub(crate) protected: Quota,
}

/// The units of a window, the longest first, in milliseconds.
const UNITS: [(char, u64); 4] = [('d', 86_400_000), ('h', 3_600_000), ('m', 60_000), ('s', 1_000)];

/// The longest window: 31 days.
const LONGEST_MS: u64 = 31 * UNITS[0].1;

/// The highest count.
const HIGHEST: u32 = 1_000_000_000;

impl Quota {
    /// A quota that was checked before: `#[procedure]` and the defaults make it.
    #[must_use]
    pub const fn new(count: u32, window_ms: u64) -> Self {
        Self { count, window_ms }
    }

    /// The quota of a process that counts alone what others would count too: half, and at least one.
    pub(crate) fn halved(self) -> Self {
        Self { count: (self.count / 2).max(1), ..self }
    }

    /// The window in whole seconds.
    pub(crate) fn window_seconds(self) -> u64 {
        self.window_ms.div_ceil(1000)
    }
}

impl FromStr for Quota {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            "write a count and a window of `s`, `m`, `h` or `d`, from 1 s to 31 d, as in `100/1m` or `5/15m`";
        let (count, window) = text.split_once('/').ok_or(wrong)?;
        let unit = UNITS.iter().find(|(unit, _)| window.ends_with(*unit)).ok_or(wrong)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok());
        let count = digits(count).flatten().filter(|count| (1..=u64::from(HIGHEST)).contains(count));
        let number: Option<u64> = digits(&window[..window.len() - 1]).flatten();
        let window_ms = number.and_then(|number| number.checked_mul(unit.1));
        match (count.and_then(|count: u64| u32::try_from(count).ok()), window_ms) {
            (Some(count), Some(window_ms @ 1..=LONGEST_MS)) => Ok(Self { count, window_ms }),
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |&&(_, ms): &&(char, u64)| self.window_ms.is_multiple_of(ms);
        let (unit, ms) = UNITS.iter().find(fits).unwrap_or(&UNITS[3]);
        write!(f, "{}/{}{unit}", self.count, self.window_ms / ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_a_count_and_a_window() {
        for (text, count, window_ms) in [
            ("100/1m", 100, 60_000),
            ("5/15m", 5, 900_000),
            ("1/1s", 1, 1_000),
            ("20/2h", 20, 7_200_000),
            ("1000000000/31d", 1_000_000_000, 2_678_400_000),
        ] {
            assert_eq!(text.parse(), Ok(Quota::new(count, window_ms)), "{text}");
            assert_eq!(Quota::new(count, window_ms).to_string(), text);
        }
        assert_eq!("60/60s".parse::<Quota>().map(|quota| quota.to_string()), Ok("60/1m".to_owned()));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "/",
            "100",
            "100/",
            "/1m",
            "100/m",
            "0/1m",
            "1/0s",
            "-1/1m",
            "+1/1m",
            "1/+1m",
            "1.5/1m",
            "100 / 1m",
            "100/1 m",
            "100/1M",
            "100/500ms",
            "1/32d",
            "2000000000/1m",
            "1/99999999999999999999d",
            "100/1m/1",
            "hundred/1m",
            "100/1µ",
        ] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
