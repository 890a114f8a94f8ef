//! What follows a failed attempt.

use std::time::Duration;

use super::Backoff;
use crate::error::Verdict;

/// What a failed job does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It is tried again after this time.
    Retry(Duration),
    /// It is given up.
    Discard,
    /// It waits for this time as if it had not been tried.
    Snooze(Duration),
    /// It ends, cancelled.
    Cancel,
}

/// Returns what a job does after its `attempt`-th attempt of at most `max_attempts` failed with `verdict`.
///
/// `jitter` is as in [`delay`]; a delay that the handler asked for is kept as it is.
pub(super) fn next(verdict: Verdict, backoff: Backoff, attempt: u16, max_attempts: u16, jitter: f64) -> Next {
    match verdict {
        Verdict::Discard => Next::Discard,
        Verdict::Snooze(delay) => Next::Snooze(delay),
        Verdict::Cancel => Next::Cancel,
        _ if attempt >= max_attempts => Next::Discard,
        Verdict::RetryIn(delay) => Next::Retry(delay),
        Verdict::Backoff => Next::Retry(delay(backoff, attempt, jitter)),
    }
}

/// Returns the delay before a job that failed for the `attempt`-th time is tried again.
///
/// `attempt` counts from 1. An exponential delay doubles from its base up to its cap; `jitter`, from 0.0 to 1.0,
/// adds up to a tenth, so that jobs that failed together do not come back together.
fn delay(backoff: Backoff, attempt: u16, jitter: f64) -> Duration {
    let plain = match backoff {
        Backoff::Fixed(delay) => delay,
        Backoff::Exponential { base, cap } => {
            let doublings = u32::from(attempt.saturating_sub(1));
            2_u32.checked_pow(doublings).and_then(|factor| base.checked_mul(factor)).unwrap_or(cap).min(cap)
        }
    };
    plain.saturating_add(plain.mul_f64(jitter.clamp(0.0, 1.0) / 10.0))
}

#[cfg(test)]
#[path = "retry_tests.rs"]
mod tests;
