use std::sync::Mutex;

use super::*;

#[tokio::test]
async fn a_job_runs_once_and_is_in_the_history() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Noop::JOB]).await;
    let ids = queue.enqueue::<Noop>(1).await;
    engine.run_until_idle().await.unwrap();

    let row = queue.only().await;
    assert_eq!((row.id, row.state, row.attempts), (ids[0], State::Completed, 1));
    assert!(row.errors.is_empty() && row.finished_at.is_some());
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs").await, 0);
}

#[tokio::test]
async fn what_a_job_writes_and_its_completion_commit_together() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Writes::JOB]).await;
    queue.enqueue::<Writes>(20).await;
    engine.run_until_idle().await.unwrap();

    assert_eq!(queue.effects().await, 20);
    let together =
        "SELECT count(DISTINCT e.xmin::text) FROM effects e JOIN catena.job_history h ON h.xmin = e.xmin";
    assert_eq!(queue.number(together).await, 20, "one transaction a job");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_do_every_job_once() {
    let mut queue = Queue::new().await;
    let (one, other) =
        (queue.engine([Noop::JOB, Writes::JOB]).await, queue.engine([Noop::JOB, Writes::JOB]).await);
    queue.enqueue::<Noop>(300).await;
    queue.enqueue::<Writes>(200).await;
    let (a, b) = tokio::join!(one.run_until_idle(), other.run_until_idle());
    a.and(b).unwrap();

    assert_eq!(queue.number("SELECT count(*) FROM catena.job_history").await, 500);
    assert_eq!(queue.number("SELECT count(DISTINCT id) FROM catena.job_history").await, 500);
    assert_eq!(queue.number("SELECT max(attempt) FROM catena.job_history").await, 1);
    assert_eq!(queue.effects().await, 200);
}

#[tokio::test]
async fn a_kind_that_the_binary_does_not_know_is_left_alone() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Noop::JOB]).await;
    queue.enqueue::<Writes>(1).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Available);
}

type Order = Arc<Mutex<Vec<JobId>>>;

job_type!(
    Notes,
    job("notes", |job, _| Box::pin(async move {
        job.state::<Order>()?.lock().unwrap().push(job.id());
        Ok(())
    }))
);

#[tokio::test]
async fn due_jobs_run_by_priority_then_time() {
    let mut queue = Queue::new().await;
    let order = Order::default();
    let owner = &mut queue.owner;
    let last = Enqueue::<Notes>::new(()).priority(3).enqueue(&mut *owner).await.unwrap();
    let second = Enqueue::<Notes>::new(()).enqueue(&mut *owner).await.unwrap();
    let early = chrono::Utc::now() - chrono::TimeDelta::hours(1);
    let first = Enqueue::<Notes>::new(()).at(early).enqueue(&mut *owner).await.unwrap();
    Enqueue::<Notes>::new(()).delay(Duration::from_secs(3600)).enqueue(&mut *owner).await.unwrap();

    let settings = EngineSettings { slots: 1, ..EngineSettings::default() };
    let engine = queue.engine_set(order.clone(), [Notes::JOB], settings).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(*order.lock().unwrap(), [first, second, last]);
    let states: Vec<_> = queue.list().await.into_iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Completed, State::Completed, State::Completed, State::Scheduled]);
}

#[tokio::test]
async fn a_job_that_commits_its_completion_itself_frees_its_slot() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Writes>(7).await;
    let settings = EngineSettings { slots: 2, ..EngineSettings::default() };
    let engine = queue.engine_set((), [Writes::JOB], settings).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.effects().await, 7);
}
