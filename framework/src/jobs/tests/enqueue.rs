use futures_util::StreamExt as _;

use super::*;

use crate::{
    db::{Access, Scope},
    jobs::{Announcer, enqueue_many},
    macros::model,
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

fn job_ctx(services: Arc<Services>, scope: Scope) -> JobCtx {
    JobCtx {
        fire_time: None,
        services,
        scope,
        course: Course::new(false),
        id: 1,
        lease: 1,
        batch: None,
        attempt: 1,
        cancel: Default::default(),
    }
}

#[tokio::test]
async fn the_dispatcher_is_woken_by_the_commit_and_not_before() {
    let mut queue = Queue::new().await;
    let services = queue.services(());
    let scope = Scope::new(services.database.jobs.clone(), Access::ReadWrite);
    let job = job_ctx(services.clone(), scope.clone());
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
    let too_many = "SELECT catena.enqueue(array_fill('noop'::text, '{10001}'), array_fill('{}'::jsonb, '{10001}'), \
                    array_fill(''::text, '{10001}'), '{}', '{}', '{}', '{}')";
    let error = queue.owner.batch_execute(too_many).await.unwrap_err();
    assert_eq!(error.to_string(), "a batch holds at most 10000 jobs");
    assert!(store::enqueue(&mut queue.owner, vec![]).await.unwrap().is_empty());
}

/// What was measured; a number that is none cannot be expressed.
#[model]
struct Measured {
    value: f64,
}

struct Measures;

impl JobType for Measures {
    type Args = Measured;

    fn job() -> &'static Job {
        static JOB: Job = job("measures", |_, _| Box::pin(async { Ok(()) }));
        &JOB
    }
}

fn measured(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = Measured> {
    values.into_iter().map(|value| Measured { value })
}

#[tokio::test]
async fn many_jobs_are_numbered_in_the_order_of_their_arguments() {
    let mut queue = Queue::new().await;
    let values = (0..20_001).map(f64::from);
    let ids = enqueue_many::<Measures, _>(&mut queue.owner, measured(values)).await.unwrap();
    assert_eq!(ids.len(), 20_001);
    let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let in_order = format!(
        "SELECT count(*) FROM catena.jobs j JOIN unnest('{{{list}}}'::bigint[]) WITH ORDINALITY AS a(id, n) \
         ON a.id = j.id AND (j.args->>'value')::float = a.n - 1"
    );
    assert_eq!(queue.number(&in_order).await, 20_001);
}

#[tokio::test]
async fn many_jobs_are_enqueued_all_or_none() {
    let mut queue = Queue::new().await;
    // The last piece fails.
    queue.sql("ALTER TABLE catena.jobs ADD CHECK ((args->>'value')::float < 20000)").await;
    let values = (0..20_001).map(f64::from);
    enqueue_many::<Measures, _>(&mut queue.owner, measured(values)).await.unwrap_err();
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs").await, 0);
}

#[tokio::test]
async fn of_many_jobs_the_one_is_named_that_cannot_be_written() {
    let mut queue = Queue::new().await;
    queue.sql("BEGIN").await;
    let values = [0.0, 1.0, f64::NAN];
    let error = enqueue_many::<Measures, _>(&mut queue.owner, measured(values)).await.unwrap_err();
    assert!(
        error.chain().starts_with("element 2 of the jobs `measures` that were to be enqueued: "),
        "{error:?}"
    );
    assert_eq!(queue.effects().await, 0, "the transaction goes on");
}

#[tokio::test]
async fn to_enqueue_no_jobs_takes_no_connection() {
    let queue = Queue::new().await;
    let services = queue.services(());
    let scope = Scope::new(services.database.jobs.clone(), Access::ReadWrite);
    let job = job_ctx(services, scope.clone());
    assert_eq!(enqueue_many::<Noop, _>(&job, []).await.unwrap(), Vec::<JobId>::new());
    assert!(!scope.is_connected());
    assert_eq!(enqueue_many::<Noop, _>(&job, [()]).await.unwrap().len(), 1);
    assert!(scope.is_connected());
}

#[tokio::test]
async fn a_priority_out_of_range_does_not_spoil_the_transaction() {
    let mut queue = Queue::new().await;
    queue.sql("BEGIN").await;
    let error = Enqueue::<Noop>::new(()).priority(4).enqueue(&mut queue.owner).await.unwrap_err();
    assert!(error.chain().contains("not 4"), "{error:?}");
    assert_eq!(queue.effects().await, 0, "the transaction goes on");
}
