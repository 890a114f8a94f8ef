//! Jobs that go on after the last finished step.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use super::*;
use crate::{StepResult, db::Db, macros::model};

/// Which steps were run, in order; steps that were passed are not among them.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<Vec<String>>>);

impl Ran {
    fn note(&self, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

async fn write(db: &mut Db) -> Result<()> {
    sql_query("INSERT INTO effects VALUES ('written')").execute(db).await?;
    Ok(())
}

/// A step that notes that it ran and writes one row of effects.
async fn step(job: &JobCtx, name: &str) -> Result<()> {
    job.step(name, async |mut db| {
        job.state::<Ran>()?.note(name);
        write(&mut db).await
    })
    .await
}

impl Queue {
    async fn steps(&mut self) -> i64 {
        self.number("SELECT count(*) FROM catena.job_steps").await
    }
}

/// What a step measured.
#[model]
#[derive(Debug, PartialEq)]
struct Measured {
    length: i32,
    unit: Option<String>,
}

job_type!(
    Resumes,
    job("resumes", |job, _| Box::pin(async move {
        let measured: Measured = job
            .step("measure", async |mut db| {
                job.state::<Ran>()?.note("measure");
                write(&mut db).await?;
                Ok(Measured { length: i32::from(job.attempt()), unit: None })
            })
            .await?;
        assert_eq!(measured, Measured { length: 1, unit: None }, "as the first attempt returned it");
        step(&job, "second").await?;
        if job.attempt() == 1 {
            return Err(Error::internal("once"));
        }
        step(&job, "third").await
    }))
);

#[tokio::test]
async fn a_retry_goes_on_after_the_last_finished_step() {
    let mut queue = Queue::new().await;
    let ran = Ran::default();
    let engine = queue.engine_with(ran.clone(), [Resumes::JOB]).await;
    queue.enqueue::<Resumes>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Completed, 2, vec!["once"]));
    assert_eq!(ran.take(), ["measure", "second", "third"]);
    assert_eq!((queue.effects().await, queue.steps().await), (3, 0));
}

job_type!(
    Halts,
    job("halts", |job, _| Box::pin(async move {
        step(&job, "first").await?;
        job.state::<Arc<Stage>>()?.wait().await;
        step(&job, "second").await
    }))
);

impl Queue {
    /// A process with what steps and stages need.
    async fn staged<const N: usize>(&self, stage: &Arc<Stage>, ran: &Ran, jobs: [&'static Job; N]) -> Engine {
        let mut states = States::default();
        states.insert(stage.clone());
        states.insert(ran.clone());
        let services = Arc::new(Services::of_test(self.db.database(), states));
        Engine::start_with(services, jobs, EngineSettings::default()).await.unwrap()
    }
}

#[tokio::test]
async fn a_step_and_its_effects_are_one_transaction() {
    let mut queue = Queue::new().await;
    let (stage, ran) = (Stage::new(), Ran::default());
    let engine = queue.staged(&stage, &ran, [Halts::JOB]).await;
    queue.enqueue::<Halts>(1).await;
    stage.has_begun().await;
    let together = "SELECT count(*) FROM effects e JOIN catena.job_steps s ON s.xmin = e.xmin";
    assert_eq!(queue.number(together).await, 1, "and it has committed while the job runs");
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.only().await.state, queue.effects().await), (State::Completed, 2));
}

job_type!(
    HaltsInside,
    job("halts_inside", |job, _| Box::pin(async move {
        let ran = job.state::<Ran>()?;
        let result = job
            .step("only", async |mut db| {
                write(&mut db).await?;
                job.state::<Arc<Stage>>()?.wait().await;
                Ok(())
            })
            .await;
        ran.note(if result.is_ok() { "went on" } else { "failed" });
        result
    }))
);

#[tokio::test]
async fn a_process_that_lost_the_job_cannot_finish_a_step_and_does_not_go_on() {
    let mut queue = Queue::new().await;
    let (stage, ran) = (Stage::new(), Ran::default());
    let engine = queue.staged(&stage, &ran, [HaltsInside::JOB]).await;
    queue.enqueue::<HaltsInside>(1).await;
    stage.has_begun().await;
    // Somebody else has it now.
    queue.sql("UPDATE catena.jobs SET lease = lease + 1000").await;
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.effects().await, queue.steps().await), (0, 0));
    assert_eq!((queue.only().await.state, ran.take()), (State::Executing, vec![]));
}

