use super::*;

fn length(min: usize, max: Option<usize>) -> Check {
    len::<String>(min, max)
}

fn whole(min: i64, max: i64) -> Check {
    range::<i64>(Some(Bound::Integer(min)), Some(Bound::Integer(max)))
}

fn fractional(min: f64, max: f64) -> Check {
    range::<f64>(Some(Bound::Number(min)), Some(Bound::Number(max)))
}

#[test]
fn length_counts_characters_not_bytes() {
    for (text, min, max, passes) in [
        ("", 1, None, false),
        ("", 0, Some(0), true),
        ("abc", 1, Some(3), true),
        ("abcd", 1, Some(3), false),
        ("äöü", 3, Some(3), true),
        ("äöü", 4, None, false),
        ("🦀🦀", 1, Some(2), true),
        ("🦀🦀", 1, Some(1), false),
        ("🦀🦀", 3, Some(8), false),
        ("🦀", 1, Some(4), true),
        ("äb", 2, Some(2), true),
    ] {
        assert_eq!(length(min, max).admits_text(text), passes, "{text:?} in {min}..={max:?}");
    }
}

#[test]
fn integers_are_compared_exactly() {
    let most = (1_i64 << 53) - 1;
    assert!(whole(1, 5).admits_integer(5));
    assert!(!whole(1, 5).admits_integer(6));
    assert!(whole(-1, most).admits_integer(most));
    assert!(!whole(-1, most - 1).admits_integer(most));
    // As floats both would be 2^62.
    assert!(!whole(0, 1 << 62).admits_integer((1 << 62) + 1));
    #[expect(clippy::cast_precision_loss, reason = "2^62 is a float")]
    let bound = (1_i64 << 62) as f64;
    assert!(!fractional(0.0, bound).admits_integer((1 << 62) + 1));
    assert!(fractional(0.0, bound).admits_integer(1 << 62));
    assert!(fractional(0.5, 1.5).admits_integer(1));
    assert!(!fractional(0.5, 1.5).admits_integer(0));
    assert!(!fractional(0.5, 1.5).admits_integer(2));
    assert!(fractional(-1.5, -0.5).admits_integer(-1));
    assert!(!fractional(-1.5, -0.5).admits_integer(-2));
    assert!(!fractional(-1.5, -0.5).admits_integer(0));
}

#[test]
fn items_are_compared_as_they_are_written() {
    let at = |index, first| vec![Repeated { index, first }];
    assert_eq!(vec![1, 2, 1, 1].repeated(), [at(2, 0), at(3, 0)].concat());
    assert_eq!(vec![0.0, 0.5, -0.0].repeated(), at(2, 0));
    assert_eq!(vec![None, Some(1), None].repeated(), at(2, 0));
    assert_eq!(vec![f64::NAN, f64::NAN].repeated(), []);
    assert_eq!(Vec::<String>::repeated_in(r#"["a","b"]"#), []);
    let maps = r#"[{"a":1,"b":2},{"b":2,"a":1},{"a":1}]"#;
    assert_eq!(Vec::<HashMap<String, i32>>::repeated_in(maps), at(1, 0));
    let times = r#"["2026-01-31T12:00:00Z","2026-01-31T13:00:00+01:00"]"#;
    assert_eq!(Vec::<chrono::DateTime<chrono::Utc>>::repeated_in(times), at(1, 0));
}

#[test]
fn multiples_are_exact_whatever_the_sign() {
    let fives = multiple_of::<i64>(5);
    for (value, passes) in [(0, true), (-5, true), (7, false), (i64::MIN, false), (i64::MAX, false)] {
        assert_eq!(fives.admits_integer(value), passes, "{value}");
    }
    assert!(multiple_of::<i64>(1 << 52).admits_integer(-(1 << 52)));
}

#[test]
fn numbers_are_compared_with_both_kinds_of_bounds() {
    assert!(whole(1, 5).admits_number(5.0));
    assert!(!whole(1, 5).admits_number(5.000_000_1));
    assert!(!whole(1, 5).admits_number(0.999));
    assert!(!whole(1, 5).admits_number(1e300));
    assert!(!whole(1, 5).admits_number(-1e300));
    assert!(fractional(0.0, 0.1).admits_number(0.1));
    assert!(fractional(0.0, 0.1).admits_number(-0.0));
    assert!(!fractional(0.0, 0.1).admits_number(0.11));
}

#[test]
fn single_precision_rounds_the_bound_as_it_rounds_the_value() {
    assert!(fractional(0.0, 0.1).admits_single(0.1));
    assert!(!fractional(0.0, 0.1).admits_single(0.100_001));
    assert!(!whole(1, 5).admits_single(5.5));
}
