use regex::Regex;
use serde_json::json;

use super::*;
use crate::model::{parse_body, write_body};

/// What is published, as a check.
fn is_published(format: &str, text: &str) -> bool {
    let Published { pattern, max_length, .. } = published(format).expect("one of these");
    text.len() <= max_length && Regex::new(pattern).expect("a pattern").is_match(text)
}

fn check<T: Schema>(format: &str, text: &str, passes: bool) {
    let body = json!(text).to_string();
    let read = parse_body::<T>(body.as_bytes());
    assert_eq!(read.is_ok(), passes, "{text:?}: {:?}", read.err());
    assert_eq!(is_published(format, text), passes, "{text:?} as it is published");
    if let Ok(value) = read {
        assert_eq!(write_body(&value).unwrap(), body.as_bytes(), "{text:?} is written as it was read");
    }
}

#[test]
fn decimals_are_read_as_published() {
    let (nines, zeros) = ("9".repeat(28), "0".repeat(27));
    let (long, small) = (format!("9.{}", &nines[1..]), format!("0.{}1", &zeros[1..]));
    for text in [
        "0",
        "1",
        "-1",
        "0.5",
        "12.50",
        "19.90",
        "100",
        "0.000",
        "-0.01",
        &nines,
        &long,
        &small,
        &format!("-{nines}"),
    ] {
        check::<Decimal>(DECIMAL, text, true);
    }
    for text in [
        "",
        "-",
        ".",
        ".5",
        "5.",
        "+1",
        "01",
        "-01",
        "00",
        "1e3",
        "1E3",
        "1_000",
        "1,5",
        " 1",
        "1 ",
        "1.2.3",
        "--1",
        "NaN",
        "Infinity",
        "١",
        "0x1",
        "1\n",
        "-.5",
        "1.-5",
        &format!("{nines}9"),
        &format!("{nines}.0"),
        &format!("0.{zeros}1"),
        &format!("-{long}"),
        "79228162514264337593543950336",
    ] {
        check::<Decimal>(DECIMAL, text, false);
    }
    assert_eq!(parse_body::<Decimal>(br#""-0""#).unwrap(), Decimal::ZERO);
    assert!(is_published(DECIMAL, "-0"));
    assert!(parse_body::<Decimal>(b"1.5").is_err(), "a number is rounded on its way");
}

#[test]
fn a_decimal_that_cannot_be_read_again_is_not_written() {
    let third = Decimal::from(10) / Decimal::from(3);
    let error = write_body(&third).unwrap_err();
    assert!(error.chain().contains("round_dp"), "{}", error.chain());
    assert_eq!(write_body(&third.round_dp(2)).unwrap(), br#""3.33""#);
    assert!(write_body(&Decimal::MAX).is_err());
}

#[test]
fn big_integers_are_read_as_published() {
    for value in [
        0,
        1,
        -1,
        9,
        10,
        (1 << 53) + 1,
        999_999_999_999_999_999,
        1_000_000_000_000_000_000,
        i64::MIN,
        i64::MAX,
    ] {
        check::<BigInt>(INTEGER, &value.to_string(), true);
    }
    // Every digit of the greatest, one more and one less.
    let most = i64::MAX.to_string();
    for at in 0..most.len() {
        for digit in '0'..='9' {
            let mut text = most.clone();
            text.replace_range(at..=at, &digit.to_string());
            let fits = !text.starts_with('0') && text.parse::<i64>().is_ok();
            check::<BigInt>(INTEGER, &text, fits);
            check::<BigInt>(INTEGER, &format!("-{text}"), fits || text == "9223372036854775808");
        }
    }
    for text in [
        "",
        "-",
        "-0",
        "+1",
        "01",
        "-01",
        "1.0",
        "1e3",
        " 1",
        "1 ",
        "1_0",
        "0x1",
        "١",
        "-9223372036854775809",
        "99999999999999999999",
    ] {
        check::<BigInt>(INTEGER, text, false);
    }
    assert!(parse_body::<BigInt>(b"1").is_err());
}

#[test]
fn the_messages_say_what_is_expected() {
    for (error, message) in [
        (
            parse_body::<Decimal>(br#""1e3""#).unwrap_err(),
            r#"must be a decimal number in quotes of at most 29 characters, such as "19.90""#,
        ),
        (
            parse_body::<BigInt>(br#""01""#).unwrap_err(),
            r#"must be an integer of 64 bits in quotes, such as "9007199254740993", without needless zeros"#,
        ),
    ] {
        let [failure] = error.failures() else { panic!("{error:?}") };
        assert_eq!((&*failure.code, failure.message.as_str()), ("format", message));
    }
}
