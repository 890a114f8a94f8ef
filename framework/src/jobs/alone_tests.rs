use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A process that has been told of jobs that must run alone.
fn told() -> (Solitude, Instant) {
    let now = Instant::now();
    let mut solitude = Solitude::new(now);
    assert!(!solitude.is_wanted() && !solitude.begins(0, now), "nothing must run alone");
    solitude.look(true, now);
    assert!(solitude.is_wanted());
    (solitude, now)
}

#[test]
fn it_begins_when_nothing_runs_and_has_one_at_a_time() {
    let (mut solitude, now) = told();
    assert!(!solitude.begins(1, now), "one runs");
    assert!(solitude.begins(0, now + SECOND));
    solitude.claimed(true, now + SECOND);
    assert!(!solitude.begins(1, now + SECOND), "one runs alone");
    solitude.look(false, now + SECOND);
    assert!(solitude.is_wanted(), "that runs on");
    assert!(solitude.begins(0, now + 2 * SECOND), "the next");
    solitude.claimed(false, now + 2 * SECOND);
    assert!(!solitude.is_wanted());
    solitude.look(true, now + 2 * SECOND);
    assert!(solitude.is_wanted(), "others at once");
}

#[test]
fn it_waits_no_longer_when_others_have_taken_them() {
    let (mut solitude, now) = told();
    solitude.look(false, now + SECOND);
    assert!(!solitude.is_wanted());
    solitude.look(true, now + SECOND);
    assert!(solitude.is_wanted());
}

#[test]
fn who_waits_in_vain_works_for_longer_every_time() {
    let (mut solitude, mut now) = told();
    for pause in [PATIENCE, 2 * PATIENCE, 4 * PATIENCE] {
        assert!(!solitude.begins(1, now + PATIENCE - SECOND) && solitude.is_wanted());
        now += PATIENCE;
        assert!(!solitude.begins(1, now) && !solitude.is_wanted());
        solitude.look(true, now + pause - SECOND);
        assert!(!solitude.is_wanted(), "not yet");
        now += pause;
        solitude.look(true, now);
        assert!(solitude.is_wanted());
    }
    assert!(solitude.begins(0, now));
    solitude.claimed(true, now);
    solitude.claimed(false, now);
    solitude.look(true, now);
    assert!(!solitude.begins(1, now + PATIENCE));
    now += 2 * PATIENCE;
    solitude.look(true, now);
    assert!(solitude.is_wanted(), "it counts anew once it did not wait in vain");
}

#[test]
fn others_have_as_much_of_its_time() {
    let (mut solitude, now) = told();
    assert!(solitude.begins(0, now));
    solitude.claimed(true, now);
    assert!(!solitude.begins(1, now + 2 * TURN), "what runs, runs on");
    assert!(!solitude.begins(0, now + 2 * TURN) && !solitude.is_wanted());
    solitude.look(true, now + 4 * TURN - SECOND);
    assert!(!solitude.is_wanted());
    solitude.look(true, now + 4 * TURN);
    assert!(solitude.is_wanted());
}

#[test]
fn a_job_that_somebody_holds_is_not_asked_for_without_end() {
    let (mut solitude, now) = told();
    assert!(solitude.begins(0, now));
    solitude.claimed(false, now);
    solitude.look(true, now);
    assert!(!solitude.is_wanted(), "not at once");
    solitude.look(true, now + BEAT);
    assert!(solitude.is_wanted());
}
