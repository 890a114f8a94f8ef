//! Jobs with which a process vanished.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::jobs::store::Alone;

/// Takes the jobs back from all processes there are.
async fn all_vanish(queue: &mut Queue) {
    // The last beat of one may still be on its way.
    while queue.number("SELECT count(*) FROM catena.workers").await > 0 {
        let (_, signs) = store::signs(&mut queue.owner).await.unwrap();
        let dead: Vec<_> = signs.iter().collect();
        queue.sql("BEGIN").await;
        store::rescue(&mut queue.owner, &dead).await.unwrap();
        queue.sql("COMMIT").await;
    }
}

/// Has a process vanish in the middle of the one job there is.
async fn vanish_with(queue: &mut Queue, job: &'static Job) {
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [job]).await;
    tokio::select! {
        idle = engine.run_until_idle() => panic!("the job did not begin: {idle:?}"),
        () = stage.has_begun() => {}
    }
    drop(engine);
    all_vanish(queue).await;
}

/// How often each job was crashed with, and how it is stored.
async fn stored(queue: &mut Queue) -> Vec<String> {
    queue.texts("SELECT state || '/' || crashes AS text FROM catena.jobs ORDER BY id").await
}

#[tokio::test]
async fn a_job_runs_alone_after_its_process_vanished() {
    let mut queue = Queue::new().await;
    let suspect = queue.enqueue::<Waits>(1).await[0];
    vanish_with(&mut queue, Waits::JOB).await;
    assert_eq!(stored(&mut queue).await, ["5/1"]);
    // The other process has begun another job before this one is due.
    queue.sql("UPDATE catena.jobs SET run_at = now() + interval '1 day'").await;
    queue.enqueue::<Waits>(1).await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Waits::JOB]).await;
    stage.has_begun().await;
    queue.sql("UPDATE catena.jobs SET run_at = now() WHERE state = 5").await;
    let executing = "SELECT count(*) FROM catena.jobs WHERE state = 1";
    let run = engine.run_until_idle();
    let watch = async {
        while queue.number("SELECT count(*) FROM catena.workers WHERE alone").await == 0 {
            tokio::task::yield_now().await;
        }
        queue.enqueue::<Waits>(2).await;
        engine.hear();
        stage.go_on();
        stage.has_begun().await;
        let alone = queue.number(&format!("{executing} AND id = {suspect}")).await;
        assert_eq!((alone, queue.number(executing).await), (1, 1));
        engine.hear();
        stage.go_on();
        stage.has_begun().await;
        stage.has_begun().await;
        assert_eq!(queue.number(executing).await, 2, "then all run again");
        stage.go_on();
        stage.go_on();
    };
    let (idle, ()) = tokio::join!(run, watch);
    idle.unwrap();
    assert_eq!(queue.number("SELECT count(*) FROM catena.workers WHERE alone").await, 0);
    let rows = queue.list().await;
    assert!(rows.iter().all(|row| (row.state, row.attempts) == (State::Completed, 1)), "{rows:?}");
}

#[tokio::test]
async fn three_crashes_alone_give_a_job_up_and_a_retry_forgets_them() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Waits>(1).await;
    queue.sql("UPDATE catena.jobs SET max_attempts = 1").await;
    for crashes in 1..=3 {
        vanish_with(&mut queue, Waits::JOB).await;
        let row = queue.only().await;
        assert_eq!((row.state, row.attempts, row.crashes), (State::Available, 0, crashes));
        assert_eq!(texts(&row), vec!["worker vanished"; usize::try_from(crashes).unwrap()]);
    }
    vanish_with(&mut queue, Waits::JOB).await;
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, row.crashes), (State::Discarded, 0, 4));
    let last = "worker vanished for the third time while it ran nothing but this job, which is given up";
    assert_eq!(texts(&row).last(), Some(&last));

    assert_eq!(store::retry_jobs(&mut queue.owner, &ids).await.unwrap(), ids);
    assert_eq!(stored(&mut queue).await, ["0/0"]);
    let stage = Stage::new();
    stage.go_on();
    queue.engine_with(stage, [Waits::JOB]).await.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Completed);
}

#[tokio::test]
async fn whoever_retries_a_job_that_must_run_alone_has_it_run_with_others() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Waits>(1).await;
    vanish_with(&mut queue, Waits::JOB).await;
    assert_eq!(store::retry_jobs(&mut queue.owner, &ids).await.unwrap(), ids);
    assert_eq!(stored(&mut queue).await, ["0/0"]);
}

/// The most jobs that ran at once.
#[derive(Default)]
struct Crowd {
    running: AtomicUsize,
    most: AtomicUsize,
}

job_type!(
    Counts,
    job("counts", |job, _| Box::pin(async move {
        let crowd = job.state::<Arc<Crowd>>()?;
        let running = crowd.running.fetch_add(1, Ordering::SeqCst) + 1;
        crowd.most.fetch_max(running, Ordering::SeqCst);
        write(&job).await?;
        crowd.running.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }))
);

#[tokio::test]
async fn jobs_of_a_process_that_vanished_run_one_after_the_other() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Counts>(10).await;
    let worker = store::register(&queue.owner, "BEGIN", "vanishes", false, &[]).await.unwrap().worker;
    queue.sql(&format!("UPDATE catena.jobs SET state = 1, attempt = 1, worker = {worker}")).await;
    all_vanish(&mut queue).await;
    let crowd = Arc::new(Crowd::default());
    let engine = queue.engine_with(crowd.clone(), [Counts::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.effects().await, crowd.most.fetch_max(0, Ordering::SeqCst)), (10, 1));
}

