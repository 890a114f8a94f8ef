use super::*;
use crate::cli::log::tests::Kept;

fn logged(log: impl FnOnce()) -> String {
    let kept = Kept::default();
    let writer = kept.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .fmt_fields(Fields)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, log);
    kept.text()
}

#[test]
fn words_and_numbers_stand_as_they_are() {
    let text = logged(|| tracing::info!(path = "/api/make", status = 200_u16, "request"));
    assert_eq!(text, " INFO request path=/api/make status=200\n");
}

#[test]
fn no_value_forges_a_line_or_a_field() {
    for (value, written) in [
        ("", r#""""#),
        ("a b=c", r#""a b=c""#),
        ("a\nb", r#""a\nb""#),
        ("a\"b", r#""a\"b""#),
        ("a\\b", r#""a\\b""#),
        ("\u{1b}[2J", r#""\u{1b}[2J""#),
        ("é", r#""é""#),
    ] {
        assert_eq!(logged(|| tracing::info!(value, "said")), format!(" INFO said value={written}\n"));
    }
}

#[test]
fn spans_have_their_fields_too() {
    let text = logged(|| {
        let _job = tracing::info_span!("job", name = "mail", attempt = 2_u64).entered();
        tracing::info!("begun");
    });
    assert_eq!(text, " INFO job{name=\"mail\" attempt=2}: begun\n");
}

#[test]
fn the_second_is_kept_no_longer_than_it_lasts() {
    let seconds = Seconds::default();
    for (microseconds, written) in [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_764_000_000_000_042, "2025-11-24T16:00:00.000042Z"),
        (1_764_000_000_999_999, "2025-11-24T16:00:00.999999Z"),
        (1_764_000_001_000_000, "2025-11-24T16:00:01.000000Z"),
        (1_764_000_000_500_000, "2025-11-24T16:00:00.500000Z"),
    ] {
        let mut text = String::new();
        let now = DateTime::from_timestamp_micros(microseconds).unwrap();
        seconds.write(now, &mut Writer::new(&mut text)).unwrap();
        assert_eq!(text, written);
    }
}
