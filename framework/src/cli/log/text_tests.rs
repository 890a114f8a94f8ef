use super::*;
use crate::cli::log::tests::Kept;

/// What is logged, without the time.
fn logged(log: impl FnOnce()) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .event_format(Lines::new())
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, log);
    kept.text()[Stamp::LENGTH..].to_owned()
}

#[test]
fn a_request_has_the_line_that_anything_else_has() {
    let line = "  INFO request path=/api/make status=200 ms=0\n";
    let by_hand = logged(|| {
        tracing::info!(target: REQUEST_TARGET, message = "request", path = "/api/make", status = 200_u16, ms = 0_u64);
    });
    assert_eq!(by_hand, line);
    let by_others = logged(|| tracing::info!(path = %"/api/make", status = 200_u16, ms = 0_u64, "request"));
    assert_eq!(by_others, line);
}

#[test]
fn no_path_forges_a_line_or_a_field() {
    for (path, written) in [
        ("", r#""""#),
        ("a b=c", r#""a b=c""#),
        ("a\nb", r#""a\nb""#),
        ("a\"b", r#""a\"b""#),
        ("a\\b", r#""a\\b""#),
        ("\u{1b}[2J", r#""\u{1b}[2J""#),
        ("é", r#""é""#),
    ] {
        let line = logged(|| tracing::info!(target: REQUEST_TARGET, message = "request", path));
        assert_eq!(line, format!("  INFO request path={written}\n"));
    }
}

#[test]
fn the_second_is_kept_no_longer_than_it_lasts() {
    let mut stamp = Stamp::NONE;
    for (microseconds, written) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_764_000_000_000_042, "2025-11-24T16:00:00.000042Z"),
        (1_764_000_000_999_999, "2025-11-24T16:00:00.999999Z"),
        (1_764_000_001_000_000, "2025-11-24T16:00:01.000000Z"),
        (1_764_000_000_500_000, "2025-11-24T16:00:00.500000Z"),
    ] {
        assert_eq!(stamp.at(Duration::from_micros(microseconds)), written);
    }
}
