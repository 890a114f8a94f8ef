//! The numbers in the text format of Prometheus, version 0.0.4.

use std::{fmt::Write as _, sync::atomic::Ordering::Relaxed};

use super::registry::{BOUNDS, Histogram, Registry, Series};

/// The media type of the text.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All numbers, sorted by name and labels.
pub(super) fn text(registry: &Registry) -> String {
    let mut text = String::new();
    for (name, family) in registry.families().iter() {
        // What was described and never counted has no kind.
        let Some(first) = family.series.values().next() else { continue };
        let kind = first.kind();
        if !family.about.is_empty() {
            let about = family.about.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = writeln!(text, "# HELP {name} {about}");
        }
        let _ = writeln!(text, "# TYPE {name} {kind}");
        for (labels, series) in &family.series {
            match series {
                Series::Counter(counter) => line(&mut text, name, labels, counter.load(Relaxed)),
                Series::Gauge(gauge) => line(&mut text, name, labels, f64::from_bits(gauge.load(Relaxed))),
                Series::Histogram(histogram) => buckets(&mut text, name, labels, histogram),
            }
        }
    }
    text
}

fn line(text: &mut String, name: &str, labels: &str, value: impl ToString) {
    let value = match value.to_string() {
        infinite if infinite == "inf" => "+Inf".to_owned(),
        infinite if infinite == "-inf" => "-Inf".to_owned(),
        value => value,
    };
    let _ = match labels {
        "" => writeln!(text, "{name} {value}"),
        labels => writeln!(text, "{name}{{{labels}}} {value}"),
    };
}

/// A line a bucket, which counts what is below it too; then the sum and the count of all.
fn buckets(text: &mut String, name: &str, labels: &str, histogram: &Histogram) {
    let comma = if labels.is_empty() { "" } else { "," };
    let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
    let mut count = 0;
    for (bound, bucket) in bounds.zip(histogram.buckets()) {
        count += bucket;
        line(text, &format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), count);
    }
    line(text, &format!("{name}_sum"), labels, histogram.sum());
    line(text, &format!("{name}_count"), labels, count);
}
