//! When a process runs jobs alone, with which another vanished.

use std::time::Duration;

use tokio::time::Instant;

use super::worker::BEAT;

/// How long a process waits, at most, for its jobs to end, before it goes on with all again.
const PATIENCE: Duration = Duration::from_secs(30);

/// For how long it does not try again, at most, however often it waited in vain.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// How long it runs jobs alone, at most, before the others have their turn, for as long.
const TURN: Duration = Duration::from_secs(30);

/// Whether a process works on all jobs or makes room for those that must run alone.
#[derive(Debug)]
pub(super) struct Solitude {
    phase: Phase,
    /// When it may make room again.
    not_before: Instant,
    /// How long it does not, if it waits in vain.
    pause: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It works on all jobs.
    Company,
    /// It claims nothing and waits for what runs to end.
    Emptying { since: Instant },
    /// It runs one job after the other.
    Alone { since: Instant, has_run: bool },
}

impl Solitude {
    pub(super) fn new(now: Instant) -> Self {
        Self { phase: Phase::Company, not_before: now, pause: PATIENCE }
    }

    /// Whether the process claims nothing but jobs that must run alone.
    pub(super) fn is_wanted(&self) -> bool {
        self.phase != Phase::Company
    }

    /// Notes whether there are such jobs, for this process.
    pub(super) fn look(&mut self, there_are: bool, now: Instant) {
        match self.phase {
            Phase::Company if there_are && now >= self.not_before => {
                self.phase = Phase::Emptying { since: now }
            }
            Phase::Emptying { .. } if !there_are => self.phase = Phase::Company,
            _ => {}
        }
    }

    /// Whether such a job may be claimed, while so many jobs run. Neither waiting nor being alone lasts too long.
    pub(super) fn begins(&mut self, running: usize, now: Instant) -> bool {
        match self.phase {
            Phase::Emptying { since } if running == 0 => {
                self.pause = PATIENCE;
                self.phase = Phase::Alone { since, has_run: false };
                true
            }
            Phase::Emptying { since } if now >= since + PATIENCE => {
                self.not_before = now + self.pause;
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.phase = Phase::Company;
                false
            }
            Phase::Alone { since, .. } if running == 0 && now >= since + TURN => {
                self.not_before = now + (now - since);
                self.phase = Phase::Company;
                false
            }
            Phase::Alone { .. } => running == 0,
            Phase::Emptying { .. } | Phase::Company => false,
        }
    }

    /// Notes whether a job was claimed; if not, the process works on all jobs again.
    pub(super) fn claimed(&mut self, one: bool, now: Instant) {
        match &mut self.phase {
            Phase::Alone { has_run, .. } if one => *has_run = true,
            phase => {
                // Somebody holds a job that is due. Nothing says for how long.
                if matches!(phase, Phase::Alone { has_run: false, .. }) {
                    self.not_before = now + BEAT;
                }
                *phase = Phase::Company;
            }
        }
    }
}

#[cfg(test)]
#[path = "alone_tests.rs"]
mod tests;