#[tokio::test]
async fn a_zombie_in_a_later_step_writes_nothing_twice() {
    let mut queue = Queue::new().await;
    let (stage, ran) = (Stage::new(), Ran::default());
    let zombie = queue.staged(&stage, &ran, [Halts::JOB]).await;
    queue.enqueue::<Halts>(1).await;
    stage.has_begun().await;
    queue.sql("UPDATE catena.workers SET beat_at = beat_at - interval '9 s'").await;
    let other_stage = Stage::new();
    other_stage.go_on();
    let other = queue.staged(&other_stage, &ran, [Halts::JOB]).await;
    other.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Completed);
    stage.go_on();
    zombie.run_until_idle().await.unwrap();
    assert_eq!(queue.effects().await, 2);
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts), (State::Completed, 1));
}

job_type!(
    FailsInside,
    job("fails_inside", |job, _| Box::pin(async move {
        let tries = AtomicUsize::new(0);
        let attempt = async || {
            job.step("only", async |mut db| {
                write(&mut db).await?;
                match tries.fetch_add(1, Relaxed) {
                    0 => Err(Error::conflict("not yet")),
                    n => Ok(i64::try_from(n).map_err(Error::internal)?),
                }
            })
            .await
        };
        assert_eq!(attempt().await.unwrap_err().detail(), "not yet");
        assert_eq!(attempt().await?, 1);
        Ok(())
    }))
);

#[tokio::test]
async fn a_step_that_fails_is_undone_and_may_be_tried_again_at_once() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([FailsInside::JOB]).await;
    queue.enqueue::<FailsInside>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Completed, 1, vec![]));
    assert_eq!(queue.effects().await, 1);
}

job_type!(
    SwallowsInside,
    Job {
        retries: 0,
        ..job("swallows_inside", |job, _| Box::pin(async move {
            job.step("only", async |mut db| {
                write(&mut db).await?;
                let _ = sql_query("SELECT 1 / 0").execute(&mut db).await;
                Ok(())
            })
            .await
        }))
    }
);

#[tokio::test]
async fn a_step_that_ignores_a_failed_statement_is_not_finished() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([SwallowsInside::JOB]).await;
    queue.enqueue::<SwallowsInside>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert!(
        texts(&row)[0].contains("a failed statement was ignored")
            && texts(&row)[0].contains("division by zero"),
        "{row:?}"
    );
    assert_eq!((row.state, queue.effects().await, queue.steps().await), (State::Discarded, 0, 0));
}

/// The errors of jobs that mix what does not go together, one after the other.
type Errors = Arc<Mutex<Vec<String>>>;

job_type!(
    Mixes,
    job("mixes", |job, _| Box::pin(async move {
        let note = |error: Error| job.state::<Errors>().unwrap().lock().unwrap().push(error.chain());
        job.step("first", async |_| {
            note(job.step("inner", async |_| Ok(())).await.unwrap_err());
            note(job.db().await.err().unwrap());
            Ok(())
        })
        .await?;
        note(job.db().await.err().unwrap());
        note(Enqueue::<Noop>::new(()).enqueue(&job).await.unwrap_err());
        note(job.step("first", async |_| Ok(())).await.unwrap_err());
        note(job.sleep("first", "1s").await.unwrap_err());
        note(job.sleep("second", "soon").await.unwrap_err());
        for name in ["", "a\0", &"n".repeat(201)] {
            note(job.step(name, async |_| Ok(())).await.unwrap_err());
        }
        note(job.step("long", async |_| Ok("l".repeat(1024 * 1024))).await.unwrap_err());
        note(job.step("beyond", async |_| Ok(i64::MAX)).await.unwrap_err());
        Ok(())
    }))
);
job_type!(
    MixesDb,
    job("mixes_db", |job, _| Box::pin(async move {
        super::write(&job).await?;
        let error = job.step("late", async |_| Ok(())).await.unwrap_err();
        job.state::<Errors>()?.lock().unwrap().push(error.chain());
        super::write(&job).await
    }))
);

