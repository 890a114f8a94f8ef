use std::time::Duration;

use super::{duration, size};

#[test]
fn durations() {
    for (text, expected) in [
        ("250ms", Some(Duration::from_millis(250))),
        ("30s", Some(Duration::from_secs(30))),
        ("2h", Some(Duration::from_secs(7200))),
        ("0s", Some(Duration::ZERO)),
        ("30", None),
        ("s", None),
        ("-1s", None),
        ("1.5s", None),
        ("1 s", None),
        ("99999999999999999999d", None),
    ] {
        assert_eq!(duration(text).ok(), expected, "{text}");
    }
}

#[test]
fn sizes() {
    for (text, expected) in [
        ("1B", Some(1)),
        ("8KiB", Some(8192)),
        ("2MiB", Some(2 * 1024 * 1024)),
        ("0B", None),
        ("8", None),
        ("8kb", None),
        ("8KB", None),
        ("4096MiB", None),
    ] {
        assert_eq!(size(text).ok(), expected, "{text}");
    }
}
