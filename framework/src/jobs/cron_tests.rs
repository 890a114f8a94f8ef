use chrono::Offset as _;

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn check(expression: &str, after: &str, expected: &str) {
    let next = Cron::parse(expression, "UTC").unwrap().next_after(utc(after));
    assert_eq!(next, Some(utc(expected)), "`{expression}` after {after}");
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
        let error = Cron::parse(expression, "UTC").unwrap_err();
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
    let error = Cron::parse("* * * * *", "Europe/Atlantis").unwrap_err();
    assert_eq!(error, "there is no time zone `Europe/Atlantis`");
}

/// Checks the fires after `after`, all in the zone and as its clocks show them.
fn fires(zone: &str, expression: &str, after: &str, expected: &[&str]) {
    let cron = Cron::parse(expression, zone).unwrap();
    let mut time = utc(after);
    let mut found = Vec::new();
    for _ in expected {
        time = cron.next_after(time).unwrap();
        found.push(cron.local(time).format("%d %H:%M %:z").to_string());
    }
    assert_eq!(found, expected, "`{expression}` in {zone}");
}

// Berlin: from 02:00 to 03:00 on 29 March 2026, from 03:00 back to 02:00 on 25 October.
const BERLIN: (&str, &str, &str) = ("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z");
// New York: from 02:00 to 03:00 on 8 March, from 02:00 back to 01:00 on 1 November.
const NEW_YORK: (&str, &str, &str) = ("America/New_York", "2026-03-07T12:00:00Z", "2026-10-31T12:00:00Z");
// Lord Howe: from 02:00 to 02:30 on 4 October, from 02:00 back to 01:30 on 5 April.
const LORD_HOWE: (&str, &str, &str) = ("Australia/Lord_Howe", "2026-10-03T06:00:00Z", "2026-04-04T06:00:00Z");

#[test]
fn a_time_in_the_gap_comes_when_the_gap_is_over() {
    let (zone, after, _) = BERLIN;
    fires(zone, "30 2 * * *", after, &["29 03:00 +02:00", "30 02:30 +02:00"]);
    fires(zone, "0 2 * * *", after, &["29 03:00 +02:00", "30 02:00 +02:00"]);
    fires(zone, "30 2 * * SUN", after, &["29 03:00 +02:00", "05 02:30 +02:00"]);
    let (zone, after, _) = NEW_YORK;
    fires(zone, "15 2 * * *", after, &["08 03:00 -04:00", "09 02:15 -04:00"]);
    let (zone, after, _) = LORD_HOWE;
    fires(zone, "15 2 * * *", after, &["04 02:30 +11:00", "05 02:15 +11:00"]);
    fires(zone, "45 2 * * *", after, &["04 02:45 +11:00", "05 02:45 +11:00"]);
}

#[test]
fn several_times_in_the_gap_come_as_one_also_with_one_after_it() {
    let (zone, after, _) = BERLIN;
    fires(zone, "0,20,40 2 * * *", after, &["29 03:00 +02:00", "30 02:00 +02:00"]);
    fires(zone, "0 2,3 * * *", after, &["29 03:00 +02:00", "30 02:00 +02:00"]);
    fires(
        zone,
        "0 1-4 * * *",
        after,
        &["29 01:00 +01:00", "29 03:00 +02:00", "29 04:00 +02:00", "30 01:00 +02:00"],
    );
}

#[test]
fn a_time_in_the_overlap_comes_the_first_time() {
    let (zone, _, after) = BERLIN;
    fires(zone, "30 2 * * *", after, &["25 02:30 +02:00", "26 02:30 +01:00"]);
    fires(
        zone,
        "0 1-4 * * *",
        after,
        &["25 01:00 +02:00", "25 02:00 +02:00", "25 03:00 +01:00", "25 04:00 +01:00"],
    );
    fires(zone, "0,30 2 * * *", after, &["25 02:00 +02:00", "25 02:30 +02:00", "26 02:00 +01:00"]);
    let (zone, _, after) = NEW_YORK;
    fires(zone, "30 1 * * *", after, &["01 01:30 -04:00", "02 01:30 -05:00"]);
    let (zone, _, after) = LORD_HOWE;
    fires(zone, "45 1 * * *", after, &["05 01:45 +11:00", "06 01:45 +10:30"]);
    fires(zone, "15 1 * * *", after, &["05 01:15 +11:00", "06 01:15 +10:30"]);
}

