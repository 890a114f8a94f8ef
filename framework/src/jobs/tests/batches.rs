//! Batches: the completion job runs when all others have ended, once, whatever happens.

use std::sync::Mutex;

use super::*;
use crate::jobs::{Batch, BatchCounts, EnqueuedBatch, store::Completion};

/// What completion jobs were told.
type Told = Arc<Mutex<Vec<Option<(u64, u64, u64, u64)>>>>;

job_type!(
    Done,
    job("done", |job, _| Box::pin(async move {
        write(&job).await?;
        let counts = job.batch().await?;
        let counts = counts.map(|BatchCounts { jobs, completed, cancelled, discarded }| {
            (jobs, completed, cancelled, discarded)
        });
        job.state::<Told>()?.lock().unwrap().push(counts);
        Ok(())
    }))
);

job_type!(Breaks, job("breaks", |_, _| Box::pin(async { Err(Error::discard("of no use")) })));

job_type!(Stops, job("stops", |_, _| Box::pin(async { Err(Error::cancel("not needed")) })));

job_type!(
    FailsOnce,
    job("fails_once", |job, _| Box::pin(async move {
        if job.attempt() == 1 { Err(Error::internal("not yet")) } else { Ok(()) }
    }))
);

job_type!(Steps, job("steps", |job, _| Box::pin(async move { job.step("one", async |_| Ok(())).await })));

job_type!(Forgotten, Job { keep: Keep::None, ..job("forgotten", |_, _| Box::pin(async { Ok(()) })) });

job_type!(
    ForgottenSteps,
    Job {
        keep: Keep::None,
        ..job("forgotten_steps", |job, _| Box::pin(async move { job.step("one", async |_| Ok(())).await }))
    }
);

job_type!(
    ForgottenWrites,
    Job { keep: Keep::None, ..job("forgotten_writes", |job, _| Box::pin(async move { write(&job).await })) }
);

fn of<J: JobType<Args = ()>>() -> Enqueue<J> {
    Enqueue::new(())
}

fn noops(n: usize) -> Batch {
    Batch::new().add_all((0..n).map(|_| of::<Noop>()))
}

impl Queue {
    async fn batch(&mut self, batch: Batch) -> EnqueuedBatch {
        batch.enqueue(&mut self.owner).await.unwrap()
    }

    /// Has jobs run, and completes them.
    async fn end(&mut self, ids: &[JobId]) {
        let list = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        self.sql(&format!("UPDATE catena.jobs SET state = 1, lease = 1 WHERE id IN ({list})")).await;
        let pairs: Vec<_> = ids.iter().map(|id| (*id, 1)).collect();
        assert_eq!(store::complete(&self.owner, Completion::ALL[0], true, &pairs).await.unwrap(), ids.len());
    }

    async fn fold(&mut self) -> usize {
        store::fold(&mut self.owner).await.unwrap()
    }

    async fn state_of(&mut self, id: JobId) -> i64 {
        self.number(&format!("SELECT state FROM catena.jobs WHERE id = {id}")).await
    }
}

#[tokio::test]
async fn the_completion_job_is_told_how_each_job_ended() {
    let mut queue = Queue::new().await;
    let told = Told::default();
    let batch = Batch::new()
        .add(of::<Noop>())
        .add(of::<Breaks>())
        .add(of::<Stops>())
        .add(of::<FailsOnce>())
        .add(of::<Writes>())
        .add(of::<Steps>())
        .add(of::<Forgotten>())
        .add(of::<ForgottenSteps>())
        .add(of::<ForgottenWrites>())
        .then(of::<Done>());
    let EnqueuedBatch { jobs, then, .. } = queue.batch(batch).await;
    let done = then.unwrap();
    assert!(jobs.len() == 9 && jobs.is_sorted() && !jobs.contains(&done));
    let rows = queue.list().await;
    assert_eq!(rows.iter().find(|row| row.id == done).unwrap().state, State::Scheduled);

    let jobs = [
        Noop::JOB,
        Breaks::JOB,
        Stops::JOB,
        FailsOnce::JOB,
        Writes::JOB,
        Steps::JOB,
        Forgotten::JOB,
        ForgottenSteps::JOB,
        ForgottenWrites::JOB,
        Done::JOB,
    ];
    let engine = queue.engine_with(told.clone(), jobs).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Some((9, 7, 1, 1))]);
    assert_eq!(queue.effects().await, 3, "two jobs and the completion");
    assert_eq!(queue.number("SELECT count(*) FROM catena.batch_ends").await, 0);
}

