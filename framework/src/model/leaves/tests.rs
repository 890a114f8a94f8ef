use super::*;
use crate::model::{parse_body, write_body};

/// Reads a text and writes it again.
fn rewritten<T: Schema>(text: &str) -> String {
    let value: T = parse_body(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    String::from_utf8(write_body(&value).unwrap()).unwrap()
}

fn refused<T: Schema>(text: &str) {
    assert!(parse_body::<T>(text.as_bytes()).is_err(), "{text} is accepted");
}

#[test]
fn integers_keep_to_their_bounds() {
    for text in ["0", "9007199254740991", "-9007199254740991"] {
        assert_eq!(rewritten::<i64>(text), text);
    }
    for text in
        ["9007199254740992", "-9007199254740992", "18446744073709551615", "1e400", "99999999999999999999"]
    {
        refused::<i64>(text);
    }
    assert_eq!(rewritten::<i32>("-2147483648"), "-2147483648");
    refused::<i32>("2147483648");
    assert_eq!(rewritten::<i16>("32767"), "32767");
    refused::<i16>("32768");
    assert_eq!(rewritten::<u16>("65535"), "65535");
    refused::<u16>("65536");
    refused::<u16>("-1");
    assert_eq!(rewritten::<u32>("4294967295"), "4294967295");
    refused::<u32>("4294967296");
}

#[test]
fn nothing_is_converted() {
    for text in ["1.0", "1e0", r#""1""#, "true", "null", "[1]", "{}"] {
        refused::<i32>(text);
    }
    for text in ["1", "true", "null", r#"["a"]"#, r#""\ud800""#] {
        refused::<String>(text);
    }
    for text in [r#""\u0000""#, r#""a\u0000b""#] {
        refused::<String>(text);
    }
    assert!(write_body(&"\0".to_owned()).is_err(), "nor written");
    for text in ["0", r#""true""#, "null"] {
        refused::<bool>(text);
    }
    for text in [r#""1""#, "null", "true"] {
        refused::<f64>(text);
    }
}

#[test]
fn numbers_are_finite_and_may_be_whole() {
    assert_eq!(rewritten::<f64>("1"), "1.0");
    assert_eq!(rewritten::<f64>("-0.25"), "-0.25");
    // Numbers that a faster, less exact reader gets wrong in the last digit.
    for text in ["51.248178375505404", "-93.31137037688033", "1.7976931348623157e308", "0.30000000000000004"]
    {
        assert_eq!(rewritten::<f64>(text), text.replace("e308", "e+308"));
    }
    assert_eq!(rewritten::<f32>("0.1"), "0.1");
    refused::<f64>("1e400");
    refused::<f32>("1e39");
    // The greatest one, as it is written and published, and what would only be rounded to it.
    assert_eq!(rewritten::<f32>("-3.4028235e38"), "-3.4028235e+38");
    assert_eq!(rewritten::<f32>(&f32::MAX.to_string()), "3.4028235e+38");
    refused::<f32>("3.4028235001e38");
}

#[test]
fn what_the_schema_cannot_say_is_not_written() {
    let message = |error: crate::Error| error.chain();
    assert!(message(write_body(&9_007_199_254_740_992_i64).unwrap_err()).contains("9007199254740992"));
    assert!(message(write_body(&f64::NAN).unwrap_err()).contains("NaN"));
    assert!(write_body(&f32::INFINITY).is_err());
    assert!(write_body(&DateTime::<Utc>::MAX_UTC).is_err());
    assert!(write_body(&NaiveDate::MIN).is_err());
}

#[test]
fn uuids_have_hyphens_in_either_case() {
    let written = r#""0198c0de-0000-7000-8000-00000000abcd""#;
    assert_eq!(rewritten::<Uuid>(written), written);
    assert_eq!(rewritten::<Uuid>(&written.to_uppercase()), written);
    for text in [
        r#""0198c0de00007000800000000000abcd""#,
        r#""{0198c0de-0000-7000-8000-00000000abcd}""#,
        r#""urn:uuid:0198c0de-0000-7000-8000-00000000abcd""#,
        r#""0198c0de-0000-7000-8000-00000000abcg""#,
        r#""0198c0de0-000-7000-8000-00000000abcd""#,
        r#""""#,
    ] {
        refused::<Uuid>(text);
    }
}

#[test]
fn times_are_those_of_rfc_3339() {
    for (text, written) in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00+01:30", "2026-01-31T10:30:00Z"),
        ("2026-01-31T12:00:00.5-00:00", "2026-01-31T12:00:00.500Z"),
        ("2026-01-31t12:00:00.123456789z", "2026-01-31T12:00:00.123456789Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
        ("2017-01-01T00:59:60.5+01:00", "2016-12-31T23:59:60.500Z"),
        ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    ] {
        assert_eq!(rewritten::<DateTime<Utc>>(&format!("\"{text}\"")), format!("\"{written}\""));
    }
    for text in [
        "2026-01-31 12:00:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00+0000",
        "2026-01-31T12:00:00 +00:00",
        "2026-01-31T12:00:00\u{2212}01:00",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00.Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2016-12-31T12:00:60Z",
        "2016-12-31T23:59:60+01:00",
        "2026-1-31T12:00:00Z",
        "+2026-01-31T12:00:00Z",
        "0000-01-01T00:00:00+01:00",
        "2026-01-31",
        "",
    ] {
        refused::<DateTime<Utc>>(&format!("\"{text}\""));
    }
}

#[test]
fn dates_have_all_their_digits() {
    for text in [r#""2026-01-31""#, r#""0001-01-01""#, r#""9999-12-31""#, r#""2024-02-29""#] {
        assert_eq!(rewritten::<NaiveDate>(text), text);
    }
    for text in [
        "2026-1-31",
        "2026-02-30",
        "20260131",
        "+026-01-31",
        "2026-01-3 ",
        "2026-01-31T00:00:00Z",
        "2026/01/31",
        "२०२६",
        "",
    ] {
        refused::<NaiveDate>(&format!("\"{text}\""));
    }
}

#[test]
fn only_items_written_as_options_may_be_null() {
    assert_eq!(rewritten::<Vec<i32>>("[ ]"), "[]");
    assert_eq!(rewritten::<Vec<Option<i32>>>("[1, null, 3]"), "[1,null,3]");
    assert_eq!(rewritten::<Vec<Vec<Option<bool>>>>("[[null],[true]]"), "[[null],[true]]");
    assert_eq!(rewritten::<Vec<Box<Option<bool>>>>("[null]"), "[null]");
    refused::<Vec<i32>>("[1,null]");
    refused::<Vec<Vec<Option<bool>>>>("[null]");
    refused::<Option<i32>>("null");
    assert_eq!(rewritten::<Option<i32>>("3"), "3");
}

#[test]
fn checks_reach_through_options_and_boxes() {
    let check = crate::model::len::<Option<Box<String>>>(1, Some(2));
    assert!(None::<Box<String>>.passes(&check));
    assert!(Some(Box::new("ab".to_owned())).passes(&check));
    assert!(!Some(Box::new("abc".to_owned())).passes(&check));
}
