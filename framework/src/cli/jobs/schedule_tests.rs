use super::*;

fn row(cron: &str, tz: &str, next_at: &str) -> ScheduleRow {
    ScheduleRow {
        kind: "purge_done".to_owned(),
        cron: cron.to_owned(),
        tz: tz.to_owned(),
        misfire: "last".to_owned(),
        lives: true,
        next_at: Some(next_at.parse().unwrap()),
        fired_at: None,
    }
}

#[test]
fn the_next_fires_are_in_the_time_zone() {
    let berlin = row("30 2 * * *", "Europe/Berlin", "2026-03-28T01:30:00Z");
    let expected = "\
purge_done: 30 2 * * * (Europe/Berlin), missed fires: last
  next   Sat 2026-03-28 02:30:00 +01:00
         Sun 2026-03-29 03:00:00 +02:00
         Mon 2026-03-30 02:30:00 +02:00
";
    assert_eq!(text(&[berlin], 3), expected);
}

#[test]
fn what_does_not_fire_says_so_and_no_line_is_longer_than_a_screen() {
    let mut retired = row("0 3 * * *", "America/Argentina/ComodRivadavia", "2026-03-28T01:30:00Z");
    retired.kind = "a_job_with_quite_a_long_name_for_a_job".to_owned();
    retired.lives = false;
    retired.fired_at = Some("2026-03-27T06:00:00.25Z".parse().unwrap());
    let mut never = row("no expression", "UTC", "2026-03-28T01:30:00Z");
    never.next_at = None;
    let text = text(&[retired, never], 2);
    assert!(text.contains("does not fire: no process has declared it"), "{text}");
    assert!(text.contains("  last   Fri 2026-03-27 06:00:00 UTC"), "{text}");
    assert!(text.ends_with("never fires again\n"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