#[tokio::test]
async fn a_batch_without_jobs_is_complete_at_once() {
    let mut queue = Queue::new().await;
    let batch = queue.batch(Batch::new().then(of::<Done>())).await;
    assert_eq!((batch.jobs.len(), queue.only().await.state), (0, State::Available));
    let told = Told::default();
    queue.engine_with(told.clone(), [Done::JOB]).await.run_until_idle().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Some((0, 0, 0, 0))]);
    assert_eq!(queue.batch(Batch::new()).await.then, None);
}

#[tokio::test]
async fn a_batch_exists_only_if_its_transaction_commits() {
    let mut queue = Queue::new().await;
    queue.sql("BEGIN").await;
    queue.batch(noops(2).then(of::<Done>())).await;
    queue.sql("ROLLBACK").await;
    let rows = "SELECT (SELECT count(*) FROM catena.jobs) + (SELECT count(*) FROM catena.batches)";
    assert_eq!(queue.number(rows).await, 0);
}

#[tokio::test]
async fn a_batch_of_many_jobs_takes_several_round_trips_and_is_one() {
    let mut queue = Queue::new().await;
    let told = Told::default();
    let batch = queue.batch(noops(20_001).then(of::<Done>())).await;
    assert!(batch.jobs.len() == 20_001 && batch.jobs.is_sorted());
    let settings = EngineSettings { slots: 1000, ..EngineSettings::default() };
    let engine = queue.engine_set(told.clone(), [Noop::JOB, Done::JOB], settings).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Some((20_001, 20_001, 0, 0))]);
}

#[tokio::test]
async fn a_batch_of_many_jobs_is_made_whole_or_not_at_all() {
    let mut queue = Queue::new().await;
    queue.sql("ALTER TABLE catena.jobs ADD CHECK (kind <> 'done')").await;
    noops(10_001).then(of::<Done>()).enqueue(&mut queue.owner).await.unwrap_err();
    let rows = "SELECT (SELECT count(*) FROM catena.jobs) + (SELECT count(*) FROM catena.batches)";
    assert_eq!(queue.number(rows).await, 0);
}

#[tokio::test]
async fn nobody_adds_jobs_to_the_batch_of_another_transaction() {
    let mut queue = Queue::new().await;
    let id = queue.batch(noops(1).then(of::<Done>())).await.id;
    let mut web = connect(queue.db.web_url()).await;
    let add = format!(
        "SELECT catena.enqueue_batch({id}, false, '{{noop}}', ARRAY['{{}}'::jsonb], '{{default}}', '{{0}}', '{{6}}', \
         '{{NULL}}', '{{0}}')"
    );
    let error = web.batch_execute(&add).await.unwrap_err().to_string();
    assert!(error.contains("in the transaction that makes it"), "{error}");
    for forbidden in ["SELECT FROM catena.batches", "INSERT INTO catena.batch_ends VALUES (1, 2, 1)"] {
        let error = web.batch_execute(forbidden).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{forbidden}: {error}");
    }
    let made = noops(2).then(of::<Done>()).enqueue(&mut web).await.unwrap();
    assert!(made.id > 0 && made.id != id);
}

