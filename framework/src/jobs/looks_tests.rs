use super::*;

/// Looks at two processes, of which the first beats and the second does not; returns when the second, and whether the
/// first, is taken for dead. `clock` is what the database's clock shows at a second, `away` the seconds in which the
/// database does not answer.
fn look(clock: impl Fn(i64) -> i64, away: std::ops::Range<i64>) -> (Option<i64>, bool) {
    let start = Instant::now();
    let time = |second| DateTime::from_timestamp(1_000_000 + clock(second), 0).unwrap();
    let mut looks = Looks::default();
    let (mut last_beat, mut first_died) = (0, false);
    for second in (0..60).step_by(2) {
        if away.contains(&second) {
            looks.interrupt();
            continue;
        }
        // It beats after it was looked at.
        let sign = |id, beat| Sign { id, name: id.to_string(), beat_at: time(beat) };
        let signs = [sign(1, last_beat), sign(2, 0)];
        last_beat = second;
        let at = start + Duration::from_secs(second.unsigned_abs());
        let dead: Vec<_> = looks.dead(at, time(second), &signs).iter().map(|sign| sign.id).collect();
        first_died |= dead.contains(&1);
        if dead.contains(&2) {
            return (Some(second), first_died);
        }
    }
    (None, first_died)
}

#[test]
fn who_does_not_move_for_8_s_is_dead_whatever_becomes_of_clock_and_database() {
    let never = 0..0;
    assert_eq!(look(|second| second, never.clone()), (Some(8), false));
    let set = |step: i64| move |second: i64| if second < 5 { second } else { second + step };
    assert_eq!(look(set(3600), never.clone()), (Some(8), false), "the clock was put on");
    assert_eq!(look(set(-3600), never), (Some(8), false), "the clock was put back");
    assert_eq!(look(|second| second, 3..30), (Some(38), false), "the database was away");
}

#[test]
fn who_looks_for_the_first_time_goes_by_the_clock_of_the_database() {
    let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
    let at = |ago| Sign { id: ago, name: String::new(), beat_at: now - TimeDelta::seconds(ago) };
    let signs = [at(7), at(8), at(9), at(-3600)];
    let dead: Vec<_> =
        Looks::default().dead(Instant::now(), now, &signs).iter().map(|sign| sign.id).collect();
    assert_eq!(dead, [9]);
}

#[test]
fn a_clock_that_is_put_back_is_followed_for_as_long_as_it_matters() {
    let start = Instant::now();
    let mut looks = Looks::default();
    let mut put_back = |second: u64, clock: i64, followed: bool| {
        let now = DateTime::from_timestamp(1_000_000 + clock, 0).unwrap();
        looks.dead(start + Duration::from_secs(second), now, &[]);
        let by = looks.put_back().map(|by| by.num_seconds());
        if followed {
            looks.followed();
        }
        by
    };
    assert_eq!(put_back(0, 0, true), None);
    assert_eq!(put_back(2, 3, true), None);
    assert_eq!(put_back(4, 3604, true), None, "put on");
    assert_eq!(put_back(6, 6, true), Some(3600));
    assert_eq!(put_back(8, 11, true), Some(3600), "a slow answer");
    assert_eq!(put_back(10, 10, true), Some(3600), "the next that was not");
    assert_eq!(put_back(16, 16, true), Some(3600));
    assert_eq!(put_back(22, 22, false), Some(3600), "in vain");
    assert_eq!(put_back(24, 24, true), Some(3600));
    assert_eq!(put_back(26, 26, true), None);
}

#[test]
fn a_clock_that_is_set_before_anybody_has_entered_makes_nobody_dead() {
    let start = Instant::now();
    let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
    let mut looks = Looks::default();
    assert!(looks.dead(start, now, &[]).is_empty());
    let signs = [Sign { id: 1, name: String::new(), beat_at: now }];
    let later = Duration::from_secs(2);
    assert!(looks.dead(start + later, now + TimeDelta::hours(1), &signs).is_empty());
}

#[test]
fn who_stood_still_itself_believes_nothing_that_it_saw_before() {
    let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
    let signs = [Sign { id: 1, name: String::new(), beat_at: now }];
    let start = Instant::now();
    let mut looks = Looks::default();
    for (passed, dead) in [(0, 0), (60, 0), (68, 1)] {
        let passed = Duration::from_secs(passed);
        assert_eq!(looks.dead(start + passed, now + passed, &signs).len(), dead, "after {passed:?}");
    }
}
