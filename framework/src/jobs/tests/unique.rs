//! Unique keys: one job has a key at a time, whoever asks for it at once.

use std::collections::HashMap;

use super::*;
use crate::{
    jobs::{Key, Unique as Uniqueness, enqueue::UniqueKey, store::Completion},
    macros::model,
};

/// A job with the key that consists of `key`, taken until it has ended.
fn keyed(key: u8) -> NewJob {
    let unique = UniqueKey { key: [key; 16], within_ms: None, until_start: false, replaces: false };
    NewJob { unique: Some(unique), ..NewJob::of(Noop::JOB) }
}

fn with(key: u8, change: impl Fn(&mut UniqueKey)) -> NewJob {
    let mut job = keyed(key);
    change(job.unique.as_mut().unwrap());
    job
}

impl Queue {
    async fn put(&mut self, job: NewJob) -> JobId {
        store::enqueue(&mut self.owner, vec![job]).await.unwrap()[0]
    }

    /// Has the job run to its end.
    async fn complete(&mut self, id: JobId) {
        self.sql(&format!("UPDATE catena.jobs SET state = 1, lease = 1, claimed_at = now() WHERE id = {id}"))
            .await;
        assert_eq!(store::complete(&self.owner, Completion::ALL[0], true, &[(id, 1)]).await.unwrap(), 1);
    }

    async fn args(&mut self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            args: String,
        }
        let sql = "SELECT args::text AS args FROM catena.jobs ORDER BY id";
        let rows: Vec<Row> = sql_query(sql).load(&mut self.owner).await.unwrap();
        rows.into_iter().map(|row| row.args).collect()
    }
}

#[tokio::test]
async fn a_job_whose_key_is_taken_is_the_one_that_has_it() {
    let mut queue = Queue::new().await;
    let first = queue.put(keyed(1)).await;
    assert_eq!(queue.put(keyed(1)).await, first);
    let second = queue.put(keyed(2)).await;
    assert_ne!(second, first);
    let batch = vec![keyed(2), NewJob::of(Noop::JOB), keyed(3), keyed(1), keyed(3)];
    let ids = store::enqueue(&mut queue.owner, batch).await.unwrap();
    assert_eq!((ids[0], ids[3], ids[2]), (second, first, ids[4]), "also within a batch");
    assert_eq!(queue.list().await.len(), 4);
}

#[tokio::test]
async fn a_key_is_free_when_its_job_has_ended() {
    let mut queue = Queue::new().await;
    let first = queue.put(keyed(1)).await;
    queue.sql("UPDATE catena.jobs SET state = 1, claimed_at = now()").await;
    assert_eq!(queue.put(keyed(1)).await, first, "it runs");
    queue.sql("UPDATE catena.jobs SET state = 0, attempt = 1, run_at = now() + interval '1 h'").await;
    assert_eq!(queue.put(keyed(1)).await, first, "it waits for another attempt");
    queue.complete(first).await;
    let second = queue.put(keyed(1)).await;
    assert_ne!(second, first, "it is done");

    store::discard_jobs(&mut queue.owner, &[second]).await.unwrap();
    let third = queue.put(keyed(1)).await;
    assert_ne!(third, second, "it was given up");
    store::cancel_jobs(&mut queue.owner, &[third]).await.unwrap();
    let fourth = queue.put(keyed(1)).await;
    assert_ne!(fourth, third, "it was cancelled");

    assert_eq!(store::retry_jobs(&mut queue.owner, &[second]).await.unwrap(), [second]);
    assert_eq!(queue.put(keyed(1)).await, fourth, "who is tried again by hand takes no key from another");
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs").await, 2);
}