#[tokio::test]
async fn jobs_that_wait_end_when_they_are_cancelled_or_given_up_by_hand() {
    let mut queue = Queue::new().await;
    let batch = queue.batch(noops(3).then(of::<Done>())).await;
    store::cancel_jobs(&mut queue.owner, &batch.jobs[..1]).await.unwrap();
    store::discard_jobs(&mut queue.owner, &batch.jobs[1..2]).await.unwrap();
    assert_eq!(queue.fold().await, 0, "one is left");
    queue.end(&batch.jobs[2..]).await;
    assert_eq!(queue.fold().await, 1);
    let counts = store::batch(&mut queue.owner, batch.id).await.unwrap();
    assert_eq!(counts, Some(BatchCounts { jobs: 3, completed: 1, cancelled: 1, discarded: 1 }));
}

#[tokio::test]
async fn a_job_that_was_given_up_and_is_tried_again_has_left_its_batch() {
    let mut queue = Queue::new().await;
    let told = Told::default();
    let batch = queue.batch(Batch::new().add(of::<Breaks>()).add(of::<Noop>()).then(of::<Done>())).await;
    store::discard_jobs(&mut queue.owner, &batch.jobs[..1]).await.unwrap();
    assert_eq!(store::retry_jobs(&mut queue.owner, &batch.jobs[..1]).await.unwrap(), batch.jobs[..1]);
    let engine = queue.engine_with(told.clone(), [Breaks::JOB, Noop::JOB, Done::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Some((2, 1, 0, 1))]);
    assert_eq!(store::retry_jobs(&mut queue.owner, &batch.jobs[..1]).await.unwrap(), batch.jobs[..1]);
    engine.run_until_idle().await.unwrap();
    assert_eq!(told.lock().unwrap().len(), 1, "once");
    let counts = store::batch(&mut queue.owner, batch.id).await.unwrap();
    assert_eq!(counts, Some(BatchCounts { jobs: 2, completed: 1, cancelled: 0, discarded: 1 }));
}

#[tokio::test]
async fn the_completion_job_can_be_stopped_while_it_waits() {
    let mut queue = Queue::new().await;
    let batch = queue.batch(noops(1).then(of::<Done>())).await;
    let done = batch.then.unwrap();
    assert!(store::retry_jobs(&mut queue.owner, &[done]).await.unwrap().is_empty(), "it waits for others");
    assert_eq!(store::discard_jobs(&mut queue.owner, &[done]).await.unwrap(), [done]);
    queue.end(&batch.jobs).await;
    assert_eq!((queue.fold().await, queue.state_of(done).await), (0, 4));
    assert_eq!(store::retry_jobs(&mut queue.owner, &[done]).await.unwrap(), [done]);
    let told = Told::default();
    queue.engine_with(told.clone(), [Done::JOB]).await.run_until_idle().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Some((1, 1, 0, 0))]);

    let batch = queue.batch(noops(1).then(of::<Done>())).await;
    let done = batch.then.unwrap();
    assert_eq!(store::cancel_jobs(&mut queue.owner, &[done]).await.unwrap(), (vec![done], vec![]));
    queue.end(&batch.jobs).await;
    assert_eq!(queue.fold().await, 0);
}

#[tokio::test]
async fn a_job_with_a_taken_key_is_not_waited_for() {
    let mut queue = Queue::new().await;
    let unique = crate::jobs::Unique { within_ms: None, until_start: false, replaces: false };
    static JOB: std::sync::OnceLock<Job> = std::sync::OnceLock::new();
    JOB.get_or_init(|| Job { unique: Some(unique), ..job("single", |_, _| Box::pin(async { Ok(()) })) });
    struct Single;
    impl JobType for Single {
        type Args = ();
        fn job() -> &'static Job {
            JOB.get().unwrap()
        }
    }
    let first = queue.batch(Batch::new().add(of::<Single>()).add(of::<Noop>()).then(of::<Done>())).await;
    let second = queue.batch(Batch::new().add(of::<Single>()).add(of::<Single>()).then(of::<Done>())).await;
    assert_eq!(second.jobs, [first.jobs[0], first.jobs[0]]);
    let done = second.then.unwrap();
    assert_eq!(queue.state_of(done).await, 0, "nothing to wait for");
    queue.end(&first.jobs).await;
    assert_eq!(queue.fold().await, 1, "the job is part of the first");

    let batch = queue.batch(Batch::new().add(of::<Single>()).add(of::<Single>()).then(of::<Single>())).await;
    assert_eq!(batch.jobs, [batch.then.unwrap(); 2], "one is made, as a member");
    queue.end(&batch.jobs[..1]).await;
    assert_eq!(queue.fold().await, 0);
}

