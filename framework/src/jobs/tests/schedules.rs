use chrono::{DateTime, TimeDelta, Utc};

use super::*;

job_type!(Hourly, Job { schedule: at("0 * * * *"), ..job("hourly", |_, _| Box::pin(async { Ok(()) })) });
// What `Hourly` is in the next version, and in one without it.
job_type!(Yearly, Job { schedule: at("0 0 1 1 *"), ..job("hourly", |_, _| Box::pin(async { Ok(()) })) });
job_type!(Never, Job { schedule: at("0 0 30 2 *"), ..job("never", |_, _| Box::pin(async { Ok(()) })) });

const fn tells(cron: &'static str, misfire: Misfire) -> Job {
    let schedule = Some(Schedule { cron, tz: "Europe/Berlin", misfire });
    Job { schedule, ..job("tells", |job, _| Box::pin(async move { tell(&job).await })) }
}

job_type!(TellsLast, tells("0 * * * *", Misfire::Last));
job_type!(TellsAll, tells("0 * * * *", Misfire::All));
job_type!(Skips, tells("0 0 1 1 *", Misfire::Skip));

/// Writes what time the job was fired for.
async fn tell(job: &JobCtx) -> Result<()> {
    let time = job.fire_time().map_or("nothing".to_owned(), |time| time.to_rfc3339());
    let mut db = job.db().await?;
    sql_query("INSERT INTO effects VALUES ($1)").bind::<Text, _>(time).execute(&mut db).await?;
    Ok(())
}

/// A process comes, does what is due, and goes.
async fn live(queue: &Queue, job: &'static Job) {
    let engine = queue.engine([job]).await;
    engine.run_until_idle().await.unwrap();
    engine.shutdown(Duration::ZERO).await;
}

/// A process that does not wait for a newer version that has gone.
async fn impatient(queue: &Queue, job: &'static Job) -> Engine {
    let settings = EngineSettings { schedule_grace: Duration::ZERO, ..EngineSettings::default() };
    queue.engine_set((), [job], settings).await
}

const YEARLY: &str = "SELECT count(*) FROM catena.schedules WHERE cron = '0 0 1 1 *'";

#[tokio::test]
async fn a_schedule_does_not_fire_before_its_time() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Hourly::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.list().await, []);
    let soon = "SELECT count(*) FROM catena.schedules WHERE next_at - now() BETWEEN '0 s' AND '1 hour'";
    assert_eq!(queue.number(soon).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fire_is_one_job_however_many_processes_there_are() {
    let mut queue = Queue::new().await;
    live(&queue, Hourly::JOB).await;
    let (one, other) = (queue.engine([Hourly::JOB]).await, queue.engine([Hourly::JOB]).await);
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '1 s'").await;
    let (a, b) = tokio::join!(one.run_until_idle(), other.run_until_idle());
    a.and(b).unwrap();
    assert_eq!(queue.number("SELECT count(*) FROM catena.schedules WHERE next_at > now()").await, 1);
    assert_eq!(queue.only().await.kind, "hourly");
}

#[tokio::test]
async fn after_a_downtime_a_schedule_fires_once() {
    let mut queue = Queue::new().await;
    live(&queue, Hourly::JOB).await;
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '3 days'").await;
    let engine = queue.engine([Hourly::JOB]).await;
    engine.run_until_idle().await.unwrap();
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Completed);
}

/// The beginning of the hour that it is.
async fn hour(queue: &mut Queue) -> DateTime<Utc> {
    const SQL: &str = "SELECT to_json(date_trunc('hour', now() AT TIME ZONE 'UTC'))#>>'{}' || 'Z' AS text";
    queue.texts(SQL).await[0].parse().unwrap()
}

/// What is made up for after a downtime that began more than two and less than three hours ago: the fires of which
/// hours, counted back from this one.
async fn made_up(job: &'static Job) -> Vec<i64> {
    loop {
        let mut queue = Queue::new().await;
        live(&queue, job).await;
        let begin = hour(&mut queue).await;
        let due = begin - TimeDelta::minutes(170);
        queue.sql(&format!("UPDATE catena.schedules SET next_at = '{}'", due.to_rfc3339())).await;
        live(&queue, job).await;
        // Unless another hour has begun meanwhile.
        if hour(&mut queue).await == begin {
            let fired = queue.texts("SELECT name AS text FROM effects ORDER BY name").await;
            let fired = fired.iter().map(|time| time.parse::<DateTime<Utc>>().unwrap());
            return fired.filter(|time| *time != due).map(|time| (begin - time).num_hours()).collect();
        }
    }
}

#[tokio::test]
async fn of_missed_fires_the_last_is_made_or_each() {
    assert_eq!(made_up(TellsLast::JOB).await, [0]);
    assert_eq!(made_up(TellsAll::JOB).await, [2, 1, 0]);
}

#[tokio::test]
async fn missed_fires_may_be_skipped() {
    let mut queue = Queue::new().await;
    live(&queue, Skips::JOB).await;
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '2 minutes'").await;
    live(&queue, Skips::JOB).await;
    assert_eq!(queue.list().await, []);
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '2 s'").await;
    live(&queue, Skips::JOB).await;
    assert_eq!(queue.only().await.state, State::Completed);
}

