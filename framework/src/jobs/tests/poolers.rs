//! An engine that nobody can tell anything: its sessions are shared with others.

use super::*;
use crate::db::{Database, Pooler};

job_type!(
    Listens,
    job("listens", |job, _| Box::pin(async move {
        job.state::<Arc<Stage>>()?.wait().await;
        job.cancelled().await;
        Err(Error::internal("stopped"))
    }))
);

#[tokio::test]
async fn what_it_is_not_told_it_finds_by_looking() {
    let mut queue = Queue::new().await;
    let pooler = Pooler::start(queue.db.jobs_url()).await;
    work_behind(&pooler, &mut queue, |queue| unaware(queue, &pooler)).await;
}

#[tokio::test]
async fn nothing_is_left_in_a_session_that_is_known_to_be_shared() {
    let mut queue = Queue::new().await;
    let pooler = Pooler::start(queue.db.jobs_url()).await;
    let said = work_behind(&pooler, &mut queue, |queue| queue.db.shared_database(Some(pooler.url()))).await;
    assert_eq!(said.matches("does not let this process LISTEN").count(), 2, "each says so once: {said}");
    let left = "SELECT name || ' = ' || setting AS text FROM pg_settings WHERE source = 'session' ORDER BY 1";
    queue.owner = connect(queue.db.jobs_url()).await;
    let of_its_own = queue.texts(left).await;
    queue.owner = connect(pooler.url()).await;
    assert_eq!(queue.texts(left).await, of_its_own);
}

#[tokio::test]
async fn where_nobody_may_listen_or_tell_it_finds_by_looking() {
    let mut queue = Queue::new().await;
    let pooler = Pooler::start(queue.db.jobs_url()).await;
    pooler.refuse_notices();
    let said = work_behind(&pooler, &mut queue, |queue| unaware(queue, &pooler)).await;
    let times = |words: &str| said.matches(words).count();
    assert_eq!(
        times("does not let this process LISTEN"),
        2,
        "each says so once, whenever it connects: {said}"
    );
    assert_eq!(times("could not be told of jobs"), 1, "the one that tries says so once: {said}");
    assert_eq!(times("lost its connection"), 0, "{said}");
}

/// A database whose engine knows nothing of the pooler.
fn unaware(queue: &Queue, pooler: &Pooler) -> Database {
    let mut database = queue.db.database();
    database.engine = Connector::of_test(pooler.url());
    database
}

/// Has two processes run and cancel jobs that another has enqueued, all of them behind the pooler; returns what they log.
async fn work_behind(pooler: &Pooler, queue: &mut Queue, database: impl Fn(&Queue) -> Database) -> String {
    let (log, _guard) = Log::of_this_thread();
    let stage = Stage::new();
    let services = |queue: &Queue| {
        let mut states = States::default();
        states.insert(stage.clone());
        Arc::new(Services::of_test(database(queue), states))
    };
    let settings = EngineSettings::default();
    let jobs = [Listens::JOB, Writes::JOB];
    let engine = Engine::start_with(services(queue), jobs, settings.clone()).await.unwrap();
    let other = Engine::start_with(services(queue), jobs, settings).await.unwrap();
    // Both are declared dead, and connect again.
    has_workers(queue, 2).await;
    queue.sql("DELETE FROM catena.workers").await;
    engine.hear();
    has_workers(queue, 2).await;

    let ids = queue.enqueue::<Listens>(1).await;
    stage.has_begun().await;
    stage.go_on();
    let mut somebody = connect(pooler.url()).await;
    let (_, running) = store::cancel_jobs(&mut somebody, &ids).await.unwrap();
    assert_eq!(running, ids);
    while queue.number("SELECT count(*) FROM catena.jobs").await > 0 {
        tokio::task::yield_now().await;
    }
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Cancelled, vec!["stopped"]));

    queue.enqueue::<Writes>(100).await;
    engine.run_until_idle().await.unwrap();
    other.run_until_idle().await.unwrap();
    assert_eq!(queue.effects().await, 100);
    engine.shutdown(Duration::from_secs(60)).await;
    other.shutdown(Duration::from_secs(60)).await;
    let said = log.said();
    assert_eq!(queue.number("SELECT count(*) FROM catena.workers").await, 0, "both took leave: {said}");
    said
}

async fn has_workers(queue: &mut Queue, workers: i64) {
    while queue.number("SELECT count(*) FROM catena.workers").await < workers {
        tokio::task::yield_now().await;
    }
}
