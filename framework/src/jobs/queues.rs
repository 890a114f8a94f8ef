//! The queues this process works on.

use std::{collections::BTreeSet, time::Duration};

use chrono::DateTime;
use tokio::time::Instant;

use super::{
    Job,
    runtime::EngineSettings,
    store::{Claimed, PRIORITIES, Share},
};

/// How far before the latest job claimed a claim begins to look. Jobs that became visible later than that after their
/// `run_at` are found by the next claim that looks at everything.
const SLACK_US: i64 = 100_000;

/// How many jobs of each queue run, how many may, and where claims begin to look in the index.
pub(super) struct Queues {
    queues: Vec<Queue>,
    /// How many jobs may run in all.
    slots: usize,
    running: usize,
    /// The queue that is looked at first: each in its turn, so that none starves another.
    first: usize,
    full_at: Instant,
}

struct Queue {
    name: &'static str,
    slots: usize,
    running: usize,
    low: [i64; PRIORITIES],
}

impl Queues {
    /// The queues of `jobs` for which the settings have slots.
    pub(super) fn new<'a>(
        jobs: impl IntoIterator<Item = &'a &'static Job>,
        settings: &EngineSettings,
    ) -> Self {
        let names: BTreeSet<_> = jobs.into_iter().map(|job| job.queue).collect();
        let queue = |name| {
            let own = settings.queues.iter().find(|(known, _)| known == name).map(|(_, slots)| *slots);
            Queue { name, slots: own.unwrap_or(settings.slots), running: 0, low: [0; PRIORITIES] }
        };
        let queues = names.into_iter().map(queue).filter(|queue| queue.slots > 0).collect();
        Self { queues, slots: settings.slots, running: 0, first: 0, full_at: Instant::now() }
    }

    /// Whether this process works on a queue.
    pub(super) fn has(&self, name: &str) -> bool {
        self.queues.iter().any(|queue| queue.name == name)
    }

    /// How many jobs of which queue run.
    pub(super) fn running(&self) -> Vec<(&'static str, i32)> {
        let busy = self.queues.iter().filter(|queue| queue.running > 0);
        busy.map(|queue| (queue.name, i32::try_from(queue.running).unwrap_or(i32::MAX))).collect()
    }

    /// How many more jobs may run.
    pub(super) fn free(&self) -> usize {
        self.slots.saturating_sub(self.running)
    }

    /// Whether half of the slots are free or more.
    pub(super) fn half_free(&self) -> bool {
        self.free() * 2 >= self.slots
    }

    /// Has another queue come first in the shares.
    pub(super) fn turn(&mut self) {
        self.first = (self.first + 1).checked_rem(self.queues.len()).unwrap_or(0);
    }

    /// What the next claim may take, and from where.
    pub(super) fn shares(&self, looks_at_everything: bool) -> Vec<Share> {
        let (before, after) = self.queues.split_at(self.first);
        let share = |queue: &Queue| Share {
            queue: queue.name,
            slots: i32::try_from(queue.slots.saturating_sub(queue.running)).unwrap_or(i32::MAX),
            low: if looks_at_everything { [0; PRIORITIES] } else { queue.low },
        };
        after.iter().chain(before).map(share).filter(|share| share.slots > 0).collect()
    }

    /// Notes that a job starts; returns its queue, for [`Queues::ended`].
    pub(super) fn started(&mut self, claimed: &Claimed) -> Option<usize> {
        let at = self.queues.iter().position(|queue| queue.name == claimed.queue)?;
        self.queues[at].running += 1;
        self.running += 1;
        Some(at)
    }

    /// Has the next claims begin where this job was found, by a claim that begins where this says: jobs that are claimed
    /// in another way say nothing of how far the others have come.
    pub(super) fn found(&mut self, claimed: &Claimed) {
        let queue = self.queues.iter_mut().find(|queue| queue.name == claimed.queue);
        if let Some(queue) = queue
            && let Some(low) =
                usize::try_from(claimed.priority).ok().and_then(|priority| queue.low.get_mut(priority))
        {
            let epoch = DateTime::from_timestamp(946_684_800, 0).expect("the year 2000 is a time");
            let micros = (claimed.run_at - epoch).num_microseconds().unwrap_or(0);
            *low = (*low).max(micros - SLACK_US);
        }
    }

    /// Notes that a job of the queue does not run any more.
    pub(super) fn ended(&mut self, queue: usize) {
        self.queues[queue].running -= 1;
        self.running -= 1;
    }

    /// Whether the queues are to be looked at from the beginning again.
    pub(super) fn forgot(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    /// Has the next claim look at everything.
    pub(super) fn forget(&mut self) {
        self.full_at = Instant::now();
        for queue in &mut self.queues {
            queue.low = [0; PRIORITIES];
        }
    }

    /// Says when to look at everything again, the dearer it was, the later, and has the next claims begin where
    /// `claimed` was found, even if that is before where they began: the database's clock may have been put back.
    pub(super) fn looked_at_everything(&mut self, sent_at: Instant, claimed: &[Claimed]) {
        let now = Instant::now();
        self.full_at = now + (20 * (now - sent_at)).max(Duration::from_secs(1));
        for job in claimed {
            let queue = self.queues.iter_mut().find(|queue| queue.name == job.queue);
            if let Some((queue, priority)) = queue.zip(usize::try_from(job.priority).ok())
                && let Some(low) = queue.low.get_mut(priority)
            {
                *low = 0;
            }
        }
    }
}
