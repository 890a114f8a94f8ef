//! No more jobs of one key run at once than their kind allows, in however many processes, and none waits in vain.

use std::{collections::HashMap, sync::Mutex};

use super::*;
use crate::{
    jobs::{keys::Digest, store::Limit},
    macros::model,
};

const fn limited(name: &'static str, most: u16, run: fn(JobCtx, Args) -> JobFuture) -> Job {
    Job { concurrency: Some(most), ..job(name, run) }
}

/// What handlers see of each other.
#[derive(Default)]
struct Watch {
    running: Mutex<HashMap<Digest, usize>>,
    most: Mutex<usize>,
    order: Mutex<Vec<JobId>>,
}

impl Watch {
    /// Runs among others with the key for a while.
    async fn run(&self, key: Digest, id: JobId) {
        let now = {
            let mut running = self.running.lock().unwrap();
            let now = running.entry(key).or_default();
            *now += 1;
            *now
        };
        {
            let mut most = self.most.lock().unwrap();
            *most = now.max(*most);
        }
        self.order.lock().unwrap().push(id);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        *self.running.lock().unwrap().get_mut(&key).unwrap() -= 1;
    }
}

job_type!(
    Watched,
    limited("watched", 3, |job, args| Box::pin(async move {
        let watch = job.state::<Arc<Watch>>()?.clone();
        let key: [u8; 1] = serde_json::from_str(&args.text).unwrap();
        watch.run([key[0]; 16], job.id()).await;
        if job.attempt() == 1 && job.id() % 7 == 0 {
            return Err(Error::internal("again"));
        }
        if job.id() % 5 == 0 { write(&job).await } else { Ok(()) }
    }))
);

job_type!(
    OneByOne,
    limited("one_by_one", 1, |job, _| Box::pin(async move {
        job.state::<Arc<Watch>>()?.clone().run([0; 16], job.id()).await;
        Ok(())
    }))
);

job_type!(
    WaitsAlone,
    limited("waits_alone", 1, |job, _| Box::pin(async move {
        job.state::<Arc<Stage>>()?.wait().await;
        Ok(())
    }))
);

fn keyed(job: &'static Job, key: u8) -> NewJob {
    NewJob { concurrency_key: Some([key; 16]), args: format!("[{key}]"), ..NewJob::of(job) }
}

impl Queue {
    async fn put_all(&mut self, jobs: Vec<NewJob>) -> Vec<JobId> {
        store::enqueue(&mut self.owner, jobs).await.unwrap()
    }

    async fn in_state(&mut self, state: i16) -> i64 {
        self.number(&format!("SELECT count(*) FROM catena.jobs WHERE state = {state}")).await
    }

