//! What is said of each queue is what a count of its jobs would be, at every moment.

use super::*;
use crate::jobs::{
    Batch,
    enqueue::UniqueKey,
    store::{Alone, QueueStats},
};

job_type!(Mail, Job { queue: "mail", ..job("mail", |_, _| Box::pin(async { Ok(()) })) });

job_type!(
    Keyed,
    Job {
        queue: "mail",
        concurrency: Some(1),
        ..job("keyed", |job, _| Box::pin(async move {
            if job.attempt() == 1 { Err(Error::internal("not yet")) } else { Ok(()) }
        }))
    }
);

// One job in all ways that there are to end.
job_type!(
    Restless,
    job("restless", |job, _| Box::pin(async move {
        match (job.id() % 7, job.attempt()) {
            (0, 1) => Err(Error::internal("not yet")),
            (1, _) => Err(Error::internal("no")),
            (2, _) => Err(Error::discard("of no use")),
            (3, _) => Err(Error::cancel("not needed")),
            (4, _) => write(&job).await,
            (5, _) => job.step("one", async |_| Ok(())).await,
            _ => Ok(()),
        }
    }))
);

/// How many queues have other counts than jobs, in one snapshot.
const WRONG: &str = "SELECT count(*) FROM (
    SELECT FROM (
        SELECT queue, (state IN (0, 5, 6, 7))::int AS waiting, (state = 4)::int AS discarded FROM catena.jobs
        UNION ALL SELECT queue, -waiting, -discarded FROM catena.job_counts
        UNION ALL SELECT queue, -waiting, -discarded FROM catena.job_deltas
    ) parts
    GROUP BY queue HAVING sum(waiting) <> 0 OR sum(discarded) <> 0
) wrong";

impl Queue {
    async fn stats(&mut self) -> Vec<QueueStats> {
        store::stats(&mut self.owner).await.unwrap()
    }

    /// The name of each queue, and how many jobs wait, are due, run and were given up.
    async fn counts(&mut self) -> Vec<(String, i64, i64, i64, i64)> {
        let counts = |stats: QueueStats| {
            let QueueStats { queue, waiting, due, executing, discarded, .. } = stats;
            (queue, waiting, due, executing, discarded)
        };
        self.stats().await.into_iter().map(counts).collect()
    }

    /// How many jobs of a queue wait.
    async fn waiting_in(&mut self, name: &str) -> i64 {
        self.stats().await.into_iter().find(|one| one.queue == name).map_or(0, |one| one.waiting)
    }

    /// Adds up all changes.
    async fn add_up(&mut self) {
        store::fold_counts(&mut self.owner).await.unwrap();
        assert_eq!(self.number("SELECT count(*) FROM catena.job_deltas").await, 0);
    }

    /// Says that the counts are right, before they are added up and after.
    async fn agrees(&mut self, after: &str) {
        assert_eq!(self.number(WRONG).await, 0, "{after}: {:?}", self.stats().await);
        self.add_up().await;
        assert_eq!(self.number(WRONG).await, 0, "{after}, added up: {:?}", self.stats().await);
    }

    async fn put_jobs(&mut self, jobs: Vec<NewJob>) -> Vec<JobId> {
        store::enqueue(&mut self.owner, jobs).await.unwrap()
    }
}

fn of<J: JobType>() -> NewJob {
    NewJob::of(J::job())
}

fn keyed(key: u8) -> NewJob {
    NewJob { concurrency_key: Some([key; 16]), ..of::<Keyed>() }
}

fn unique(key: u8, replaces: bool) -> NewJob {
    let unique = UniqueKey { key: [key; 16], within_ms: None, until_start: false, replaces };
    NewJob { unique: Some(unique), ..of::<Mail>() }
}

fn counts(
    queue: &str,
    waiting: i64,
    due: i64,
    executing: i64,
    discarded: i64,
) -> (String, i64, i64, i64, i64) {
    (queue.to_owned(), waiting, due, executing, discarded)
}

