//! What is counted, for `/metrics`: requests, jobs, transactions, connections. Whatever an application counts by the
//! crate `metrics` stands beside it.
//!
//! Each handle is made once and kept where it is used; counting is then an atomic addition or two.

mod registry;
mod text;

use std::{
    sync::{
        Arc, LazyLock, OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use ::metrics::GaugeFn as _;
use registry::{Histogram, REGISTRY};
pub(crate) use text::MEDIA_TYPE;

use crate::{db::Database, parts::Parts, services::Services};

/// Has the counters of the crate `metrics` counted here, unless the application has them counted elsewhere.
pub(crate) fn install() {
    let _ = ::metrics::set_global_recorder(&REGISTRY);
}

/// Everything that is counted in this process, in the text format of Prometheus.
pub(crate) fn text(services: &Services) -> String {
    let in_flight: i64 = IN_FLIGHT.iter().map(|part| part.load(Relaxed)).sum();
    let about = "Requests that are being answered.";
    REGISTRY.gauge("catena_requests_in_flight", about, &[]).set(float(in_flight));
    let Database { web, jobs, .. } = &services.database;
    for (pool, status) in [("web", web.status()), ("jobs", jobs.status())] {
        for (state, connections) in [("in_use", status.in_use), ("idle", status.idle)] {
            let labels = [("pool", pool), ("state", state)];
            let gauge = REGISTRY.gauge("catena_pool_connections", "Connections to PostgreSQL.", &labels);
            gauge.set(float(connections));
        }
        let about = "Requests or jobs that wait for a connection to PostgreSQL.";
        REGISTRY.gauge("catena_pool_waiting", about, &[("pool", pool)]).set(float(status.waiting));
    }
    text::text(&REGISTRY)
}

fn float(count: impl TryInto<u32>) -> f64 {
    count.try_into().map_or(f64::INFINITY, f64::from)
}

/// Requests of one operation.
pub(crate) struct Requests {
    operation: String,
    method: String,
    /// By what became of them; made when there is the first.
    durations: [OnceLock<Arc<Histogram>>; ENDS.len()],
}

/// What becomes of requests: a class of statuses, or no answer since the client went away.
const ENDS: [&str; 5] = ["gone", "2xx", "3xx", "4xx", "5xx"];

impl Requests {
    pub(crate) fn new(operation: impl Into<String>, method: impl Into<String>) -> Self {
        Self { operation: operation.into(), method: method.into(), durations: Default::default() }
    }

    /// Counts a request from `began` on, as one whose client went away until it is [answered](Running::answered).
    pub(crate) fn begin(&self, began: Instant) -> Running<'_> {
        IN_FLIGHT.own().fetch_add(1, Relaxed);
        Running { requests: self, began, end: 0 }
    }

    fn duration(&self, end: usize) -> &Histogram {
        self.durations[end].get_or_init(|| {
            let labels = [("operation", &*self.operation), ("method", &*self.method), ("status", ENDS[end])];
            REGISTRY.histogram("catena_request_duration_seconds", "How long requests took.", &labels)
        })
    }
}

/// The requests that are being answered: the sum. One that ends on another thread than it began on leaves a part too
/// large and another too small.
static IN_FLIGHT: LazyLock<Parts<AtomicI64>> = LazyLock::new(Parts::default);

/// A request that is being answered; it is counted when this is dropped.
pub(crate) struct Running<'a> {
    requests: &'a Requests,
    began: Instant,
    end: usize,
}

impl Running<'_> {
    /// Says how it is answered.
    pub(crate) fn answered(&mut self, status: u16) {
        self.end = match status {
            400..500 => 3,
            500.. => 4,
            300.. => 2,
            _ => 1,
        };
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        IN_FLIGHT.own().fetch_sub(1, Relaxed);
        self.requests.duration(self.end).time(self.began.elapsed());
    }
}

/// Attempts at one kind of job.
#[derive(Default)]
pub(crate) struct Attempts([OnceLock<Arc<Histogram>>; AttemptEnd::NAMES.len()]);

/// What becomes of an attempt at a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptEnd {
    Completed,
    /// It failed, and there will be another.
    Failed,
    Discarded,
    /// It wants to run later.
    Snoozed,
    Cancelled,
    /// It was stopped half way, or the job was no longer this process's.
    Interrupted,
}

impl AttemptEnd {
    const NAMES: [&str; 6] = ["completed", "failed", "discarded", "snoozed", "cancelled", "interrupted"];
}

impl Attempts {
    /// Counts an attempt at the job `name`.
    pub(crate) fn count(&self, name: &str, end: AttemptEnd, took: Duration) {
        let duration = self.0[end as usize].get_or_init(|| {
            let labels = [("job", name), ("outcome", AttemptEnd::NAMES[end as usize])];
            REGISTRY.histogram("catena_job_duration_seconds", "How long attempts at jobs took.", &labels)
        });
        duration.time(took);
    }
}

/// What becomes of a transaction of a request or a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionEnd {
    Committed,
    /// It was to be committed, and could not be.
    Refused,
    RolledBack,
}

/// Counts a transaction that has ended.
pub(crate) fn count_transaction(end: TransactionEnd) {
    static ENDED: LazyLock<[Arc<AtomicU64>; 3]> = LazyLock::new(|| {
        ["committed", "refused", "rolled_back"].map(|outcome| {
            let about = "Transactions of requests and jobs.";
            REGISTRY.counter("catena_transactions_total", about, &[("outcome", outcome)])
        })
    });
    ENDED[end as usize].fetch_add(1, Relaxed);
}

/// Counts that a procedure went past row-level security.
pub(crate) fn count_elevated(procedure: &str) {
    let about = "How often procedures went past row-level security.";
    REGISTRY.counter("catena_elevated_total", about, &[("operation", procedure)]).fetch_add(1, Relaxed);
}

/// Who decided whether a request was admitted.
#[cfg(feature = "limits")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decider {
    /// Redis, for all processes.
    Redis,
    /// This process, which remembers a denial of a moment ago.
    Cache,
    /// This process alone, since Redis is away or nobody else counts.
    Process,
}

/// Counts a decision of the limits.
#[cfg(feature = "limits")]
pub(crate) fn count_decision(by: Decider, is_admitted: bool) {
    static DECISIONS: LazyLock<[[Arc<AtomicU64>; 2]; 3]> = LazyLock::new(|| {
        ["redis", "cache", "process"].map(|by| {
            ["denied", "admitted"].map(|outcome| {
                let about = "Requests that limits were asked about, and who decided.";
                REGISTRY.counter("catena_limit_decisions_total", about, &[("by", by), ("outcome", outcome)])
            })
        })
    });
    DECISIONS[by as usize][usize::from(is_admitted)].fetch_add(1, Relaxed);
}

/// Counts that the Redis of the limits was lost, or is back.
#[cfg(feature = "limits")]
pub(crate) fn count_redis(is_back: bool) {
    static CHANGES: LazyLock<[Arc<AtomicU64>; 2]> = LazyLock::new(|| {
        ["lost", "back"].map(|change| {
            let about = "How often the Redis of the limits stopped to answer, and answered again.";
            REGISTRY.counter("catena_limit_redis_changes_total", about, &[("change", change)])
        })
    });
    CHANGES[usize::from(is_back)].fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests;
