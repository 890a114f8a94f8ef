use ::metrics::{Counter, HistogramFn as _, Key, Level, Metadata, Recorder as _};

use super::{registry::Registry, text::text};

#[test]
fn numbers_are_written_as_prometheus_reads_them() {
    let registry = Registry::default();
    registry.counter("mails_total", "Mails\nsent.", &[("to", "a\"b\\c")]).fetch_add(3, super::Relaxed);
    registry.gauge("beds", "", &[]).store(1.5_f64.to_bits(), super::Relaxed);
    assert_eq!(
        text(&registry),
        "# TYPE beds gauge\nbeds 1.5\n\
         # HELP mails_total Mails\\nsent.\n# TYPE mails_total counter\nmails_total{to=\"a\\\"b\\\\c\"} 3\n"
    );
}

#[test]
fn a_bucket_counts_what_is_below_it_and_at_its_bound() {
    let registry = Registry::default();
    let waits = registry.histogram("wait_seconds", "", &[("at", "gate")]);
    for wait in [0.5, 0.25, 0.3, 1000.0, f64::NAN] {
        waits.record(wait);
    }
    let text = text(&registry);
    for line in [
        "wait_seconds_bucket{at=\"gate\",le=\"0.1\"} 0",
        "wait_seconds_bucket{at=\"gate\",le=\"0.25\"} 1",
        "wait_seconds_bucket{at=\"gate\",le=\"0.5\"} 3",
        "wait_seconds_bucket{at=\"gate\",le=\"300\"} 3",
        "wait_seconds_bucket{at=\"gate\",le=\"+Inf\"} 4",
        "wait_seconds_sum{at=\"gate\"} 1001.05",
        "wait_seconds_count{at=\"gate\"} 4",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
    }
}

#[test]
fn a_name_has_numbers_of_one_kind() {
    let registry = Registry::default();
    registry.gauge("beds", "", &[]);
    registry.counter("beds", "", &[("ward", "2")]).fetch_add(1, super::Relaxed);
    assert_eq!(text(&registry), "# TYPE beds gauge\nbeds 0\n");
}

#[test]
fn an_application_counts_beside_the_framework() {
    let registry = Registry::default();
    let metadata = Metadata::new("app", Level::INFO, None);
    let key = Key::from_parts("mails.sent", vec![::metrics::Label::new("kind", "reset")]);
    let count = || -> Counter { registry.register_counter(&key, &metadata) };
    registry.describe_counter("mails.sent".into(), None, "Mails.".into());
    count().increment(2);
    count().increment(1);
    assert_eq!(
        text(&registry),
        "# HELP mails_sent Mails.\n# TYPE mails_sent counter\nmails_sent{kind=\"reset\"} 3\n"
    );
}
