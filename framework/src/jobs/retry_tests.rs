use super::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_delay_doubles_up_to_its_cap() {
    let check = |attempt, seconds| {
        assert_eq!(delay(Backoff::DEFAULT, attempt, 0.0), Duration::from_secs(seconds), "attempt {attempt}");
    };
    check(1, 1);
    check(2, 2);
    check(3, 4);
    check(12, 2048);
    check(13, 3600);
    check(33, 3600);
    check(u16::MAX, 3600);
}

#[test]
fn a_fixed_delay_stays() {
    assert_eq!(delay(Backoff::Fixed(HOUR), 1, 0.0), HOUR);
    assert_eq!(delay(Backoff::Fixed(HOUR), 500, 0.0), HOUR);
}

#[test]
fn jitter_adds_up_to_a_tenth() {
    let check = |jitter, millis| {
        assert_eq!(
            delay(Backoff::Fixed(SECOND), 1, jitter),
            Duration::from_millis(millis),
            "jitter {jitter}"
        );
    };
    check(0.0, 1000);
    check(0.5, 1050);
    check(1.0, 1100);
    check(7.0, 1100);
}

#[test]
fn the_longest_delay_does_not_overflow() {
    assert_eq!(delay(Backoff::Fixed(Duration::MAX), 1, 0.0), Duration::MAX);
}

#[test]
fn a_failed_job_is_tried_again_while_attempts_are_left() {
    let check = |verdict, attempt, max_attempts, expected| {
        assert_eq!(next(verdict, Backoff::Fixed(SECOND), attempt, max_attempts, 0.0), expected);
    };
    check(Verdict::Backoff, 1, 6, Next::Retry(SECOND));
    check(Verdict::Backoff, 5, 6, Next::Retry(SECOND));
    check(Verdict::Backoff, 6, 6, Next::Discard);
    check(Verdict::Backoff, 1, 1, Next::Discard);
    check(Verdict::RetryIn(HOUR), 1, 6, Next::Retry(HOUR));
    check(Verdict::RetryIn(HOUR), 6, 6, Next::Discard);
    check(Verdict::Discard, 1, 6, Next::Discard);
}

#[test]
fn a_snooze_and_a_cancellation_do_not_depend_on_the_attempts_left() {
    for attempt in [1, 6] {
        let next = |verdict| next(verdict, Backoff::DEFAULT, attempt, 6, 0.5);
        assert_eq!(next(Verdict::Snooze(HOUR)), Next::Snooze(HOUR));
        assert_eq!(next(Verdict::Cancel), Next::Cancel);
        assert_eq!(next(Verdict::Discard), Next::Discard);
    }
}