#[test]
fn asked_within_the_second_pass_a_time_does_not_come_again() {
    let (zone, ..) = BERLIN;
    fires(zone, "30 2 * * *", "2026-10-25T01:10:00Z", &["26 02:30 +01:00"]);
    fires(zone, "* 2 * * *", "2026-10-25T00:59:00Z", &["26 02:00 +01:00"]);
}

#[test]
fn every_hour_is_every_hour_of_real_time() {
    let (zone, ..) = BERLIN;
    let spring = ["29 01:00 +01:00", "29 03:00 +02:00", "29 04:00 +02:00"];
    fires(zone, "0 * * * *", "2026-03-28T23:30:00Z", &spring);
    let autumn = ["25 01:00 +02:00", "25 02:00 +02:00", "25 02:00 +01:00", "25 03:00 +01:00"];
    fires(zone, "0 * * * *", "2026-10-24T22:30:00Z", &autumn);
    for (zone, gap, overlap) in [BERLIN, NEW_YORK] {
        let cron = Cron::parse("30 * * * *", zone).unwrap();
        for after in [gap, overlap] {
            let mut time = cron.next_after(utc(after)).unwrap();
            for _ in 0..48 {
                let next = cron.next_after(time).unwrap();
                assert_eq!(next - time, TimeDelta::hours(1), "{zone}, after {time}");
                time = next;
            }
        }
    }
}

#[test]
fn where_clocks_move_by_half_an_hour_an_hour_comes_as_they_show_it() {
    let (zone, ..) = LORD_HOWE;
    // 02:00 does not come: an hour and a half without one.
    fires(zone, "0 * * * *", "2026-10-03T14:00:00Z", &["04 01:00 +10:30", "04 03:00 +11:00"]);
    fires(
        zone,
        "30 * * * *",
        "2026-10-03T14:30:00Z",
        &["04 01:30 +10:30", "04 02:30 +11:00", "04 03:30 +11:00"],
    );
    // 01:30 comes twice.
    let twice = ["05 00:30 +11:00", "05 01:30 +11:00", "05 01:30 +10:30", "05 02:30 +10:30"];
    fires(zone, "30 * * * *", "2026-04-04T13:00:00Z", &twice);
    fires(zone, "0 * * * *", "2026-04-04T13:30:00Z", &["05 01:00 +11:00", "05 02:00 +10:30"]);
}

#[test]
fn a_step_of_hours_keeps_to_the_hours_that_clocks_show() {
    let (zone, ..) = BERLIN;
    fires(zone, "0 */2 * * *", "2026-03-28T22:30:00Z", &["29 00:00 +01:00", "29 04:00 +02:00"]);
    let twice = ["25 00:00 +02:00", "25 02:00 +02:00", "25 02:00 +01:00", "25 04:00 +01:00"];
    fires(zone, "0 */2 * * *", "2026-10-24T21:00:00Z", &twice);
}

#[test]
fn a_gap_at_midnight_and_one_of_a_whole_day() {
    // Cairo: from 00:00 to 01:00 on 24 April 2026.
    fires("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00:00Z", &["24 01:00 +03:00", "25 00:00 +03:00"]);
    // Samoa had no 30 December 2011.
    fires("Pacific/Apia", "0 9 * * *", "2011-12-29T20:00:00Z", &["31 00:00 +14:00", "31 09:00 +14:00"]);
}