#[tokio::test]
async fn what_is_enqueued_waits() {
    let mut queue = Queue::new().await;
    assert_eq!(queue.counts().await, []);
    queue.enqueue::<Noop>(1).await;
    queue.agrees("one").await;
    queue.put_jobs(vec![of::<Mail>(), of::<Noop>(), NewJob { delay_ms: 60_000, ..of::<Mail>() }]).await;
    queue.agrees("several").await;
    assert_eq!(queue.counts().await, [counts("default", 2, 2, 0, 0), counts("mail", 2, 1, 0, 0)]);
    queue.put_jobs(vec![unique(1, false), of::<Noop>(), unique(1, false), unique(2, false)]).await;
    queue.put_jobs(vec![unique(1, false), unique(2, true)]).await;
    queue.agrees("those that are alike").await;
    assert_eq!(queue.counts().await, [counts("default", 3, 3, 0, 0), counts("mail", 4, 3, 0, 0)]);
    let batch = Batch::new().add_all((0..3).map(|_| Enqueue::<Mail>::new(()))).then(Enqueue::<Noop>::new(()));
    batch.enqueue(&mut queue.owner).await.unwrap();
    queue.agrees("a batch").await;
    assert_eq!(queue.counts().await, [counts("default", 4, 3, 0, 0), counts("mail", 7, 6, 0, 0)]);
    queue.put_jobs(Vec::new()).await;
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_deltas").await, 0);

    queue.sql("BEGIN").await;
    queue.put_jobs(vec![of::<Noop>(), unique(3, false)]).await;
    assert_eq!(queue.number("SELECT sum(waiting) FROM catena.job_deltas").await, 2);
    queue.sql("ROLLBACK").await;
    queue.agrees("what was undone").await;
    assert_eq!(queue.waiting_in("default").await, 4);
}