#[tokio::test]
async fn what_ends_while_others_add_up_is_not_lost() {
    let mut queue = Queue::new().await;
    let batch = queue.batch(noops(3).then(of::<Done>())).await;
    let done = batch.then.unwrap();
    let mut other = connect(queue.db.jobs_url()).await;
    queue.end(&batch.jobs[..1]).await;

    // One adds up, and has not committed when the others end.
    other.batch_execute("BEGIN").await.unwrap();
    assert_eq!(store::fold(&mut other).await.unwrap(), 0);
    queue.end(&batch.jobs[1..2]).await;
    assert_eq!(queue.fold().await, 0, "it waits for nobody");
    other.batch_execute("COMMIT").await.unwrap();

    // One adds up while an end is not committed.
    queue.sql("BEGIN").await;
    queue.end(&batch.jobs[2..]).await;
    assert_eq!(store::fold(&mut other).await.unwrap(), 0);
    queue.sql("COMMIT").await;
    assert_eq!(queue.state_of(done).await, 7);
    assert_eq!(store::fold(&mut other).await.unwrap(), 1);
    assert_eq!(queue.state_of(done).await, 0);
}

#[tokio::test]
async fn who_adds_up_and_dies_has_changed_nothing() {
    let mut queue = Queue::new().await;
    let batch = queue.batch(noops(2).then(of::<Done>())).await;
    queue.end(&batch.jobs).await;
    queue.sql("BEGIN").await;
    assert_eq!(queue.fold().await, 1);
    queue.sql("ROLLBACK").await;
    assert_eq!(queue.state_of(batch.then.unwrap()).await, 7);
    assert_eq!(queue.fold().await, 1);
    assert_eq!(queue.fold().await, 0);
}

#[tokio::test]
async fn jobs_that_end_at_once_in_many_processes_complete_their_batch_once() {
    let mut queue = Queue::new().await;
    let batches: Vec<_> = {
        let mut made = Vec::new();
        for _ in 0..20 {
            made.push(queue.batch(noops(20).then(of::<Done>())).await);
        }
        made
    };
    queue.sql("UPDATE catena.jobs SET state = 1, lease = 1 WHERE kind = 'noop'").await;
    let mut tasks = Vec::new();
    for n in 0..4 {
        let url = queue.db.jobs_url().to_owned();
        let ids: Vec<_> =
            batches.iter().flat_map(|batch| batch.jobs.iter().skip(n).step_by(4).copied()).collect();
        tasks.push(tokio::spawn(async move {
            let mut connection = connect(&url).await;
            let mut freed = 0;
            for piece in ids.chunks(3) {
                let pairs: Vec<_> = piece.iter().map(|id| (*id, 1)).collect();
                store::complete(&connection, Completion::ALL[0], true, &pairs).await.unwrap();
                freed += store::fold(&mut connection).await.unwrap();
            }
            freed
        }));
    }
    let mut freed = 0;
    for task in tasks {
        freed += task.await.unwrap();
    }
    freed += queue.fold().await;
    assert_eq!(freed, 20);
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs WHERE state = 0").await, 20);
    assert_eq!(queue.number("SELECT count(*) FROM catena.batches WHERE completed = jobs").await, 20);
}

#[tokio::test]
async fn two_processes_share_a_batch() {
    let mut queue = Queue::new().await;
    let told = Told::default();
    let settings = || EngineSettings { slots: 2, ..EngineSettings::default() };
    let one = queue.engine_set(told.clone(), [Noop::JOB, Done::JOB], settings()).await;
    let two = queue.engine_set(told.clone(), [Noop::JOB, Done::JOB], settings()).await;
    queue.batch(noops(200).then(of::<Done>())).await;
    while queue.number("SELECT count(*) FROM catena.jobs").await > 0 {
        one.run_until_idle().await.unwrap();
        two.run_until_idle().await.unwrap();
    }
    assert_eq!(*told.lock().unwrap(), [Some((200, 200, 0, 0))]);
    assert_eq!(queue.effects().await, 1);
}

