//! The states of a job: as they are stored, and as users see them.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// The state of a job as users see it.
///
/// The first, second and fourth are stored alike and differ by `run_at` and the attempts made, so nothing has to
/// move a job from one to the other when its time comes.
///
/// Stored is a number: 0 waiting, 1 executing, 2 completed, 3 cancelled (both in the history), 4 discarded, 5 waiting
/// after a process vanished with the job, 6 waiting because as many jobs run with its concurrency key as may, 7 waiting
/// until all jobs of a batch have ended. 5 and 6 are seen as if they were 0, 7 as scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Waits for its time.
    Scheduled,
    /// Its time has come; it waits for a free slot.
    Available,
    /// A process works on it.
    Executing,
    /// Failed, and waits for its next attempt.
    Retryable,
    /// Done.
    Completed,
    /// Stopped by somebody before it was done.
    Cancelled,
    /// Given up: attempts are used up, or another would not help.
    Discarded,
}

impl State {
    /// Every state, in the order in which a job may pass them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Scheduled,
        Self::Available,
        Self::Executing,
        Self::Retryable,
        Self::Completed,
        Self::Cancelled,
        Self::Discarded,
    ];

    /// The name on the command line and in the API.
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Available => "available",
            Self::Executing => "executing",
            Self::Retryable => "retryable",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is not one of a state's.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no state of a job; there are scheduled, available, executing, retryable, completed, cancelled and discarded"
)]
pub(crate) struct UnknownState(String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or_else(|| UnknownState(name.to_owned()))
    }
}