job_type!(
    Fails,
    job("fails", |job, _| Box::pin(async move {
        job.state::<Arc<Stage>>()?.wait().await;
        Err(Error::internal("not today"))
    }))
);

job_type!(
    Snoozes,
    job("snoozes", |job, _| Box::pin(async move {
        job.state::<Arc<Stage>>()?.wait().await;
        Err(Error::snooze(Duration::from_secs(3600)))
    }))
);

#[tokio::test]
async fn a_job_that_fails_in_an_orderly_way_is_no_longer_suspected() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Fails>(1).await;
    queue.sql("UPDATE catena.jobs SET max_attempts = 2").await;
    vanish_with(&mut queue, Fails::JOB).await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Fails::JOB]).await;
    let run = engine.run_until_idle();
    let watch = async {
        stage.has_begun().await;
        assert_eq!(stored(&mut queue).await, ["1/1"]);
        stage.go_on();
        stage.has_begun().await;
        assert_eq!(stored(&mut queue).await, ["1/0"]);
        stage.go_on();
    };
    let (idle, ()) = tokio::join!(run, watch);
    idle.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, row.crashes), (State::Discarded, 2, 0));
    assert_eq!(texts(&row), ["worker vanished", "not today", "not today"]);
}

#[tokio::test]
async fn a_job_that_snoozes_or_is_interrupted_is_suspected_as_before() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Snoozes>(1).await;
    vanish_with(&mut queue, Snoozes::JOB).await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Snoozes::JOB]).await;
    tokio::select! {
        idle = engine.run_until_idle() => panic!("the job did not begin: {idle:?}"),
        () = stage.has_begun() => {}
    }
    engine.shutdown(Duration::ZERO).await;
    assert_eq!(stored(&mut queue).await, ["5/1"], "it was interrupted");

    let stage = Stage::new();
    stage.go_on();
    queue.engine_with(stage, [Snoozes::JOB]).await.run_until_idle().await.unwrap();
    assert_eq!(stored(&mut queue).await, ["5/1"], "it snoozes");
    assert_eq!((queue.only().await.state, queue.only().await.attempts), (State::Scheduled, 0));
}

#[tokio::test]
async fn it_is_left_alone_by_whoever_may_not_run_it() {
    let mut queue = Queue::new().await;
    let worker = store::register(&queue.owner, "BEGIN", "living", false, &[]).await.unwrap().worker;
    queue.enqueue::<Noop>(1).await;
    let of = |worker| Alone { worker, kinds: vec!["noop"], versions: vec![] };
    for hindrance in [
        "UPDATE catena.jobs SET run_at = now() + interval '1 s'",
        "UPDATE catena.jobs SET kind = 'another'",
        "UPDATE catena.jobs SET version = 2",
        "UPDATE catena.jobs SET cancel_at = now()",
        "UPDATE catena.jobs SET state = 0",
        "INSERT INTO catena.paused_queues (name) VALUES ('default')",
        "UPDATE catena.jobs SET concurrency_key = '\\x01';
         INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at, state, concurrency_key)
         VALUES ('noop', '{}', 'default', 0, 1, now(), 1, '\\x01')",
    ] {
        queue.sql("UPDATE catena.jobs SET state = 5, crashes = 1").await;
        assert!(store::may_be_alone(&queue.owner, &of(worker)).await.unwrap());
        queue.sql(hindrance).await;
        assert!(!store::may_be_alone(&queue.owner, &of(worker)).await.unwrap(), "{hindrance}");
        assert!(
            store::claim_alone(&queue.owner, "BEGIN", &of(worker)).await.unwrap().is_empty(),
            "{hindrance}"
        );
        queue
            .sql(
                "DELETE FROM catena.jobs WHERE state = 1; DELETE FROM catena.paused_queues;
                 UPDATE catena.jobs SET run_at = now(), kind = 'noop', version = 1, cancel_at = NULL, concurrency_key = NULL",
            )
            .await;
    }
    queue.sql("UPDATE catena.jobs SET state = 5, crashes = 1").await;
    assert!(
        store::claim_alone(&queue.owner, "BEGIN", &of(worker + 1)).await.unwrap().is_empty(),
        "it has no row"
    );
    let claimed = store::claim_alone(&queue.owner, "BEGIN", &of(worker)).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].crashes), (1, 1));
}

#[tokio::test]
async fn half_of_the_processes_go_on_with_other_jobs() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(1).await;
    queue.sql("UPDATE catena.jobs SET state = 5").await;
    let mut workers = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        workers.push(store::register(&queue.owner, "BEGIN", name, false, &[]).await.unwrap().worker);
    }
    let of = |worker| Alone { worker, kinds: vec!["noop"], versions: vec![] };
    let mut may = Vec::new();
    for &worker in &workers {
        may.push(store::may_be_alone(&queue.owner, &of(worker)).await.unwrap());
        store::beat(&queue.owner, worker, true, &[]).await.unwrap();
    }
    assert_eq!(may, [true, true, false, false, false], "two of five");
    let mut may = Vec::new();
    for &worker in &workers {
        may.push(store::may_be_alone(&queue.owner, &of(worker)).await.unwrap());
    }
    assert_eq!(may, [true, true, false, false, false], "those that said so at once agree on who does it");
    queue.sql("DELETE FROM catena.workers WHERE name > 'a'").await;
    assert!(store::may_be_alone(&queue.owner, &of(workers[0])).await.unwrap(), "one that has no other");
}
