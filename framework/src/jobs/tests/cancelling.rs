//! Jobs are cancelled, by somebody or by themselves.

use super::*;

#[tokio::test]
async fn a_job_that_waits_is_cancelled_at_once() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(2).await;
    let cancelled = store::cancel_jobs(&mut queue.owner, &[ids[0], 999]).await.unwrap();
    assert_eq!(cancelled, (vec![ids[0]], vec![]));
    let engine = queue.engine([Noop::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let rows = queue.list().await;
    assert_eq!((rows[0].state, rows[0].attempts), (State::Cancelled, 0));
    assert_eq!(rows[1].state, State::Completed);
    let again = store::cancel_jobs(&mut queue.owner, &ids).await.unwrap();
    assert_eq!(again, (vec![], vec![]), "neither waits nor runs");
}

job_type!(
    Tidies,
    job("tidies", |job, _| Box::pin(async move {
        write(&job).await?;
        assert!(!job.is_cancelled());
        job.state::<Arc<Stage>>()?.begun.add_permits(1);
        job.cancelled().await;
        assert!(job.is_cancelled());
        Err(Error::internal("tidied up"))
    }))
);

#[tokio::test]
async fn a_job_that_runs_is_told_and_ends_cancelled() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.enqueue::<Tidies>(1).await;
    let engine = queue.engine_with(stage.clone(), [Tidies::JOB]).await;
    stage.has_begun().await;
    assert_eq!(store::cancel_jobs(&mut queue.owner, &ids).await.unwrap(), (vec![], ids));
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Cancelled, 1, vec!["tidied up"]));
    assert_eq!(queue.effects().await, 0);
}

#[tokio::test]
async fn a_job_that_does_not_listen_is_dropped() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.enqueue::<WritesAndWaits>(1).await;
    let settings = EngineSettings { cancel_grace: Duration::ZERO, ..EngineSettings::default() };
    let engine = queue.engine_set(stage.clone(), [WritesAndWaits::JOB], settings).await;
    stage.has_begun().await;
    store::cancel_jobs(&mut queue.owner, &ids).await.unwrap();
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Cancelled, vec![]));
    assert_eq!(queue.effects().await, 0);
}

job_type!(
    Finishes,
    job("finishes", |job, _| Box::pin(async move {
        write(&job).await?;
        job.state::<Arc<Stage>>()?.begun.add_permits(1);
        job.cancelled().await;
        Ok(())
    }))
);

#[tokio::test]
async fn a_job_that_is_done_all_the_same_is_completed() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.enqueue::<Finishes>(1).await;
    let engine = queue.engine_with(stage.clone(), [Finishes::JOB]).await;
    stage.has_begun().await;
    store::cancel_jobs(&mut queue.owner, &ids).await.unwrap();
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.only().await.state, queue.effects().await), (State::Completed, 1));
}

#[tokio::test]
async fn a_job_whose_process_vanished_with_the_request_is_cancelled_and_does_not_run_again() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.enqueue::<WritesAndWaits>(1).await;
    let vanishing = queue.engine_with(stage.clone(), [WritesAndWaits::JOB]).await;
    stage.has_begun().await;
    drop(vanishing);
    store::cancel_jobs(&mut queue.owner, &ids).await.unwrap();
    queue.sql("UPDATE catena.workers SET beat_at = beat_at - interval '9 s'").await;
    let engine = queue.engine_with(stage, [WritesAndWaits::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Cancelled, 0, vec!["worker vanished"]));
}

job_type!(
    CancelsItself,
    job("cancels_itself", |job, _| Box::pin(async move {
        write(&job).await?;
        Err(Error::cancel("nobody needs it any more"))
    }))
);

#[tokio::test]
async fn a_handler_may_cancel_its_job() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([CancelsItself::JOB]).await;
    queue.enqueue::<CancelsItself>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Cancelled, vec!["nobody needs it any more"]));
    assert_eq!(queue.effects().await, 0);
}

job_type!(
    Snoozes,
    job("snoozes", |job, _| Box::pin(async move {
        write(&job).await?;
        Err(Error::snooze(Duration::from_secs(90)))
    }))
);

#[tokio::test]
async fn a_snooze_does_not_count() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Snoozes::JOB]).await;
    queue.enqueue::<Snoozes>(2).await;
    queue.sql("UPDATE catena.jobs SET attempt = 5").await;
    engine.run_until_idle().await.unwrap();
    for row in queue.list().await {
        assert_eq!((row.state, row.attempts, row.errors.len()), (State::Retryable, 5, 0));
        assert!((row.run_at - row.created_at).num_seconds() >= 90);
    }
    assert_eq!(queue.effects().await, 0, "what the attempt wrote is undone");
}