#[tokio::test]
async fn a_job_that_was_not_fired_has_no_fire_time() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([TellsLast::JOB]).await;
    queue.enqueue::<TellsLast>(1).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.texts("SELECT name AS text FROM effects").await, ["nothing"]);
}

/// To the rows, the clock of the database that is set forward is what times that move back are.
#[tokio::test]
async fn a_clock_that_is_set_fires_nothing_twice_and_loses_nothing() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Hourly::JOB]).await;
    engine.run_until_idle().await.unwrap();
    for (set, jobs) in [("- interval '1 hour'", 1), ("+ interval '1 hour'", 1), ("- interval '1 hour'", 1)] {
        queue
            .sql(&format!("UPDATE catena.schedules SET next_at = next_at {set}, seen_at = seen_at {set}"))
            .await;
        engine.run_until_idle().await.unwrap();
        engine.run_until_idle().await.unwrap();
        assert_eq!(queue.list().await.len(), jobs, "{set}");
        // Every fire is of another hour, and the next is the one after the last.
        let next = "SELECT count(*) FROM catena.schedules WHERE next_at = date_trunc('hour', next_at) AND next_at > now()";
        assert_eq!(queue.number(next).await, 1, "{set}");
    }
}

#[tokio::test]
async fn a_new_expression_has_a_new_time_and_the_same_one_keeps_it() {
    let mut queue = Queue::new().await;
    live(&queue, Hourly::JOB).await;
    queue.sql("UPDATE catena.schedules SET next_at = '2900-01-01'").await;
    live(&queue, Hourly::JOB).await;
    assert_eq!(queue.number("SELECT extract(year FROM next_at) FROM catena.schedules").await, 2900);
    live(&queue, Yearly::JOB).await;
    let new_year = "SELECT count(*) FROM catena.schedules
        WHERE next_at AT TIME ZONE 'UTC' = date_trunc('year', now() AT TIME ZONE 'UTC') + interval '1 year'";
    assert_eq!(queue.number(new_year).await, 1);
}

#[tokio::test]
async fn what_was_due_when_the_expression_changed_still_fires() {
    let mut queue = Queue::new().await;
    live(&queue, Hourly::JOB).await;
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '1 s'").await;
    live(&queue, Yearly::JOB).await;
    assert_eq!(queue.only().await.state, State::Completed);
    assert_eq!(queue.number(YEARLY).await, 1);
}

#[tokio::test]
async fn an_old_version_that_starts_again_does_not_get_its_expression_back() {
    let mut queue = Queue::new().await;
    let old = queue.engine([Hourly::JOB]).await;
    let new = queue.engine([Yearly::JOB]).await;
    assert_eq!(queue.number(YEARLY).await, 1);
    // It fires what is due all the same, by the expression of the new one.
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '1 s'").await;
    old.run_until_idle().await.unwrap();
    old.shutdown(Duration::ZERO).await;
    let again = queue.engine([Hourly::JOB]).await;
    again.run_until_idle().await.unwrap();
    assert_eq!(queue.number(YEARLY).await, 1);
    assert_eq!(queue.only().await.state, State::Completed);
    assert_eq!(
        queue.number("SELECT count(*) FROM catena.schedules WHERE next_at > now() + interval '1 h'").await,
        1
    );
    new.shutdown(Duration::ZERO).await;
}

#[tokio::test]
async fn when_a_new_version_is_gone_the_old_one_decides_again() {
    let mut queue = Queue::new().await;
    let old = impatient(&queue, Hourly::JOB).await;
    live(&queue, Yearly::JOB).await;
    // It must have seen nothing change from one look to another.
    old.run_until_idle().await.unwrap();
    old.run_until_idle().await.unwrap();
    assert_eq!(queue.number(YEARLY).await, 0);
    let soon = "SELECT count(*) FROM catena.schedules WHERE next_at - now() BETWEEN '0 s' AND '1 hour'";
    assert_eq!(queue.number(soon).await, 1);
}

#[tokio::test]
async fn a_schedule_that_no_process_declares_does_not_fire() {
    let mut queue = Queue::new().await;
    live(&queue, Hourly::JOB).await;
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '1 s'").await;
    let engine = queue.engine([Noop::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.list().await, []);
    let lives = |rows: Vec<store::ScheduleRow>| rows.iter().map(|row| row.lives).collect::<Vec<_>>();
    assert_eq!(lives(store::schedules(&mut queue.owner).await.unwrap()), [true]);
    queue.sql("UPDATE catena.schedules SET seen_at = seen_at - interval '1 minute'").await;
    assert_eq!(lives(store::schedules(&mut queue.owner).await.unwrap()), [false]);
}

#[tokio::test]
async fn an_expression_that_never_fires_stops_the_boot() {
    let queue = Queue::new().await;
    let started = Engine::start_with(queue.services(()), [Never::JOB], EngineSettings::default()).await;
    let error = started.unwrap_err().chain();
    assert!(error.contains("`never`") && error.contains("`0 0 30 2 *` never fires"), "{error}");
}
