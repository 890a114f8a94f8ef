//! The same limits in the memory of this process: for as long as Redis is away, and for tests.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use super::{
    key::Hash,
    quota::Quota,
    tier::{Bucket, Taken},
    window::{self, Window},
};

/// How many subjects are remembered. Whoever has more addresses than this can have the oldest forgotten.
const CAPACITY: usize = 65_536;

/// Every subject's window, and the time from which it is empty.
#[derive(Default)]
pub(super) struct Memory(Mutex<Subjects>);

#[derive(Default)]
struct Subjects {
    windows: HashMap<Hash, (Window, u64)>,
    /// When the empty ones were last removed.
    swept_ms: u64,
}

impl Memory {
    /// Takes one request from every bucket, or from none.
    pub(super) fn take(&self, buckets: &[Bucket], quota: impl Fn(&Bucket) -> Quota, now_ms: u64) -> Taken {
        let mut subjects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut windows: Vec<_> = buckets
            .iter()
            .map(|bucket| subjects.windows.remove(&bucket.hash).map(|(window, _)| window).unwrap_or_default())
            .collect();
        let mut limits: Vec<_> = buckets.iter().map(&quota).zip(&mut windows).collect();
        let (is_admitted, standings) = window::take(&mut limits, now_ms);
        for (bucket, window) in buckets.iter().zip(windows) {
            let empty_ms = window.empty_ms(quota(bucket));
            if empty_ms > now_ms {
                subjects.make_room(now_ms);
                subjects.windows.insert(bucket.hash, (window, empty_ms));
            }
        }
        Taken { is_admitted, standings }
    }

    pub(super) fn refund(&self, hash: &Hash, slot_ms: u64) {
        let mut subjects = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((window, _)) = subjects.windows.get_mut(hash) {
            window.refund(slot_ms);
        }
    }
}

impl Subjects {
    fn make_room(&mut self, now_ms: u64) {
        if self.windows.len() < CAPACITY {
            return;
        }
        // Once a second at most: looking at all of them takes a while.
        if now_ms.abs_diff(self.swept_ms) >= 1000 {
            self.swept_ms = now_ms;
            self.windows.retain(|_, (_, empty_ms)| *empty_ms > now_ms);
        }
        while self.windows.len() >= CAPACITY
            && let Some(any) = self.windows.keys().next().copied()
        {
            self.windows.remove(&any);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::policy::Policy, *};

    #[test]
    fn a_flood_of_subjects_takes_bounded_memory() {
        let policy: &'static Policy =
            Box::leak(Box::new(Policy::new("public", Quota::new(1, 60_000), false)));
        let memory = Memory::default();
        let bucket = |number: u64| {
            let mut hash = Hash::default();
            hash[..8].copy_from_slice(&number.to_le_bytes());
            [Bucket { policy, hash }]
        };
        let take =
            |number, now_ms| memory.take(&bucket(number), |bucket| bucket.policy.quota, now_ms).is_admitted;
        let now_ms = 1_764_000_000_000;
        for number in 0..CAPACITY as u64 + 1000 {
            assert!(take(number, now_ms));
        }
        assert_eq!(memory.0.lock().unwrap().windows.len(), CAPACITY);
        assert!(!take(CAPACITY as u64 + 999, now_ms), "who came last is remembered");
        assert!(take(0, now_ms + 70_000), "and after a window everybody is welcome");
        assert!(take(CAPACITY as u64 + 1001, now_ms + 70_000));
        assert!(memory.0.lock().unwrap().windows.len() < 10, "the empty ones are gone");
    }
}
