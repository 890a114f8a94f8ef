//! Whether it is worth asking.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// So many failures within [`FAILING`] are too many.
const FAILURES: usize = 3;
const FAILING: Duration = Duration::from_secs(1);

/// Opens after some failures in a short time; while it is open nobody asks.
#[derive(Default)]
pub(super) struct Breaker {
    is_open: AtomicBool,
    failures: Mutex<Option<(Instant, usize)>>,
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Counts so many failures; whether they are too many by now.
    pub(super) fn has_had_enough(&self, more: usize) -> bool {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, before) =
            failures.filter(|(since, _)| since.elapsed() < FAILING).unwrap_or((Instant::now(), 0));
        *failures = Some((since, before + more));
        before + more >= FAILURES
    }

    /// Returns whether it was closed.
    pub(super) fn open(&self) -> bool {
        !self.is_open.swap(true, Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.is_open.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_failures_within_a_second_are_too_many() {
        let breaker = Breaker::default();
        assert!(!breaker.has_had_enough(1) && !breaker.has_had_enough(1));
        advance(FAILING).await;
        assert!(!breaker.has_had_enough(2), "those before are long ago");
        assert!(breaker.has_had_enough(1));
        assert!(breaker.open() && !breaker.open() && breaker.is_open());
        breaker.close();
        assert!(!breaker.is_open() && !breaker.has_had_enough(2), "and forgotten");
        assert!(breaker.has_had_enough(64), "requests that were sent together count each");
    }
}
