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
        let sign = |id, beat| Sign { id, name: id.to_string(), beat_at: time(beat), now: time(second) };
        let signs = [sign(1, last_beat), sign(2, 0)];
        last_beat = second;
        let at = start + Duration::from_secs(second.unsigned_abs());
        let dead: Vec<_> = looks.dead(at, &signs).iter().map(|sign| sign.id).collect();
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
    let at = |ago| Sign { id: ago, name: String::new(), beat_at: now - TimeDelta::seconds(ago), now };
    let signs = [at(7), at(8), at(9), at(-3600)];
    let dead: Vec<_> = Looks::default().dead(Instant::now(), &signs).iter().map(|sign| sign.id).collect();
    assert_eq!(dead, [9]);
}

#[test]
fn who_stood_still_itself_believes_nothing_that_it_saw_before() {
    let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
    let sign = |now| {
        [Sign { id: 1, name: String::new(), beat_at: DateTime::from_timestamp(1_000_000, 0).unwrap(), now }]
    };
    let start = Instant::now();
    let mut looks = Looks::default();
    assert!(looks.dead(start, &sign(now)).is_empty());
    let later = Duration::from_secs(60);
    assert!(looks.dead(start + later, &sign(now + later)).is_empty());
    assert_eq!(looks.dead(start + later + SILENCE, &sign(now + later + SILENCE)).len(), 1);
}