#[tokio::test]
async fn a_key_may_be_free_as_soon_as_its_job_begins() {
    let mut queue = Queue::new().await;
    let key = || with(1, |unique| unique.until_start = true);
    let first = queue.put(key()).await;
    assert_eq!(queue.put(key()).await, first, "it waits");
    queue.sql("UPDATE catena.jobs SET state = 1, claimed_at = now()").await;
    let second = queue.put(key()).await;
    assert_ne!(second, first);
    queue.sql("UPDATE catena.jobs SET state = 0, attempt = 1").await;
    assert_eq!(queue.put(key()).await, second, "the first waits for another attempt, without the key");
}

#[tokio::test]
async fn a_job_that_was_counted_on_does_not_begin_before_the_transaction_that_counts_on_it_has_ended() {
    let mut queue = Queue::new().await;
    let worker = store::register(&queue.owner, "BEGIN", "this", false, &[]).await.unwrap().worker;
    let key = || with(1, |unique| unique.until_start = true);
    let first = queue.put(key()).await;
    let mut other = connect(queue.db.owner_url()).await;
    other.batch_execute("BEGIN").await.unwrap();
    assert_eq!(store::enqueue(&mut other, vec![key()]).await.unwrap(), [first]);
    assert!(store::claim(&queue.owner, &claim_of(1, worker)).await.unwrap().is_empty());
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store::claim(&queue.owner, &claim_of(1, worker)).await.unwrap()[0].id, first);
}

#[tokio::test]
async fn a_key_is_taken_for_as_long_as_it_says() {
    let mut queue = Queue::new().await;
    let key = || with(1, |unique| unique.within_ms = Some(3_600_000));
    let first = queue.put(key()).await;
    queue.complete(first).await;
    assert_eq!(queue.put(key()).await, first, "done, but within the hour");
    queue.sql("UPDATE catena.job_unique SET expires_at = expires_at - interval '59 min'").await;
    assert_eq!(queue.put(key()).await, first);
    queue.sql("UPDATE catena.job_unique SET expires_at = expires_at - interval '1 min'").await;
    let second = queue.put(key()).await;
    assert_ne!(second, first);
    queue.sql("UPDATE catena.job_unique SET expires_at = expires_at - interval '2 h'").await;
    assert_eq!(queue.put(key()).await, second, "it is over, but the job still waits");
}

#[tokio::test]
async fn a_job_that_still_waits_becomes_the_new_one_if_it_is_to() {
    let mut queue = Queue::new().await;
    let key = |args: &str| NewJob {
        args: args.to_owned(),
        priority: 2,
        ..with(1, |unique| unique.replaces = true)
    };
    let first = queue.put(key("[1]")).await;
    assert_eq!(queue.put(NewJob { delay_ms: 60_000, ..key("[2]") }).await, first);
    assert_eq!(queue.args().await, ["[2]"]);
    let row = queue.only().await;
    assert_eq!((row.state, row.priority), (State::Scheduled, 2));
    queue.sql("UPDATE catena.jobs SET attempt = 5, state = 6").await;
    assert_eq!(queue.put(key("[3]")).await, first);
    assert_eq!(
        queue.number("SELECT attempt + state FROM catena.jobs").await,
        0,
        "a new one has all its attempts"
    );
    queue.sql("UPDATE catena.jobs SET state = 1").await;
    assert_eq!(queue.put(key("[4]")).await, first, "one that runs is left alone");
    assert_eq!(queue.args().await, ["[3]"]);
    let ids = store::enqueue(&mut queue.owner, vec![NewJob { unique: None, ..key("[]") }, key("[5]")]).await;
    assert_eq!(ids.unwrap()[1], first);
}