#[tokio::test]
async fn what_an_operator_does_counts() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Mail>(6).await;
    store::discard_jobs(&mut queue.owner, &ids[..3]).await.unwrap();
    queue.agrees("jobs discard").await;
    store::cancel_jobs(&mut queue.owner, &ids[3..4]).await.unwrap();
    queue.agrees("jobs cancel").await;
    assert_eq!(queue.counts().await, [counts("mail", 2, 2, 0, 3)]);
    store::retry_jobs(&mut queue.owner, &ids[2..]).await.unwrap();
    queue.agrees("jobs retry").await;
    assert_eq!(queue.counts().await, [counts("mail", 3, 3, 0, 2)]);
    queue.sql("UPDATE catena.jobs SET finished_at = now() - interval '91 days' WHERE state = 4").await;
    assert_eq!(store::delete_discarded(&mut queue.owner, 90).await.unwrap(), 2);
    queue.agrees("what is kept no longer").await;
    let homes = [("mail", "letters")];
    assert_eq!(store::move_strays(&mut queue.owner, &homes).await.unwrap(), 3);
    queue.agrees("another queue").await;
    store::pause(&mut queue.owner, "mail").await.unwrap();
    let stats = queue.stats().await;
    assert_eq!(queue.counts().await, [counts("letters", 3, 3, 0, 0), counts("mail", 0, 0, 0, 0)]);
    assert_eq!(stats.iter().map(|one| one.paused_at.is_some()).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn jobs_count_however_they_end() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Restless>(70).await;
    queue.put_jobs((0..12).map(|n| keyed(n % 3)).collect()).await;
    let batch =
        Batch::new().add_all((0..14).map(|_| Enqueue::<Restless>::new(()))).then(Enqueue::<Mail>::new(()));
    batch.enqueue(&mut queue.owner).await.unwrap();
    let engines = [
        queue.engine([Restless::JOB, Keyed::JOB, Mail::JOB]).await,
        queue.engine([Restless::JOB, Keyed::JOB, Mail::JOB]).await,
    ];
    let mut other = connect(queue.db.jobs_url()).await;
    let folding = tokio::spawn(async move {
        loop {
            store::fold_counts(&mut other).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let run = async {
        engines[0].run_until_idle().await.unwrap();
        engines[1].run_until_idle().await.unwrap();
        engines[0].run_until_idle().await.unwrap();
    };
    let watch = async {
        loop {
            assert_eq!(queue.number(WRONG).await, 0, "while jobs run");
            store::fold_counts(&mut queue.owner).await.unwrap();
        }
    };
    tokio::select! {
        () = run => {}
        () = watch => {}
    }
    folding.abort();
    let _ = folding.await;
    queue.agrees("all").await;
    let left = "SELECT count(*) FROM catena.jobs WHERE state = 4";
    let discarded = queue.number(left).await;
    assert!(discarded > 0);
    assert_eq!(queue.waiting_in("default").await, 0);
    assert_eq!(queue.stats().await[0].discarded, discarded);
}

#[tokio::test]
async fn jobs_that_go_back_wait_again() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let ids = queue.enqueue::<Waits>(3).await;
    let engine = queue.engine_with(stage.clone(), [Waits::JOB]).await;
    for _ in 0..3 {
        stage.has_begun().await;
    }
    queue.agrees("three that run").await;
    assert_eq!(queue.waiting_in("default").await, 0);
    store::cancel_jobs(&mut queue.owner, &ids[..1]).await.unwrap();
    queue.agrees("one of them is cancelled").await;
    engine.shutdown(Duration::ZERO).await;
    queue.agrees("shutdown").await;

    let engine = queue.engine_with(stage.clone(), [Waits::JOB]).await;
    stage.has_begun().await;
    drop(engine);
    while queue.number("SELECT count(*) FROM catena.workers").await > 0 {
        let (_, signs) = store::signs(&mut queue.owner).await.unwrap();
        let dead: Vec<_> = signs.iter().collect();
        queue.sql("BEGIN").await;
        store::rescue(&mut queue.owner, &dead).await.unwrap();
        queue.sql("COMMIT").await;
    }
    queue.agrees("a rescue").await;
    let waiting = queue.number("SELECT count(*) FROM catena.jobs WHERE state IN (0, 5)").await;
    assert!(waiting > 0);
    assert_eq!(
        queue.counts().await,
        [counts("default", waiting, waiting, 0, 0)],
        "those that run alone are due, too"
    );

    queue.sql("UPDATE catena.jobs SET state = 5, crashes = 3").await;
    let worker = store::register(&queue.owner, "BEGIN", "alone", false, &[]).await.unwrap().worker;
    let alone = Alone { worker, kinds: vec!["waits"], ..Alone::default() };
    assert_eq!(store::claim_alone(&queue.owner, "BEGIN", &alone).await.unwrap().len(), 1);
    queue.agrees("one that runs alone").await;
    let (_, signs) = store::signs(&mut queue.owner).await.unwrap();
    let dead: Vec<_> = signs.iter().collect();
    queue.sql("BEGIN").await;
    store::rescue(&mut queue.owner, &dead).await.unwrap();
    queue.sql("COMMIT").await;
    queue.agrees("one that is given up").await;
    assert_eq!(queue.stats().await[0].discarded, 1);
}

#[tokio::test]
async fn jobs_of_a_connection_that_was_lost_wait_again() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(3).await;
    let worker = store::register(&queue.owner, "BEGIN", "ours", false, &[]).await.unwrap().worker;
    let claimed = store::claim(&queue.owner, &claim_of(3, worker)).await.unwrap();
    queue.agrees("a claim").await;
    let kept = [(claimed[0].id, claimed[0].lease)];
    store::register(&queue.owner, "BEGIN", "ours", true, &kept).await.unwrap();
    queue.agrees("another entry").await;
    assert_eq!(queue.counts().await, [counts("default", 2, 2, 0, 0)]);
}

#[tokio::test]
async fn processes_say_how_many_jobs_they_run() {
    let mut queue = Queue::new().await;
    for (name, running) in [("one", &[("default", 1)][..]), ("two", &[("default", 2), ("mail", 5)])] {
        let worker = store::register(&queue.owner, "BEGIN", name, false, &[]).await.unwrap().worker;
        store::beat(&queue.owner, worker, false, running).await.unwrap();
    }
    assert_eq!(queue.counts().await, [counts("default", 0, 0, 3, 0), counts("mail", 0, 0, 5, 0)]);
}

#[tokio::test]
async fn a_process_says_what_it_runs_with_its_beat() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    queue.enqueue::<Waits>(2).await;
    let engine = queue.engine_with(stage.clone(), [Waits::JOB]).await;
    stage.has_begun().await;
    stage.has_begun().await;
    let run = engine.run_until_idle();
    let watch = async {
        while queue.counts().await != [counts("default", 0, 0, 2, 0)] {
            tokio::task::yield_now().await;
        }
        stage.go_on();
        stage.go_on();
        while !queue.counts().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let (idle, ()) = tokio::join!(run, watch);
    idle.unwrap();
}

#[tokio::test]
async fn what_is_due_is_counted_as_far_as_it_matters() {
    let mut queue = Queue::new().await;
    let fill = "SELECT catena.enqueue(array_fill('noop'::text, ARRAY[6000]), array_fill('{}'::jsonb, ARRAY[6000]), \
        array_fill('default'::text, ARRAY[6000]), array_fill(n::smallint, ARRAY[6000]), \
        array_fill(6::smallint, ARRAY[6000]), array_fill(now() - n * interval '90 s', ARRAY[6000]), \
        array_fill(0::bigint, ARRAY[6000])) FROM generate_series(1, 2) AS n";
    queue.sql(fill).await;
    let [stats] = <[_; 1]>::try_from(queue.stats().await).unwrap();
    assert_eq!((stats.waiting, stats.due, stats.more_due), (12_000, 10_000, true));
    assert!(stats.oldest_due_s.is_some_and(|age| (180..240).contains(&age)), "{stats:?}");
    queue.sql("UPDATE catena.jobs SET run_at = now() + interval '1 h' WHERE id > 10000").await;
    let stats = queue.stats().await;
    assert_eq!((stats[0].waiting, stats[0].due, stats[0].more_due), (12_000, 10_000, false));
}

#[tokio::test]
async fn a_recount_mends_what_was_changed_by_hand() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(4).await;
    queue.enqueue::<Mail>(2).await;
    queue.add_up().await;
    queue.sql(&format!("DELETE FROM catena.jobs WHERE kind = 'mail' OR id = {}", ids[0])).await;
    queue.sql(&format!("UPDATE catena.jobs SET state = 4, finished_at = now() WHERE id = {}", ids[1])).await;
    assert_ne!(queue.number(WRONG).await, 0);
    // Somebody has enqueued and somebody has claimed, and neither has committed.
    let (mut enqueuing, claiming) =
        (connect(queue.db.owner_url()).await, connect(queue.db.owner_url()).await);
    enqueuing.batch_execute("BEGIN").await.unwrap();
    store::enqueue(&mut enqueuing, vec![of::<Mail>(); 3]).await.unwrap();
    let worker = store::register(&queue.owner, "BEGIN", "claiming", false, &[]).await.unwrap().worker;
    let mut shared = &claiming;
    shared.batch_execute("BEGIN").await.unwrap();
    assert_eq!(store::claim(&claiming, &claim_of(1, worker)).await.unwrap().len(), 1);

    let mut jobs_role = connect(queue.db.jobs_url()).await;
    let (one, other) = tokio::join!(store::recount(&mut jobs_role), store::recount(&mut queue.owner));
    one.unwrap();
    other.unwrap();
    assert_eq!(queue.counts().await, [counts("default", 2, 2, 0, 1)]);
    enqueuing.batch_execute("COMMIT").await.unwrap();
    shared.batch_execute("COMMIT").await.unwrap();
    queue.agrees("what was under way").await;
    assert_eq!(queue.counts().await, [counts("default", 1, 1, 0, 1), counts("mail", 3, 3, 0, 0)]);
}

