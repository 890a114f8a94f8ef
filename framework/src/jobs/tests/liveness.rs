use super::*;
use crate::db::Database;

#[tokio::test]
async fn jobs_of_a_process_that_vanished_are_taken_back() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let vanishing = queue.engine_with(stage.clone(), [WritesAndWaits::JOB]).await;
    let ids = queue.enqueue::<WritesAndWaits>(2).await;
    queue.sql(&format!("UPDATE catena.jobs SET max_attempts = 1 WHERE id = {}", ids[1])).await;
    stage.has_begun().await;
    stage.has_begun().await;
    drop(vanishing);

    let other = Stage::new();
    let engine = queue.engine_with(other.clone(), [WritesAndWaits::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let states: Vec<_> = queue.list().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Executing, State::Executing], "nobody knows yet");

    queue.sql("UPDATE catena.workers SET beat_at = beat_at - interval '9 s' WHERE id = (SELECT min(id) FROM catena.workers)").await;
    other.go_on();
    other.go_on();
    engine.run_until_idle().await.unwrap();
    for row in queue.list().await {
        assert_eq!(
            (row.state, row.attempts, texts(&row)),
            (State::Completed, 1, vec!["worker vanished"]),
            "an attempt that was lost does not count, though it was the last"
        );
    }
    assert_eq!(queue.effects().await, 2, "only the attempts that were finished");
    assert_eq!(queue.number("SELECT count(*) FROM catena.workers").await, 1);
}

#[tokio::test]
async fn a_process_that_was_declared_dead_drops_its_jobs_and_enters_again() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [WritesAndWaits::JOB]).await;
    queue.enqueue::<WritesAndWaits>(1).await;
    stage.has_begun().await;
    queue.sql("BEGIN; SELECT FROM catena.workers FOR UPDATE").await;
    let (_, signs) = store::signs(&mut queue.owner).await.unwrap();
    assert_eq!(store::rescue(&mut queue.owner, &[&signs[0]]).await.unwrap().len(), 1);
    queue.sql("COMMIT").await;

    // The same process claims it again, under a new number, and the first attempt has written nothing.
    stage.has_begun().await;
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Completed, 1, vec!["worker vanished"]));
    assert_eq!(queue.effects().await, 1);
}

job_type!(
    StandsStill,
    job("stands_still", |job, _| Box::pin(async move {
        // As if it stood still between its last statement, which removes the job, and the commit.
        let mut db = job.db().await?;
        sql_query("UPDATE catena.jobs SET claimed_at = now()").execute(&mut db).await?;
        write(&job).await?;
        job.state::<Arc<Stage>>()?.wait().await;
        Ok(())
    }))
);

#[tokio::test]
async fn what_a_process_that_stands_still_had_begun_is_in_nobodys_way() {
    let queue = Queue::new().await;
    let database = queue.db.database();
    is_in_nobodys_way(queue, database).await;
}

#[tokio::test]
async fn nor_is_what_it_had_begun_in_a_shared_session() {
    let queue = Queue::new().await;
    let database = queue.db.shared_database(None);
    is_in_nobodys_way(queue, database).await;
}

async fn is_in_nobodys_way(mut queue: Queue, database: Database) {
    let stage = Stage::new();
    let mut states = States::default();
    states.insert(stage.clone());
    let services = Arc::new(Services::of_test(database, states));
    let engine = Engine::start_with(services, [StandsStill::JOB], EngineSettings::default()).await.unwrap();
    queue.enqueue::<StandsStill>(1).await;
    stage.has_begun().await;
    let mut other = connect(queue.db.jobs_url()).await;
    other
        .batch_execute("SET lock_timeout = '5s'; BEGIN; SELECT FROM catena.workers FOR UPDATE")
        .await
        .unwrap();
    let (_, signs) = store::signs(&mut other).await.unwrap();
    store::end_sessions(&mut other, &[&signs[0]]).await.unwrap();
    assert_eq!(store::rescue(&mut other, &[&signs[0]]).await.unwrap().len(), 1);
    other.batch_execute("COMMIT").await.unwrap();

    stage.go_on();
    stage.go_on();
    stage.has_begun().await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Completed);
    assert_eq!(queue.effects().await, 1, "only the attempt that came second");
}

#[tokio::test]
async fn a_process_keeps_its_jobs_over_a_lost_connection_and_returns_those_it_never_heard_of() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Waits::JOB, Noop::JOB]).await;
    queue.enqueue::<Waits>(1).await;
    stage.has_begun().await;
    // A claim that reached the database, and whose answer was lost with the connection.
    queue.sql("BEGIN").await;
    queue.enqueue::<Noop>(1).await;
    queue
        .sql(
            "UPDATE catena.jobs SET state = 1, lease = nextval('catena.job_lease_seq'), attempt = 1,
                worker = (SELECT id FROM catena.workers) WHERE kind = 'noop';
             COMMIT",
        )
        .await;
    let old = queue.number("SELECT id FROM catena.workers").await;
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    jobs_role
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name LIKE 'catena jobs: dispatcher %'",
        )
        .await
        .unwrap();
    while queue.number("SELECT max(id) FROM catena.workers").await == old {
        tokio::task::yield_now().await;
    }
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    for row in queue.list().await {
        assert_eq!((row.state, row.attempts, texts(&row)), (State::Completed, 1, vec![]), "{}", row.kind);
    }
}

#[tokio::test]
async fn shutdown_lets_jobs_finish_within_the_grace() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Waits::JOB]).await;
    queue.enqueue::<Waits>(1).await;
    stage.has_begun().await;
    let stopped = tokio::spawn(engine.shutdown(Duration::from_secs(3600)));
    stage.go_on();
    stopped.await.unwrap();
    assert_eq!(queue.only().await.state, State::Completed);
    assert_eq!(queue.number("SELECT count(*) FROM catena.workers").await, 0);
}

#[tokio::test]
async fn shutdown_gives_interrupted_jobs_back_with_their_attempt() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Waits::JOB, WritesAndWaits::JOB]).await;
    queue.enqueue::<Waits>(1).await;
    queue.enqueue::<WritesAndWaits>(1).await;
    stage.has_begun().await;
    stage.has_begun().await;
    engine.shutdown(Duration::ZERO).await;
    for row in queue.list().await {
        assert_eq!((row.state, row.attempts, texts(&row)), (State::Available, 0, vec![]), "{}", row.kind);
    }
    assert_eq!(queue.effects().await, 0);
    assert_eq!(queue.number("SELECT count(*) FROM catena.workers").await, 0);
}

#[tokio::test]
async fn an_engine_that_is_shutting_down_claims_nothing_more() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Waits::JOB, Noop::JOB]).await;
    queue.enqueue::<Waits>(1).await;
    stage.has_begun().await;
    let mut stopped = std::pin::pin!(engine.shutdown(Duration::from_secs(3600)));
    assert!(futures_util::poll!(&mut stopped).is_pending());
    queue.enqueue::<Noop>(1).await;
    stage.go_on();
    stopped.await;
    let states: Vec<_> = queue.list().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Completed, State::Available]);
}