#[tokio::test]
async fn what_does_not_go_together_is_said() {
    let mut queue = Queue::new().await;
    let errors = Errors::default();
    let engine = queue.engine_with(errors.clone(), [Mixes::JOB, MixesDb::JOB]).await;
    queue.enqueue::<Mixes>(1).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(texts(&queue.only().await), [""; 0]);
    let said = std::mem::take(&mut *errors.lock().unwrap());
    let not_both = "a job writes through `job.db()` or in steps, not both, and this one has the step `first`: write \
                    through the `db` that a step is given";
    assert_eq!(said[0], "the step `inner` was begun inside the step `first`: write them one after the other");
    assert_eq!(said[1..4], [not_both; 3]);
    for said in &said[4..6] {
        let beginning = "two steps of one attempt are called `first`, at framework/src/jobs/tests/steps.rs:";
        assert!(said.starts_with(beginning) && said.contains(" and at framework/src/"), "{said}");
    }
    assert!(said[6].contains("`soon` is no delay"), "{}", said[6]);
    for said in &said[7..10] {
        assert!(said.ends_with("is no name of a step: write 1 to 200 bytes of text"), "{said}");
    }
    let long =
        "the step `long` returned 1048578 bytes of JSON; it may return 1048576: keep the rest in a table";
    assert_eq!(said[10], long);
    assert!(said[11].contains("9223372036854775807 is not from"), "{}", said[11]);

    queue.enqueue::<MixesDb>(1).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.effects().await, 2, "the job goes on as it began");
    assert_eq!(
        *errors.lock().unwrap(),
        [
            "a job writes through `job.db()` or in steps, not both, and this one used `job.db()` before the step `late`: \
          put what it did there into a step of its own"
        ]
    );
}

job_type!(
    GivesUp,
    job("gives_up", |job, _| Box::pin(async move {
        let first_time = AtomicBool::new(false);
        job.step("first", async |mut db| {
            first_time.store(true, Relaxed);
            write(&mut db).await
        })
        .await?;
        if first_time.into_inner() { Err(Error::discard("for now")) } else { step(&job, "second").await }
    }))
);

#[tokio::test]
async fn a_job_that_was_given_up_keeps_its_steps_for_a_retry_by_hand() {
    let mut queue = Queue::new().await;
    let ran = Ran::default();
    let engine = queue.engine_with(ran.clone(), [GivesUp::JOB]).await;
    let ids = queue.enqueue::<GivesUp>(1).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.only().await.state, queue.steps().await), (State::Discarded, 1));
    assert_eq!(store::retry_jobs(&mut queue.owner, &ids).await.unwrap(), ids);
    engine.hear();
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.only().await.state, ran.take()), (State::Completed, vec!["second".to_owned()]));
    assert_eq!((queue.effects().await, queue.steps().await), (2, 0));
}

#[tokio::test]
async fn steps_go_with_a_job_that_is_cancelled_or_deleted() {
    let mut queue = Queue::new().await;
    let (stage, ran) = (Stage::new(), Ran::default());
    let settings = EngineSettings { cancel_grace: Duration::ZERO, ..EngineSettings::default() };
    let mut states = States::default();
    states.insert(stage.clone());
    states.insert(ran.clone());
    let services = Arc::new(Services::of_test(queue.db.database(), states));
    let engine = Engine::start_with(services, [Halts::JOB, GivesUp::JOB], settings).await.unwrap();
    let running = queue.enqueue::<Halts>(1).await;
    stage.has_begun().await;
    assert_eq!(queue.steps().await, 1);
    store::cancel_jobs(&mut queue.owner, &running).await.unwrap();
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.steps().await, 0, "of the one that ran");

    ran.take();
    queue.enqueue::<GivesUp>(3).await;
    engine.run_until_idle().await.unwrap();
    drop(engine);
    let given_up = queue.number("SELECT count(*) FROM catena.jobs WHERE state = 4").await;
    assert_eq!((given_up, queue.steps().await), (3, 3));
    queue.sql("UPDATE catena.jobs SET state = 0 WHERE id = (SELECT min(id) FROM catena.jobs)").await;
    let waiting = queue.number("SELECT id FROM catena.jobs WHERE state = 0").await;
    store::cancel_jobs(&mut queue.owner, &[waiting]).await.unwrap();
    assert_eq!(queue.steps().await, 2, "of the one that waited");
    queue.sql("UPDATE catena.jobs SET finished_at = now() - interval '91 days'").await;
    assert_eq!(store::delete_discarded(&mut queue.owner, 90).await.unwrap(), 2);
    assert_eq!(queue.steps().await, 0, "of those that were kept long enough");
    queue
        .sql("INSERT INTO catena.job_steps VALUES (999, 'orphan', now() - interval '2 hours', 'null'), (998, 'young', now(), 'null')")
        .await;
    assert_eq!(store::delete_orphan_steps(&mut queue.owner).await.unwrap(), 1);
}

