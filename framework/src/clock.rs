//! The time, as contexts tell it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};

/// The system's time, moved by what a test let pass.
#[derive(Clone, Default)]
pub(crate) struct Clock {
    /// In microseconds.
    passed: Arc<AtomicI64>,
}

impl Clock {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::microseconds(self.passed.load(Ordering::Relaxed))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn advance(&self, time: std::time::Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.passed.fetch_add(micros, Ordering::Relaxed);
    }
}
