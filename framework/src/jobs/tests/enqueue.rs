use futures_util::StreamExt as _;

use super::*;

use crate::{
    db::{Access, Scope},
    jobs::Announcer,
};

job_type!(
    Parent,
    job("parent", |job, _| Box::pin(async move {
        Enqueue::<Noop>::new(()).enqueue(&job).await?;
        if job.attempt() == 1 { Err(Error::internal("not yet")) } else { Ok(()) }
    }))
);

#[tokio::test]
async fn a_job_exists_only_if_the_transaction_that_enqueued_it_commits() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Parent::JOB, Noop::JOB]).await;
    queue.enqueue::<Parent>(1).await;
    engine.run_until_idle().await.unwrap();

    let rows = queue.list().await;
    let seen: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.state, row.attempts)).collect();
    assert_eq!(seen, [("parent", State::Completed, 2), ("noop", State::Completed, 1)]);
}

#[tokio::test]
async fn a_rollback_on_a_plain_connection_leaves_no_job() {
    let mut queue = Queue::new().await;
    queue.sql("BEGIN").await;
    Enqueue::<Noop>::new(()).enqueue(&mut queue.owner).await.unwrap();
    queue.sql("ROLLBACK").await;
    assert_eq!(queue.list().await, []);
}

#[tokio::test]
async fn the_dispatcher_is_woken_by_the_commit_and_not_before() {
    let mut queue = Queue::new().await;
    let services = queue.services(());
    let scope = Scope::new(services.database.jobs.clone(), Access::ReadWrite);
    let job = JobCtx {
        fire_time: None,
        services: services.clone(),
        scope: scope.clone(),
        course: Course::new(false),
        id: 1,
        lease: 1,
        attempt: 1,
        cancel: Default::default(),
    };
    Enqueue::<Noop>::new(()).enqueue(&job).await.unwrap();
    let mut heard = std::pin::pin!(services.wake.heard());
    assert!(futures_util::poll!(&mut heard).is_pending());
    scope.commit().await.unwrap();
    assert!(futures_util::poll!(&mut heard).is_ready());
    assert_eq!(queue.only().await.state, State::Available);
}

#[tokio::test]
async fn other_processes_are_told_of_a_job() {
    let mut queue = Queue::new().await;
    queue.sql("LISTEN catena_jobs").await;
    let engine = queue.engine([Parent::JOB, Noop::JOB]).await;
    queue.enqueue::<Parent>(1).await;
    engine.run_until_idle().await.unwrap();
    let mut notifications = std::pin::pin!(queue.owner.notifications_stream());
    assert_eq!(notifications.next().await.unwrap().unwrap().channel, "catena_jobs");
}

#[tokio::test]
async fn other_processes_are_told_of_a_job_by_one_that_works_on_none() {
    let mut queue = Queue::new().await;
    queue.sql("LISTEN catena_jobs").await;
    let services = queue.services(());
    let _announcer = Announcer::start(services.clone());
    services.wake.wake();
    let mut notifications = std::pin::pin!(queue.owner.notifications_stream());
    let told = tokio::time::timeout(Duration::from_secs(20), notifications.next()).await;
    assert_eq!(told.expect("they are told").unwrap().unwrap().channel, "catena_jobs");
}

#[tokio::test]
async fn the_web_role_may_enqueue_and_nothing_else() {
    let mut queue = Queue::new().await;
    let mut web = connect(queue.db.web_url()).await;
    let user = uuid::Uuid::now_v7();
    web.batch_execute(&format!("SET catena.user_id = '{user}'")).await.unwrap();
    Enqueue::<Noop>::new(()).enqueue(&mut web).await.unwrap();
    let by_user = format!("SELECT count(*) FROM catena.jobs WHERE enqueued_by = '{user}'");
    assert_eq!(queue.number(&by_user).await, 1);

    for forbidden in [
        "SELECT * FROM catena.jobs",
        "DELETE FROM catena.jobs",
        "SELECT * FROM catena.job_history",
        "SELECT * FROM catena.job_errors",
        "UPDATE catena.workers SET name = ''",
        "UPDATE catena.schedules SET cron = ''",
        "SELECT nextval('catena.job_lease_seq')",
        "SELECT catena.rotate_job_history(0)",
    ] {
        let error = web.batch_execute(forbidden).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{forbidden}: {error}");
    }
}

#[tokio::test]
async fn the_arguments_of_a_batch_are_checked() {
    let mut queue = Queue::new().await;
    let mut check = async |change: fn(&mut NewJob), fault: &str| {
        let mut job = NewJob::of(Noop::JOB);
        change(&mut job);
        let error = store::enqueue(&mut queue.owner, vec![NewJob::of(Noop::JOB), job]).await.unwrap_err();
        assert_eq!(error.to_string(), fault);
    };
    check(|job| job.kind = "", "a kind has 1 to 200 bytes").await;
    check(|job| job.queue = "", "a queue's name has 1 to 100 bytes").await;
    check(|job| job.priority = 4, "a priority is 0, 1, 2 or 3").await;
    check(|job| job.priority = -1, "a priority is 0, 1, 2 or 3").await;
    check(|job| job.max_attempts = 0, "a job has 1 to 32767 attempts").await;
    check(|job| job.delay_ms = -1, "a delay is from 0 to 10 years").await;
    check(|job| job.delay_ms = i64::MAX, "a delay is from 0 to 10 years").await;
    check(|job| job.version = 0, "a version is 1 or more").await;
    check(|job| job.args = format!("\"{}\"", "x".repeat(2 << 20)), "arguments have at most 1 MiB").await;
    let far = "9999-01-01T00:00:00Z".parse().ok();
    let job = NewJob { run_at: far, ..NewJob::of(Noop::JOB) };
    let error = store::enqueue(&mut queue.owner, vec![job]).await.unwrap_err();
    assert_eq!(error.to_string(), "a job runs between the years 2000 and 9000");
    assert_eq!(queue.list().await, [], "a batch is enqueued whole or not at all");

    let ids = queue.enqueue::<Noop>(10_000).await;
    assert!(ids.is_sorted() && ids.len() == 10_000);
    let error = store::enqueue(&mut queue.owner, vec![NewJob::of(Noop::JOB); 10_001]).await.unwrap_err();
    assert_eq!(error.to_string(), "a batch holds at most 10000 jobs");
    assert!(store::enqueue(&mut queue.owner, vec![]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_priority_out_of_range_does_not_spoil_the_transaction() {
    let mut queue = Queue::new().await;
    queue.sql("BEGIN").await;
    let error = Enqueue::<Noop>::new(()).priority(4).enqueue(&mut queue.owner).await.unwrap_err();
    assert!(error.chain().contains("not 4"), "{error:?}");
    assert_eq!(queue.effects().await, 0, "the transaction goes on");
}