job_type!(
    Sleeps,
    job("sleeps", |job, _| Box::pin(async move {
        step(&job, "before").await?;
        let result = job.sleep("a while", Duration::from_secs(3600)).await;
        job.state::<Ran>()?.note(if result.is_ok() { "woke" } else { "failed" });
        step(&job, "after").await
    }))
);

#[tokio::test]
async fn a_sleep_ends_the_attempt_which_does_not_count() {
    let mut queue = Queue::new().await;
    let ran = Ran::default();
    let engine = queue.engine_with(ran.clone(), [Sleeps::JOB]).await;
    let ids = queue.enqueue::<Sleeps>(1).await;
    queue.sql("UPDATE catena.jobs SET max_attempts = 1").await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, row.errors.len()), (State::Scheduled, 0, 0));
    assert!((row.run_at - row.created_at).num_seconds() >= 3600);
    assert_eq!((ran.take(), queue.steps().await), (vec!["before".to_owned()], 2));

    queue.db.advance(Duration::from_secs(3000)).await;
    store::retry_jobs(&mut queue.owner, &ids).await.unwrap();
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, ran.take()), (State::Scheduled, 0, vec![]), "it waits for the rest");
    let left = queue.number("SELECT extract(epoch FROM run_at - now()) FROM catena.jobs").await;
    assert!((590..=600).contains(&left), "{left} s");

    queue.db.advance(Duration::from_secs(600)).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts), (State::Completed, 1));
    assert_eq!((ran.take(), queue.steps().await), (vec!["woke".to_owned(), "after".to_owned()], 0));
}

/// Whether a value comes back as it was returned.
async fn comes_back<T: StepResult + PartialEq + std::fmt::Debug>(
    job: &JobCtx,
    name: &str,
    value: T,
) -> Result<()> {
    let text = value.write()?;
    let copy = T::read(&text).map_err(Error::internal)?;
    let returned = job.step(name, async |_| Ok(copy)).await?;
    assert_eq!(returned, value);
    Ok(())
}

job_type!(
    Returns,
    job("returns", |job, _| Box::pin(async move {
        comes_back(&job, "nothing", ()).await?;
        comes_back(&job, "none", None::<Measured>).await?;
        comes_back(&job, "some", Some(Measured { length: 3, unit: Some("m".to_owned()) })).await?;
        comes_back(&job, "list", vec![Some(1), None, Some(3)]).await?;
        comes_back(&job, "text", "\u{1} \"ä\"".to_owned()).await?;
        comes_back(&job, "number", 0.1_f64).await?;
        if job.attempt() < 3 { Err(Error::internal("again")) } else { Ok(()) }
    }))
);

#[tokio::test]
async fn what_a_step_returns_comes_back() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Returns::JOB]).await;
    queue.enqueue::<Returns>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Completed, vec!["again", "again"]));
}

job_type!(
    Changes,
    job("changes", |job, _| Box::pin(async move {
        if job.attempt() == 1 {
            job.step("one", async |_| Ok("text".to_owned())).await?;
            return Err(Error::internal("again"));
        }
        let read = job.step("one", async |_| Ok(Measured { length: 1, unit: None })).await;
        assert!(read.is_err());
        job.sleep("one", "1s").await
    }))
);

#[tokio::test]
async fn a_result_of_another_shape_gives_the_job_up() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Changes::JOB]).await;
    queue.enqueue::<Changes>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    let expected = "`one` is a sleep, and was a step in an earlier attempt of this job: give it another name";
    assert_eq!((row.state, texts(&row)), (State::Discarded, vec!["again", expected]));
}

job_type!(
    Enqueues,
    job("enqueues", |job, _| Box::pin(async move {
        for n in 1..=2 {
            let step = job.step(format!("enqueue {n}"), async |mut db| {
                Enqueue::<Noop>::new(()).enqueue(&mut db).await?;
                if n == 1 { Ok(()) } else { Err(Error::discard("not this one")) }
            });
            step.await?;
        }
        Ok(())
    }))
);

#[tokio::test]
async fn a_job_enqueued_in_a_step_exists_once_the_step_is_finished() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Enqueues::JOB, Noop::JOB]).await;
    queue.enqueue::<Enqueues>(1).await;
    engine.run_until_idle().await.unwrap();
    let rows = queue.list().await;
    let states: Vec<_> = rows.iter().map(|row| (row.kind.as_str(), row.state)).collect();
    assert_eq!(states, [("enqueues", State::Discarded), ("noop", State::Completed)]);
}
