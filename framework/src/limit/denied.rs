//! Who was denied a moment ago, and until when: they are denied again without asking Redis.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::key::Hash;

/// How many are remembered; more are asked about again.
const CAPACITY: usize = 65_536;

/// How long at most: another process may give a request back, or a new version a higher quota.
const LONGEST_MS: u64 = 5_000;

/// A bounded memory of denials.
#[derive(Default)]
pub(super) struct Denied(Mutex<Denials>);

#[derive(Default)]
struct Denials {
    until: HashMap<Hash, Denial>,
    swept_ms: u64,
}

#[derive(Clone, Copy)]
struct Denial {
    from_ms: u64,
    until_ms: u64,
}

impl Denied {
    /// How long the subject must still wait; `None` if nothing is known.
    pub(super) fn wait_ms(&self, hash: &Hash, now_ms: u64) -> Option<u64> {
        let mut denials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let denial = *denials.until.get(hash)?;
        if denial.holds(now_ms) {
            return Some(denial.until_ms - now_ms);
        }
        denials.until.remove(hash);
        None
    }

    pub(super) fn remember(&self, hash: Hash, wait_ms: u64, now_ms: u64) {
        let mut denials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if denials.until.len() >= CAPACITY && now_ms.abs_diff(denials.swept_ms) >= 1000 {
            denials.swept_ms = now_ms;
            denials.until.retain(|_, denial| denial.holds(now_ms));
        }
        if denials.until.len() < CAPACITY {
            denials.until.insert(hash, Denial { from_ms: now_ms, until_ms: now_ms + wait_ms });
        }
    }

    pub(super) fn forget(&self, hash: &Hash) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).until.remove(hash);
    }
}

impl Denial {
    /// Also false when the clock was put back: then nothing is known of the time between.
    fn holds(self, now_ms: u64) -> bool {
        (self.from_ms..self.until_ms.min(self.from_ms + LONGEST_MS)).contains(&now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_holds_until_its_end_and_five_seconds_at_most() {
        let (denied, now) = (Denied::default(), 1_764_000_000_000);
        let [short, long] = [[1; 16], [2; 16]];
        denied.remember(short, 300, now);
        denied.remember(long, 60_000, now);
        assert_eq!(denied.wait_ms(&short, now + 299), Some(1));
        assert_eq!(denied.wait_ms(&short, now + 300), None);
        assert_eq!(denied.wait_ms(&long, now + 4_999), Some(55_001));
        assert_eq!(denied.wait_ms(&long, now + 5_000), None);
        denied.remember(long, 60_000, now);
        assert_eq!(denied.wait_ms(&long, now - 1), None, "the clock was put back");
        denied.remember(long, 60_000, now);
        denied.forget(&long);
        assert_eq!(denied.wait_ms(&long, now), None);
    }

    #[test]
    fn a_flood_of_denials_takes_bounded_memory() {
        let (denied, now) = (Denied::default(), 1_764_000_000_000);
        let hash = |number: usize| {
            let mut hash = Hash::default();
            hash[..8].copy_from_slice(&number.to_le_bytes());
            hash
        };
        for number in 0..CAPACITY + 10 {
            denied.remember(hash(number), 60_000, now);
        }
        assert_eq!(denied.0.lock().unwrap().until.len(), CAPACITY);
        denied.remember(hash(CAPACITY + 10), 60_000, now + 6_000);
        assert_eq!(denied.0.lock().unwrap().until.len(), 1, "what holds no more makes room");
    }
}