/// The hours in eight years at whose end the clocks of the zone have been moved.
fn changes(zone: Tz) -> Vec<DateTime<Utc>> {
    let offset = |time: DateTime<Utc>| time.with_timezone(&zone).offset().fix();
    let hours = (0..8 * 366 * 24).map(|hour| utc("2024-01-01T00:00:00Z") + TimeDelta::hours(hour));
    hours.filter(|hour| offset(*hour) != offset(*hour + TimeDelta::hours(1))).collect()
}

#[test]
fn around_every_change_it_agrees_with_a_look_at_every_minute() {
    for zone in
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Chatham"]
    {
        let changes = changes(zone.parse().unwrap());
        assert!(changes.len() >= 15, "{zone}: {changes:?}");
        for expression in ["*/7 * * * *", "30 * * * *", "0 */3 * * SUN", "59 */2 1-7 * *"] {
            let cron = Cron::parse(expression, zone).unwrap();
            for change in &changes {
                let begin = *change - TimeDelta::hours(4);
                let mut next = cron.next_after(begin).unwrap();
                for minute in (1..=9 * 60).map(|minutes| begin + TimeDelta::minutes(minutes)) {
                    let shown = cron.local(minute).naive_local();
                    let is_shown = cron.fields.is_time_matching(&shown).unwrap();
                    assert_eq!(
                        is_shown,
                        next == minute,
                        "`{expression}` in {zone} at {minute}: next is {next}"
                    );
                    if is_shown {
                        next = cron.next_after(minute).unwrap();
                    }
                }
            }
        }
    }
}

#[test]
fn a_time_of_the_day_comes_once_a_day_everywhere() {
    for zone in chrono_tz::TZ_VARIANTS {
        let cron = Cron::parse("30 2 * * *", zone.name()).unwrap();
        let mut time = cron.next_after(utc("2025-01-01T00:00:00Z")).unwrap();
        for _ in 0..400 {
            let next = cron.next_after(time).unwrap();
            let days = cron.local(next).date_naive() - cron.local(time).date_naive();
            assert_eq!(days.num_days(), 1, "{zone}: {next} after {time}");
            time = next;
        }
    }
}

#[test]
fn missed_fires_are_made_up_for_as_the_policy_says() {
    let cron = Cron::parse("0 * * * *", "UTC").unwrap();
    let made = |misfire, due, now| {
        cron.fires(misfire, utc(due), utc(now))
            .iter()
            .map(|fire| fire.format("%dT%H").to_string())
            .collect::<Vec<_>>()
    };
    let (due, late) = ("2026-05-01T10:00:00Z", "2026-05-01T12:30:00Z");
    assert_eq!(made(Misfire::Last, due, late), ["01T12"]);
    assert_eq!(made(Misfire::All, due, late), ["01T10", "01T11", "01T12"]);
    assert_eq!(made(Misfire::Skip, due, late), [""; 0]);
    for misfire in [Misfire::Last, Misfire::All, Misfire::Skip] {
        assert_eq!(made(misfire, due, "2026-05-01T10:00:00.2Z"), ["01T10"], "{misfire:?}");
    }
    assert_eq!(made(Misfire::Skip, due, "2026-05-01T12:01:00Z"), ["01T12"], "this one is not late");
}

#[test]
fn of_very_many_missed_fires_the_last_hundred_are_made() {
    for (expression, first) in [("* * * * *", "2029-12-31T22:21:00Z"), ("0 0 1 * *", "2026-01-01T00:00:00Z")]
    {
        let cron = Cron::parse(expression, "UTC").unwrap();
        let made = cron.fires(Misfire::All, utc("2026-01-01T00:00:00Z"), utc("2030-01-01T00:00:00Z"));
        assert_eq!(made.front(), Some(&utc(first)), "{expression}");
        assert_eq!(made.back(), Some(&utc("2030-01-01T00:00:00Z")), "{expression}");
        assert!(made.len() <= 100);
    }
}