#[tokio::test]
async fn those_who_add_up_do_not_wait_for_each_other_nor_count_twice() {
    let mut queue = Queue::new().await;
    for _ in 0..20 {
        queue.put_jobs(vec![of::<Noop>(), of::<Mail>()]).await;
    }
    let mut holding = connect(queue.db.jobs_url()).await;
    holding.batch_execute("BEGIN; SELECT FROM catena.job_deltas LIMIT 15 FOR UPDATE").await.unwrap();
    assert_eq!(store::fold_counts(&mut queue.owner).await.unwrap(), 25);
    assert_eq!(queue.number(WRONG).await, 0);
    holding.batch_execute("COMMIT").await.unwrap();
    let mut others = [connect(queue.db.jobs_url()).await, connect(queue.db.jobs_url()).await];
    let [one, two] = &mut others;
    let (one, two) = tokio::join!(store::fold_counts(one), store::fold_counts(two));
    assert_eq!(one.unwrap() + two.unwrap(), 15);
    queue.agrees("two at once").await;
}

#[tokio::test]
async fn the_web_role_reads_and_writes_no_counts() {
    let queue = Queue::new().await;
    let mut web = connect(queue.db.web_url()).await;
    for sql in ["SELECT FROM catena.job_counts", "INSERT INTO catena.job_deltas (queue) VALUES ('default')"] {
        let refused = web.batch_execute(sql).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{refused}");
    }
    store::enqueue(&mut web, vec![of::<Noop>()]).await.unwrap();
}
