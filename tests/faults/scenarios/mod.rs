//! What fails, one function a scenario.

mod blocked;
mod clock;
mod database;
mod horizon;
mod kills;
mod poison;
mod shutdown;
mod silence;
mod stops;
mod versions;

use std::time::Duration;

use crate::{load::Shape, scene::long_or};

/// With how many workers a scenario runs: with each of these in its long form, with two in its short one.
fn processes(counts: &[usize]) -> &[usize] {
    long_or(counts, &[2])
}

/// A bit of everything, at a pace that leaves one worker the time to catch up.
fn mixed() -> Shape {
    Shape {
        sorts: vec![
            "plain", "kept", "stepped", "flaky", "keyed", "plain", "kept", "sleeping", "later", "single",
            "batched",
        ],
        nap: Duration::from_millis(20),
        batch: 16,
        rest: Duration::from_millis(150),
    }
}
