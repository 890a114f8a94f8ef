use super::*;

job_type!(Hourly, Job { cron: Some("0 * * * *"), ..job("hourly", |_, _| Box::pin(async { Ok(()) })) });
// What `Hourly` is in the next version.
job_type!(Yearly, Job { cron: Some("0 0 1 1 *"), ..job("hourly", |_, _| Box::pin(async { Ok(()) })) });
job_type!(Never, Job { cron: Some("0 0 30 2 *"), ..job("never", |_, _| Box::pin(async { Ok(()) })) });

/// A process comes, does what is due, and goes.
async fn live(queue: &Queue, job: &'static Job) {
    let engine = queue.engine([job]).await;
    engine.run_until_idle().await.unwrap();
    engine.shutdown(Duration::ZERO).await;
}

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
async fn a_schedule_that_no_process_declares_does_not_fire() {
    let mut queue = Queue::new().await;
    live(&queue, Hourly::JOB).await;
    queue.sql("UPDATE catena.schedules SET next_at = now() - interval '1 s'").await;
    let engine = queue.engine([Noop::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.list().await, []);
}

#[tokio::test]
async fn an_expression_that_never_fires_stops_the_boot() {
    let queue = Queue::new().await;
    let started = Engine::start_with(queue.services(()), [Never::JOB], EngineSettings::default()).await;
    let error = started.unwrap_err().chain();
    assert!(error.contains("`never`") && error.contains("`0 0 30 2 *` never fires"), "{error}");
}