#[tokio::test]
async fn a_job_whose_process_vanished_is_waited_for() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let vanishing = queue.engine_with(stage.clone(), [Waits::JOB, Noop::JOB]).await;
    let batch = queue
        .batch(Batch::new().add_all([of::<Waits>(), of::<Waits>()]).add(of::<Noop>()).then(of::<Done>()))
        .await;
    queue.sql(&format!("UPDATE catena.jobs SET crashes = 3 WHERE id = {}", batch.jobs[0])).await;
    stage.has_begun().await;
    stage.has_begun().await;
    vanishing.hear();
    while queue.number("SELECT count(*) FROM catena.jobs WHERE kind = 'noop'").await > 0 {
        tokio::task::yield_now().await;
    }
    drop(vanishing);
    queue.sql("UPDATE catena.workers SET beat_at = beat_at - interval '9 s'").await;

    let told = Told::default();
    let mut services = States::default();
    let stage = Stage::new();
    stage.go_on();
    services.insert(told.clone());
    services.insert(stage);
    let services = Arc::new(Services::of_test(queue.db.database(), services));
    let engine =
        Engine::start_with(services, [Waits::JOB, Done::JOB], EngineSettings::default()).await.unwrap();
    engine.run_until_idle().await.unwrap();
    assert_eq!(*told.lock().unwrap(), [Some((3, 2, 0, 1))], "one had crashed too often");
}

#[tokio::test]
async fn a_process_adds_up_what_one_left_that_died() {
    let mut queue = Queue::new().await;
    let told = Told::default();
    let engine = queue.engine_with(told.clone(), [Done::JOB]).await;
    let batch = queue.batch(noops(2).then(of::<Done>())).await;
    queue.end(&batch.jobs).await;
    // Nobody tells the process: it looks by itself.
    while queue.effects().await == 0 {
        tokio::task::yield_now().await;
    }
    drop(engine);
    assert_eq!(*told.lock().unwrap(), [Some((2, 2, 0, 0))]);
}

#[tokio::test]
async fn of_a_batch_the_job_is_named_that_cannot_be_written() {
    let mut queue = Queue::new().await;
    let batch = Batch::new().add(of::<Noop>()).add(of::<Noop>().priority(7)).add(of::<Noop>().priority(8));
    let error = batch.then(of::<Done>()).enqueue(&mut queue.owner).await.unwrap_err();
    assert!(error.chain().starts_with("element 1 of a batch of jobs, a `noop`: "), "{error:?}");
    let batch = Batch::new().then(of::<Done>().delay("soon"));
    let error = batch.enqueue(&mut queue.owner).await.unwrap_err();
    assert!(error.chain().starts_with("the job `done` that completes a batch: "), "{error:?}");
    assert_eq!(queue.list().await, []);
}

#[tokio::test]
async fn old_batches_are_deleted_and_so_is_what_ended_of_none() {
    let mut queue = Queue::new().await;
    queue.batch(Batch::new().then(of::<Done>())).await;
    let waiting = queue.batch(noops(1).then(of::<Done>())).await;
    queue
        .sql("UPDATE catena.batches SET ended_at = ended_at - interval '91 days', created_at = '2020-01-01'")
        .await;
    queue.sql("INSERT INTO catena.batch_ends VALUES (5, 2, 1)").await;
    assert_eq!(queue.fold().await, 0);
    assert_eq!(store::delete_stray_ends(&mut queue.owner).await.unwrap(), 1);
    assert_eq!(store::delete_batches(&mut queue.owner, 90).await.unwrap(), 1);
    assert!(store::batch(&mut queue.owner, waiting.id).await.unwrap().is_some(), "it has not ended");
}
