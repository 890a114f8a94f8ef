use super::*;

fn check(expression: &str, after: &str, expected: &str) {
    let time = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    let next = Cron::parse(expression).unwrap().next_after(time(after));
    assert_eq!(next, Some(time(expected)), "`{expression}` after {after}");
}

#[test]
fn finds_the_next_time() {
    check("* * * * *", "2026-11-22T10:00:00Z", "2026-11-22T10:01:00Z");
    check("* * * * *", "2026-11-22T10:00:59.999Z", "2026-11-22T10:01:00Z");
    check("*/15 * * * *", "2026-11-22T10:46:00Z", "2026-11-22T11:00:00Z");
    check("0 3 * * *", "2026-11-22T02:59:59Z", "2026-11-22T03:00:00Z");
    check("0 3 * * *", "2026-11-22T03:00:00Z", "2026-11-23T03:00:00Z");
    check("30 8 * * MON-FRI", "2026-11-20T09:00:00Z", "2026-11-23T08:30:00Z");
    check("0 0 31 * *", "2026-11-01T00:00:00Z", "2026-12-31T00:00:00Z");
    check("0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z");
    check("0 0 1 1 *", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z");
}

#[test]
fn of_two_restricted_days_either_suffices() {
    check("0 0 13 * FRI", "2026-11-22T00:00:00Z", "2026-11-27T00:00:00Z");
    check("0 0 13 * FRI", "2026-12-12T00:00:00Z", "2026-12-13T00:00:00Z");
}

#[test]
fn refuses_what_is_no_expression() {
    let check = |expression: &str, part: &str| {
        let error = Cron::parse(expression).unwrap_err();
        assert!(error.contains(part), "`{expression}`: {error}");
    };
    check("", "0 fields");
    check("* * * *", "4 fields");
    check("0 * * * * *", "6 fields");
    check("@daily", "1 fields");
    check("60 * * * *", "60 * * * *");
    check("* * * * BLUE", "* * * * BLUE");
    check("a b c d e", "a b c d e");
    check("0 0 30 2 *", "never fires");
}
