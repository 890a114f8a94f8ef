//! The numbers, by name and labels.

use std::{
    array,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, GaugeFn, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};

use crate::parts::Parts;

/// All numbers of the process.
pub(super) static REGISTRY: Registry = Registry(Mutex::new(BTreeMap::new()));

/// Numbers by name. Each name has numbers of one kind, by their labels.
#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<String, Family>>);

#[derive(Default)]
pub(super) struct Family {
    pub(super) about: String,
    /// By labels, as they stand between braces.
    pub(super) series: BTreeMap<String, Series>,
}

#[derive(Clone)]
pub(super) enum Series {
    /// A whole number.
    Counter(Arc<AtomicU64>),
    /// The bits of a float.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Histogram>),
}

impl Series {
    /// The kind, as Prometheus calls it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Counter(_) => "counter",
            Self::Gauge(_) => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }
}

impl Registry {
    pub(super) fn counter(&self, name: &str, about: &str, labels: &[(&str, &str)]) -> Arc<AtomicU64> {
        match self.series(name, about, labels, Series::Counter(Arc::default())) {
            Series::Counter(counter) => counter,
            _ => Arc::default(),
        }
    }

    pub(super) fn gauge(&self, name: &str, about: &str, labels: &[(&str, &str)]) -> Arc<AtomicU64> {
        match self.series(name, about, labels, Series::Gauge(Arc::default())) {
            Series::Gauge(gauge) => gauge,
            _ => Arc::default(),
        }
    }

    pub(super) fn histogram(&self, name: &str, about: &str, labels: &[(&str, &str)]) -> Arc<Histogram> {
        match self.series(name, about, labels, Series::Histogram(Arc::default())) {
            Series::Histogram(histogram) => histogram,
            _ => Arc::default(),
        }
    }

    /// What is there under this name with these labels, else `new`. A name that has numbers of another kind has no
    /// place for `new`, which is then counted for nobody.
    fn series(&self, name: &str, about: &str, labels: &[(&str, &str)], new: Series) -> Series {
        let mut families = self.families();
        let family = families.entry(word(name)).or_default();
        if family.about.is_empty() {
            about.clone_into(&mut family.about);
        }
        if family.series.values().next().is_some_and(|known| known.kind() != new.kind()) {
            return new;
        }
        family.series.entry(braced(labels)).or_insert(new).clone()
    }

    fn of_key(&self, key: &Key, new: Series) -> Series {
        let labels: Vec<_> = key.labels().map(|label| (label.key(), label.value())).collect();
        self.series(key.name(), "", &labels, new)
    }

    fn describe(&self, name: &KeyName, about: SharedString) {
        self.families().entry(word(name.as_str())).or_default().about = about.into_owned();
    }

    pub(super) fn families(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name as Prometheus takes it.
fn word(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let word: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if word.starts_with(|first: char| first.is_ascii_digit()) { format!("_{word}") } else { word }
}

/// `operation="tasks.create",method="POST"`.
fn braced(labels: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{}=\"{}\"", word(name).replace(':', "_"), escaped(value)))
        .collect();
    labels.join(",")
}

/// The upper bounds of the buckets of every histogram, in seconds if it measures time: from what a call takes to what a
/// job may.
pub(super) const BOUNDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// How many values there were in each bucket, and their sum.
#[derive(Default)]
pub(super) struct Histogram(Parts<Counts>);

#[derive(Default)]
struct Counts {
    /// One a bound, and one for what is beyond the last.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    /// The bits of a float.
    sum: AtomicU64,
}

impl Histogram {
    pub(super) fn time(&self, took: Duration) {
        self.record(took.as_secs_f64());
    }

    /// How many values there were in each bucket.
    pub(super) fn buckets(&self) -> [u64; BOUNDS.len() + 1] {
        array::from_fn(|bucket| self.0.iter().map(|counts| counts.buckets[bucket].load(Relaxed)).sum())
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.iter().map(|counts| f64::from_bits(counts.sum.load(Relaxed))).sum()
    }
}

impl HistogramFn for Histogram {
    fn record(&self, value: f64) {
        // A sum would never recover from a value that is no number.
        if value.is_finite() {
            let bucket = BOUNDS.partition_point(|bound| *bound < value);
            let counts = self.0.own();
            counts.buckets[bucket].fetch_add(1, Relaxed);
            counts.sum.increment(value);
        }
    }
}

impl Recorder for Registry {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, about: SharedString) {
        self.describe(&name, about);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, about: SharedString) {
        self.describe(&name, about);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, about: SharedString) {
        self.describe(&name, about);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.of_key(key, Series::Counter(Arc::default())) {
            Series::Counter(counter) => Counter::from_arc(counter),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.of_key(key, Series::Gauge(Arc::default())) {
            Series::Gauge(gauge) => Gauge::from_arc(gauge),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        match self.of_key(key, Series::Histogram(Arc::default())) {
            Series::Histogram(histogram) => metrics::Histogram::from_arc(histogram),
            _ => metrics::Histogram::noop(),
        }
    }
}
