//! Jobs that compute, on threads of their own.

use std::{
    sync::{Mutex, mpsc},
    thread,
};

use super::*;

const fn blocking(name: &'static str, run: fn(JobCtx, Args) -> JobFuture) -> Job {
    Job { blocking: true, retries: 0, ..job(name, run) }
}

/// What a handler says to its test from its thread, and when it may go on.
#[derive(Clone)]
struct Talk {
    says: mpsc::Sender<&'static str>,
    go_on: Arc<Mutex<mpsc::Receiver<()>>>,
}

type Said = mpsc::Receiver<&'static str>;

fn talk() -> (Talk, Said, mpsc::Sender<()>) {
    let ((says, said), (go, go_on)) = (mpsc::channel(), mpsc::channel());
    (Talk { says, go_on: Arc::new(Mutex::new(go_on)) }, said, go)
}

job_type!(
    Computes,
    blocking("computes", |job, _| Box::pin(async move {
        write(&job).await?;
        let talk = job.state::<Talk>()?;
        talk.says.send("begun").unwrap();
        // Computes, in the middle of its transaction, and awaits nothing.
        talk.go_on.lock().unwrap().recv().unwrap();
        assert_eq!(thread::current().name(), Some("job computes"));
        Ok(())
    }))
);

/// Waits for what a handler says without standing in the way of the runtime.
async fn hear(said: Said) -> (&'static str, Said) {
    tokio::task::spawn_blocking(move || (said.recv().unwrap(), said)).await.unwrap()
}

#[tokio::test]
async fn others_run_while_a_job_computes() {
    let mut queue = Queue::new().await;
    let (talk, said, go) = talk();
    let engine = queue.engine_with(talk, [Computes::JOB, Writes::JOB]).await;
    queue.enqueue::<Computes>(1).await;
    assert_eq!(hear(said).await.0, "begun");
    queue.enqueue::<Writes>(1).await;
    while queue.effects().await == 0 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.effects().await, 2, "what it wrote is committed with its completion");
    assert!(queue.list().await.iter().all(|row| row.state == State::Completed));
}

job_type!(
    Looks,
    Job {
        timeout: Some(Duration::from_millis(1)),
        ..blocking("looks", |job, _| Box::pin(async move {
            while !job.is_cancelled() {
                thread::yield_now();
            }
            Err(Error::internal("looked"))
        }))
    }
);

#[tokio::test]
async fn a_handler_that_looks_learns_that_its_time_is_up() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Looks::JOB]).await;
    queue.enqueue::<Looks>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Discarded, vec!["looked"]), "a failure, not cancelled");
}

job_type!(
    Awaits,
    Job {
        timeout: Some(Duration::from_millis(1)),
        ..blocking("awaits", |job, _| Box::pin(async move {
            job.state::<Arc<Stage>>()?.wait().await;
            Ok(())
        }))
    }
);

#[tokio::test]
async fn a_handler_that_awaits_is_dropped_when_its_time_is_up() {
    let mut queue = Queue::new().await;
    let engine = queue.engine_with(Stage::new(), [Awaits::JOB]).await;
    queue.enqueue::<Awaits>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Discarded, vec!["took longer than 1ms"]));
}

job_type!(
    ComputesOn,
    blocking("computes_on", |job, _| Box::pin(async move {
        write(&job).await?;
        let talk = job.state::<Talk>()?;
        talk.says.send("begun").unwrap();
        while !job.is_cancelled() {
            thread::yield_now();
        }
        talk.says.send("told").unwrap();
        talk.go_on.lock().unwrap().recv().unwrap();
        Ok(())
    }))
);

#[tokio::test]
async fn one_that_computes_on_keeps_its_slot_and_what_it_returns_counts() {
    let mut queue = Queue::new().await;
    let (talk, said, go) = talk();
    let settings = EngineSettings { slots: 1, cancel_grace: Duration::ZERO, ..EngineSettings::default() };
    let engine = queue.engine_set(talk, [ComputesOn::JOB, Noop::JOB], settings).await;
    let ids = queue.enqueue::<ComputesOn>(1).await;
    let (begun, said) = hear(said).await;
    assert_eq!(begun, "begun");
    store::cancel_jobs(&mut queue.owner, &ids).await.unwrap();
    assert_eq!(hear(said).await.0, "told");
    queue.enqueue::<Noop>(1).await;
    let idle = engine.run_until_idle();
    tokio::pin!(idle);
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut idle).is_pending());
        tokio::task::yield_now().await;
    }
    let states: Vec<_> = queue.list().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Executing, State::Available]);
    go.send(()).unwrap();
    idle.await.unwrap();
    assert!(queue.list().await.iter().all(|row| row.state == State::Completed));
    assert_eq!(queue.effects().await, 1);
}

#[tokio::test]
async fn shutdown_leaves_one_behind_that_computes_on() {
    let mut queue = Queue::new().await;
    let (talk, said, go) = talk();
    let engine = queue.engine_with(talk, [Computes::JOB]).await;
    queue.enqueue::<Computes>(1).await;
    assert_eq!(hear(said).await.0, "begun");
    engine.shutdown(Duration::ZERO).await;
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts), (State::Available, 0));
    go.send(()).unwrap();
    assert_eq!(queue.effects().await, 0);
}

job_type!(Panics, blocking("panics", |_, _| Box::pin(async { panic!("in its thread") })));

#[tokio::test]
async fn a_panic_is_a_failure() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Panics::JOB]).await;
    queue.enqueue::<Panics>(1).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(texts(&queue.only().await), ["panicked: in its thread"]);
}