#[tokio::test]
async fn whoever_asks_second_waits_and_takes_the_key_if_the_first_gives_it_back() {
    for (end, is_kept) in [("ROLLBACK", false), ("COMMIT", true)] {
        let mut queue = Queue::new().await;
        queue.sql("BEGIN").await;
        let first = queue.put(keyed(1)).await;
        let url = queue.db.owner_url().to_owned();
        let second = tokio::spawn(async move {
            let mut other = connect(&url).await;
            store::enqueue(&mut other, vec![keyed(1)]).await.unwrap()[0]
        });
        queue.somebody_waits(1).await;
        queue.sql(end).await;
        assert_eq!(second.await.unwrap() == first, is_kept, "{end}");
        assert_eq!(queue.number("SELECT count(*) FROM catena.jobs").await, 1);
        assert_eq!(
            queue.number("SELECT count(*) FROM catena.job_unique u JOIN catena.jobs ON id = job_id").await,
            1
        );
    }
}

#[tokio::test]
async fn of_many_that_take_a_key_over_one_gets_it() {
    let mut queue = Queue::new().await;
    let old = queue.put(keyed(1)).await;
    queue.complete(old).await;
    queue.sql("BEGIN").await;
    let first = queue.put(keyed(1)).await;
    assert_ne!(first, old);
    let others: Vec<_> = (0..3)
        .map(|_| {
            let url = queue.db.owner_url().to_owned();
            tokio::spawn(async move {
                let mut other = connect(&url).await;
                store::enqueue(&mut other, vec![keyed(1)]).await.unwrap()[0]
            })
        })
        .collect();
    queue.somebody_waits(3).await;
    queue.sql("ROLLBACK").await;
    let mut ids = Vec::new();
    for other in others {
        ids.push(other.await.unwrap());
    }
    assert_eq!(ids, [ids[0]; 3]);
    assert_eq!(queue.number("SELECT id FROM catena.jobs").await, ids[0]);
}