    /// Resolves once that many jobs are in the state.
    async fn have_in_state(&mut self, jobs: i64, state: i16) {
        while self.in_state(state).await != jobs {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_exact_in_several_processes() {
    let mut queue = Queue::new().await;
    let jobs = (0..600).map(|i| keyed(Watched::JOB, [0, 1, 2, 0][i % 4])).collect();
    queue.put_all(jobs).await;
    let watch = Arc::new(Watch::default());
    let first = queue.engine_with(watch.clone(), [Watched::JOB]).await;
    let second = queue.engine_with(watch.clone(), [Watched::JOB]).await;
    let third = queue.engine_with(watch.clone(), [Watched::JOB]).await;
    while queue.number("SELECT count(*) FROM catena.job_history").await < 600 {
        for engine in [&first, &second, &third] {
            engine.run_until_idle().await.unwrap();
        }
    }
    assert_eq!(*watch.most.lock().unwrap(), 3);
    let runs = watch.order.lock().unwrap().len();
    assert_eq!(runs as i64, 600 + queue.number("SELECT count(*) FROM catena.job_errors").await);
    assert_eq!(
        queue.effects().await,
        queue.number("SELECT count(*) FROM catena.job_history WHERE id % 5 = 0").await
    );
}

#[tokio::test]
async fn those_of_one_key_run_in_the_order_of_the_queue() {
    let mut queue = Queue::new().await;
    let mut jobs = vec![keyed(OneByOne::JOB, 1); 120];
    for job in &mut jobs[100..] {
        job.priority = 0;
    }
    for job in &mut jobs[..100] {
        job.priority = 1;
    }
    let ids = queue.put_all(jobs).await;
    let watch = Arc::new(Watch::default());
    let engine = queue.engine_with(watch.clone(), [OneByOne::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let expected: Vec<_> = ids[100..].iter().chain(&ids[..100]).copied().collect();
    assert_eq!(*watch.order.lock().unwrap(), expected);
    assert_eq!(*watch.most.lock().unwrap(), 1);
}

#[tokio::test]
async fn one_begins_when_another_has_ended() {
    let mut queue = Queue::new().await;
    let watch = Arc::new(Watch::default());
    let engine = queue.engine_with(watch.clone(), [OneByOne::JOB]).await;
    queue.put_all(vec![keyed(OneByOne::JOB, 1); 500]).await;
    engine.hear();
    while queue.number("SELECT count(*) FROM catena.job_history").await < 500 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn those_that_find_no_room_are_in_nobodys_way() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.put_all(vec![keyed(WaitsAlone::JOB, 1); 3000]).await;
    let engine = queue.engine_with(stage.clone(), [WaitsAlone::JOB, Noop::JOB]).await;
    stage.has_begun().await;
    queue.have_in_state(2999, 6).await;
    let other = queue.put_all(vec![keyed(WaitsAlone::JOB, 2), NewJob::of(Noop::JOB)]).await;
    engine.hear();
    stage.has_begun().await;
    while queue.number(&format!("SELECT count(*) FROM catena.job_history WHERE id = {}", other[1])).await == 0
    {
        tokio::task::yield_now().await;
    }
    assert_eq!((queue.in_state(1).await, queue.in_state(0).await), (2, 0));
    let row = queue.list().await.into_iter().find(|row| row.id == ids[0]);
    assert!(row.is_none_or(|row| row.state == State::Executing));

    // Whoever ends lets the next one begin.
    stage.go_on();
    stage.go_on();
    stage.has_begun().await;
    queue.have_in_state(2998, 6).await;
    assert_eq!(queue.in_state(1).await, 1);
}

#[tokio::test]
async fn a_key_is_free_again_when_its_process_has_vanished() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let vanishing = queue.engine_with(stage.clone(), [WaitsAlone::JOB]).await;
    let ids = queue.put_all(vec![keyed(WaitsAlone::JOB, 1); 2]).await;
    vanishing.hear();
    stage.has_begun().await;
    queue.have_in_state(1, 6).await;
    drop(vanishing);
    // The first was the last of its attempts, so it does not come back.
    queue.sql(&format!("UPDATE catena.jobs SET max_attempts = 1 WHERE id = {}", ids[0])).await;
    let other = Stage::new();
    let engine = queue.engine_with(other.clone(), [WaitsAlone::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.in_state(6).await, 1);
    queue.sql("UPDATE catena.workers SET beat_at = beat_at - interval '9 s' WHERE id = (SELECT min(id) FROM catena.workers)").await;
    other.go_on();
    other.go_on();
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.in_state(6).await + queue.in_state(0).await + queue.in_state(1).await, 0);
}

#[tokio::test]
async fn who_was_not_told_of_room_is_found() {
    let mut queue = Queue::new().await;
    queue.put_all(vec![keyed(OneByOne::JOB, 1), keyed(Noop::JOB, 2), keyed(Noop::JOB, 2)]).await;
    queue.sql("UPDATE catena.jobs SET state = 6").await;
    let watch = Arc::new(Watch::default());
    // `noop` has no limit any more.
    let engine = queue.engine_with(watch.clone(), [OneByOne::JOB, Noop::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_history").await, 3);
}

#[tokio::test]
async fn a_job_without_a_key_has_no_limit() {
    let mut queue = Queue::new().await;
    // As a version of the program enqueues it in which the kind has no limit.
    let job = NewJob { concurrency_key: None, ..NewJob::of(WaitsAlone::JOB) };
    queue.put_all(vec![job; 2]).await;
    let stage = Stage::new();
    let _engine = queue.engine_with(stage.clone(), [WaitsAlone::JOB]).await;
    stage.has_begun().await;
    stage.has_begun().await;
}

#[tokio::test]
async fn neither_keyed_jobs_nor_others_starve() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(200).await;
    queue.put_all(vec![keyed(OneByOne::JOB, 1); 20]).await;
    let settings = EngineSettings { slots: 1, ..EngineSettings::default() };
    let watch = Arc::new(Watch::default());
    let engine = queue.engine_set(watch, [OneByOne::JOB, Noop::JOB], settings).await;
    engine.run_until_idle().await.unwrap();
    let before_the_last_keyed = "SELECT count(*) FROM catena.job_history WHERE kind = 'noop' \
        AND claimed_at < (SELECT max(claimed_at) FROM catena.job_history WHERE kind = 'one_by_one')";
    let others = queue.number(before_the_last_keyed).await;
    assert!((5..100).contains(&others), "{others} others began before the last keyed one");
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_history").await, 220);
}

#[tokio::test]
async fn keyed_jobs_do_not_have_others_overtake_each_other() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(60).await;
    queue.sql("UPDATE catena.jobs SET run_at = run_at - interval '1 h' WHERE id <= 30").await;
    queue.put_all(vec![keyed(OneByOne::JOB, 1); 20]).await;
    let settings = EngineSettings { slots: 1, ..EngineSettings::default() };
    let watch = Arc::new(Watch::default());
    let _engine = queue.engine_set(watch, [OneByOne::JOB, Noop::JOB], settings).await;
    while queue.number("SELECT count(*) FROM catena.job_history").await < 80 {
        tokio::task::yield_now().await;
    }
    let order = "SELECT id::text AS text FROM catena.job_history WHERE kind = 'noop' ORDER BY claimed_at";
    let order: Vec<i64> = queue.texts(order).await.iter().map(|id| id.parse().unwrap()).collect();
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn paused_and_cancelled_ones_stay_where_they_are() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.put_all(vec![keyed(WaitsAlone::JOB, 1); 4]).await;
    let engine = queue.engine_with(stage.clone(), [WaitsAlone::JOB]).await;
    stage.has_begun().await;
    queue.have_in_state(3, 6).await;
    let blocked: Vec<_> = queue.list().await.iter().map(|row| (row.state, row.blocked)).collect();
    let waits = (State::Available, true);
    assert_eq!(blocked, [(State::Executing, false), waits, waits, waits]);
    assert_eq!(store::cancel_jobs(&mut queue.owner, &[ids[1]]).await.unwrap(), (vec![ids[1]], vec![]));
    assert_eq!(store::discard_jobs(&mut queue.owner, &[ids[2]]).await.unwrap(), [ids[2]]);
    store::pause(&mut queue.owner, "default").await.unwrap();
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    assert_eq!((queue.in_state(0).await, queue.in_state(1).await), (1, 0));
    store::resume(&mut queue.owner, "default").await.unwrap();
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_history WHERE state = 2").await, 2);
}

/// What is claimed for `worker` of the kind `watched`.
async fn claim(connection: &AsyncPgConnection, worker: i64, limit: i32) -> usize {
    let limits = [Limit { kind: "watched", most: 3, version: 1 }];
    store::concurrency::keyed(connection, &[], &claim_of(limit, worker), &limits).await.unwrap().len()
}

#[tokio::test]
async fn two_claims_at_once_do_not_exceed_the_limit() {
    let mut queue = Queue::new().await;
    let worker = store::register(&queue.owner, "BEGIN", "this", false, &[]).await.unwrap().worker;
    let (mut first, second) = (connect(queue.db.jobs_url()).await, connect(queue.db.jobs_url()).await);
    queue.put_all(vec![keyed(Watched::JOB, 1); 9]).await;
    first.batch_execute("BEGIN").await.unwrap();
    assert_eq!(claim(&first, worker, 2).await, 2);
    assert_eq!(claim(&second, worker, 9).await, 0, "it decides about no key that another decides about");
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(claim(&second, worker, 9).await, 1);
    assert_eq!((queue.in_state(1).await, queue.in_state(6).await), (3, 6));
    assert_eq!(claim(&second, 0, 9).await, 0, "a process that is not among the living takes none");
}

#[tokio::test]
async fn who_frees_a_key_waits_for_who_blocks_jobs_by_it() {
    let mut queue = Queue::new().await;
    let worker = store::register(&queue.owner, "BEGIN", "this", false, &[]).await.unwrap().worker;
    let mut first = connect(queue.db.jobs_url()).await;
    let ids = queue.put_all(vec![keyed(Watched::JOB, 1); 3]).await;
    assert_eq!(claim(&first, worker, 3).await, 3);
    queue.put_all(vec![keyed(Watched::JOB, 1)]).await;
    first.batch_execute("BEGIN").await.unwrap();
    assert_eq!(claim(&first, worker, 3).await, 0, "there is no room for the fourth");
    queue.sql(&format!("DELETE FROM catena.jobs WHERE id = {}", ids[0])).await;
    let second = connect(queue.db.owner_url()).await;
    let freeing = tokio::spawn(async move {
        let limits = [Limit { kind: "watched", most: 3, version: 1 }];
        store::concurrency::keyed(&second, &[[1; 16]], &claim_of(9, worker), &limits).await.unwrap().len()
    });
    queue.somebody_waits(1).await;
    first.batch_execute("COMMIT").await.unwrap();
    assert_eq!(freeing.await.unwrap(), 1);
}

#[model]
struct Transfer {
    account: String,
    amount: i32,
}

struct Transfers;
impl JobType for Transfers {
    type Args = Transfer;

    fn job() -> &'static Job {
        static JOB: Job = limited("transfers", 1, |_, _| Box::pin(async { Ok(()) }));
        &JOB
    }

    fn concurrency_by(args: &Transfer, key: &mut crate::jobs::Key) -> Result<bool> {
        key.field("account", &args.account)?;
        Ok(true)
    }
}

#[tokio::test]
async fn jobs_are_told_apart_by_fields_of_their_arguments() {
    let mut queue = Queue::new().await;
    for (account, amount) in [("a", 1), ("b", 1), ("a", 2)] {
        let args = Transfer { account: account.to_owned(), amount };
        Enqueue::<Transfers>::new(args).enqueue(&mut queue.owner).await.unwrap();
    }
    Enqueue::<OneByOne>::new(()).enqueue(&mut queue.owner).await.unwrap();
    let keys =
        queue.texts("SELECT encode(concurrency_key, 'hex') AS text FROM catena.jobs ORDER BY id").await;
    assert_eq!(keys[0], keys[2]);
    assert!(keys[0] != keys[1] && keys[3] != keys[0] && keys[3] != keys[1]);
}
