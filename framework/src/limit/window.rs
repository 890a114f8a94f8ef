//! The rule of every limit: at most so many requests in any window, whenever it starts. It is pure; `take.lua` is its
//! twin, which a test compares with it.
//!
//! A window is cut into 60 slots. What was admitted is counted in slots, of which the end is kept; a slot counts until
//! a whole window has passed since its end, so one that the window covers in part counts whole. Therefore no window
//! ever sees more than the quota: whatever was admitted in it was still counted when its last request was. And since a
//! slot is a sixtieth, steady demand gets at least 60 of 61 parts of the quota.
//!
//! Slots keep their ends and not their numbers, so a quota may change its window: what was counted before counts on.

use super::quota::Quota;

/// How many slots a window has. One more can count at a time: the one that the window leaves.
const SLOTS: u64 = 60;

/// What was admitted lately, by one limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// Oldest first, each with an end of its own.
    slots: Vec<Slot>,
}

/// How many were admitted before `end_ms`, and not before the slot began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    end_ms: u64,
    count: u32,
}

/// How a limit stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// How many more it admits now.
    pub(crate) remaining: u32,
    /// How long until it lets one more in, if it is what stood in the way; else 0.
    pub(crate) retry_ms: u64,
    /// How long until it has more than now; 0 when nothing is counted.
    pub(crate) more_ms: u64,
    /// The end of the slot that was charged; 0 if none was.
    pub(crate) slot_ms: u64,
}

/// Takes one request from every limit, or from none if one of them has no more; whether it was admitted, and how the
/// limits stand. `now_ms` may be less than before: a clock that was put back makes nobody wait longer than a window.
pub(crate) fn take(limits: &mut [(Quota, &mut Window)], now_ms: u64) -> (bool, Vec<Standing>) {
    let views: Vec<_> = limits.iter().map(|(quota, window)| window.view(*quota, now_ms)).collect();
    let admitted = views.iter().all(|view| view.retry_ms == 0);
    let standings = limits.iter_mut().zip(views).map(|((quota, window), mut view)| {
        if admitted {
            view.charge();
        }
        let standing = Standing {
            remaining: quota.count.saturating_sub(view.total),
            retry_ms: view.retry_ms,
            more_ms: view.slots.first().map_or(0, |oldest| oldest.end_ms + quota.window_ms - now_ms),
            slot_ms: if admitted { view.last_ms } else { 0 },
        };
        // A denial changes nothing, but for slots that lay in the future: they would stay there.
        if admitted || view.is_mended {
            window.slots = view.slots;
        }
        standing
    });
    (admitted, standings.collect())
}

/// A window as it counts now.
struct View {
    slots: Vec<Slot>,
    total: u32,
    is_mended: bool,
    /// The end of the slot in which now is.
    last_ms: u64,
    retry_ms: u64,
}

impl Window {
    fn view(&self, quota: Quota, now_ms: u64) -> View {
        let width = quota.window_ms.div_ceil(SLOTS);
        let last_ms = (now_ms / width + 1) * width;
        let is_live = |slot: &&Slot| slot.end_ms + quota.window_ms > now_ms;
        let mut slots: Vec<Slot> = self.slots.iter().filter(is_live).copied().collect();
        // Later than now can be: the clock was put back, or the window was longer. It was not later than this slot.
        let is_mended = slots.iter().any(|slot| slot.end_ms > last_ms);
        slots.iter_mut().for_each(|slot| slot.end_ms = slot.end_ms.min(last_ms));
        slots.dedup_by(|later, earlier| {
            let same = later.end_ms == earlier.end_ms;
            if same {
                earlier.count += later.count;
            }
            same
        });
        let total = slots.iter().map(|slot| slot.count).sum();
        let (mut rest, mut retry_ms, mut oldest) = (total, 0, slots.iter());
        while rest >= quota.count
            && let Some(slot) = oldest.next()
        {
            rest -= slot.count;
            retry_ms = slot.end_ms + quota.window_ms - now_ms;
        }
        View { slots, total, is_mended, last_ms, retry_ms }
    }

    /// Gives one request back to the slot that it was taken from, if the slot still counts.
    pub(crate) fn refund(&mut self, slot_ms: u64) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.end_ms == slot_ms && slot.count > 0) {
            slot.count -= 1;
        }
    }

    /// The time from which nothing in it counts any more.
    pub(crate) fn empty_ms(&self, quota: Quota) -> u64 {
        self.slots.last().map_or(0, |newest| newest.end_ms + quota.window_ms)
    }
}

impl View {
    fn charge(&mut self) {
        self.total += 1;
        match self.slots.last_mut() {
            Some(slot) if slot.end_ms == self.last_ms => slot.count += 1,
            _ => self.slots.push(Slot { end_ms: self.last_ms, count: 1 }),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