#[tokio::test]
async fn batches_that_share_keys_in_opposite_orders_do_not_deadlock() {
    let mut queue = Queue::new().await;
    let mut tasks = Vec::new();
    for n in 0..4_u8 {
        let url = queue.db.owner_url().to_owned();
        tasks.push(tokio::spawn(async move {
            let mut connection = connect(&url).await;
            for round in 0..25 {
                let keys: Vec<u8> = if n % 2 == 0 { (0..40).collect() } else { (0..40).rev().collect() };
                let replaces = n < 2;
                let batch = keys.iter().map(|key| with(*key, |unique| unique.replaces = replaces)).collect();
                let ids = store::enqueue(&mut connection, batch).await.unwrap();
                assert_eq!(ids.len(), 40);
                // Some end, so that keys are taken over too.
                let end = format!(
                    "DELETE FROM catena.jobs WHERE id = ANY(ARRAY(SELECT id FROM catena.jobs \
                    WHERE id % 5 = {} FOR UPDATE SKIP LOCKED))",
                    round % 5
                );
                connection.batch_execute(&end).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let doubled =
        "SELECT count(*) FROM (SELECT FROM catena.jobs GROUP BY unique_key HAVING count(*) > 1) AS d";
    assert_eq!(queue.number(doubled).await, 0);
}

#[tokio::test]
async fn what_a_job_has_besides_reaches_its_row() {
    let mut queue = Queue::new().await;
    let plain = NewJob::of(Noop::JOB);
    let full = NewJob { version: 3, concurrency_key: Some([9; 16]), ..keyed(1) };
    store::enqueue(&mut queue.owner, vec![plain.clone(), full, plain]).await.unwrap();
    let rows = "SELECT count(*) FROM catena.jobs WHERE (version, concurrency_key, unique_key) \
        IS NOT DISTINCT FROM (3::smallint, decode(repeat('09', 16), 'hex'), decode(repeat('01', 16), 'hex'))";
    assert_eq!(queue.number(rows).await, 1);
    let rows = "SELECT count(*) FROM catena.jobs WHERE (version, batch, concurrency_key, unique_key) \
        IS NOT DISTINCT FROM (1::smallint, NULL::bigint, NULL::bytea, NULL::bytea)";
    assert_eq!(queue.number(rows).await, 2);
}

#[tokio::test]
async fn an_older_program_enqueues_without_all_that() {
    let mut queue = Queue::new().await;
    queue
        .sql(
            "SELECT catena.enqueue('{noop}', ARRAY['{}'::jsonb], '{default}', '{0}', '{6}', '{NULL}', '{0}')",
        )
        .await;
    assert_eq!(queue.only().await.state, State::Available);
}

/// What the mail says, by the name of what stands there.
#[model]
#[derive(Clone)]
struct Letter {
    to: String,
    template: Option<String>,
    words: HashMap<String, String>,
}

/// A job with arguments, of which `$unique_by` adds those that tell it apart.
macro_rules! sends {
    ($name:ident, $unique_by:expr) => {
        struct $name;
        impl JobType for $name {
            type Args = Letter;
            fn job() -> &'static Job {
                const UNIQUE: Option<Uniqueness> =
                    Some(Uniqueness { within_ms: None, until_start: false, replaces: false });
                static JOB: Job =
                    Job { unique: UNIQUE, ..job(stringify!($name), |_, _| Box::pin(async { Ok(()) })) };
                &JOB
            }
            fn unique_by(args: &Letter, key: &mut Key) -> Result<bool> {
                let by: fn(&Letter, &mut Key) -> Result<bool> = $unique_by;
                by(args, key)
            }
        }
    };
}

sends!(ByAll, |_, _| Ok(false));
sends!(ByReceiver, |letter, key| {
    key.field("to", &letter.to)?;
    key.field("template", &letter.template)?;
    Ok(true)
});
sends!(OfAnotherKind, |letter, key| {
    key.field("to", &letter.to)?;
    key.field("template", &letter.template)?;
    Ok(true)
});

#[tokio::test]
async fn jobs_are_alike_in_all_arguments_or_in_those_that_are_named() {
    let mut queue = Queue::new().await;
    let words: HashMap<_, _> = (0..20).map(|n| (format!("word {n}"), "x".to_owned())).collect();
    let letter = |to: &str, template: Option<&str>| Letter {
        to: to.to_owned(),
        template: template.map(str::to_owned),
        words: words.clone().into_iter().collect(),
    };
    let anew = || Letter { words: HashMap::new(), ..letter("ada", None) };

    let first = Enqueue::<ByAll>::new(letter("ada", None)).enqueue(&mut queue.owner).await.unwrap();
    let mut all = async |letter| Enqueue::<ByAll>::new(letter).enqueue(&mut queue.owner).await.unwrap();
    assert_eq!(all(letter("ada", None)).await, first, "the order of a map is no difference");
    for other in [anew(), letter("ada", Some("")), letter("bob", None)] {
        assert_ne!(all(other).await, first);
    }

    let first = Enqueue::<ByReceiver>::new(letter("ada", None)).enqueue(&mut queue.owner).await.unwrap();
    let mut some = async |letter| Enqueue::<ByReceiver>::new(letter).enqueue(&mut queue.owner).await.unwrap();
    assert_eq!(some(anew()).await, first, "only what is named counts");
    for other in [letter("ada", Some("")), letter("bob", None)] {
        assert_ne!(some(other).await, first);
    }
    let other = Enqueue::<OfAnotherKind>::new(letter("ada", None)).enqueue(&mut queue.owner).await.unwrap();
    assert_ne!(other, first, "kinds have their own");
}

job_type!(
    Nightly,
    Job {
        unique: Some(Uniqueness { within_ms: None, until_start: false, replaces: false }),
        ..job("nightly", |_, _| Box::pin(async { Ok(()) }))
    }
);

#[tokio::test]
async fn one_without_arguments_is_alike_however_it_is_enqueued() {
    let mut queue = Queue::new().await;
    let by_schedule = queue.enqueue::<Nightly>(1).await[0];
    let by_hand = Enqueue::<Nightly>::new(()).enqueue(&mut queue.owner).await.unwrap();
    assert_eq!(by_hand, by_schedule);
}
