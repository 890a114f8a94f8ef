use std::time::Duration;

use super::{Quota, duration, quota, size};

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

#[test]
fn quotas() {
    // The same as those of `catena::limit::quota`, which reads settings.
    for (text, count, window_ms) in [
        ("100/1m", 100, 60_000),
        ("5/15m", 5, 900_000),
        ("1/1s", 1, 1_000),
        ("20/2h", 20, 7_200_000),
        ("1000000000/31d", 1_000_000_000, 2_678_400_000),
    ] {
        assert_eq!(quota(text), Ok(Quota { count, window_ms }), "{text}");
    }
    for text in [
        "",
        "/",
        "100",
        "100/",
        "/1m",
        "100/m",
        "0/1m",
        "1/0s",
        "-1/1m",
        "+1/1m",
        "1/+1m",
        "1.5/1m",
        "100 / 1m",
        "100/1 m",
        "100/1M",
        "100/500ms",
        "1/32d",
        "2000000000/1m",
        "1/99999999999999999999d",
        "100/1m/1",
        "hundred/1m",
        "100/1µ",
    ] {
        assert!(quota(text).is_err(), "{text}");
    }
}
