use futures_util::future::BoxFuture;

use super::*;
use crate::jobs::store::{Completion, Rotated};

/// Keeps the history in order, as far as that can be done now; returns whether that is all.
async fn rotate(connection: &mut AsyncPgConnection) -> Rotated {
    loop {
        match store::rotate_history(connection, 7).await.unwrap() {
            Rotated::More => {}
            other => return other,
        }
    }
}

async fn partitions(queue: &mut Queue) -> i64 {
    queue.number("SELECT count(*) FROM pg_inherits WHERE inhparent = 'catena.job_history'::regclass").await
}

#[tokio::test]
async fn the_history_has_partitions_for_the_coming_days_and_old_ones_go() {
    let mut queue = Queue::new().await;
    assert_eq!(partitions(&mut queue).await, 5, "today, three days and the default");
    queue
        .sql(
            "CREATE TABLE catena.job_history_20200101 PARTITION OF catena.job_history
                FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-01-02 00:00+00');
             DROP TABLE catena.job_history_default;
             CREATE TABLE catena.job_history_default PARTITION OF catena.job_history DEFAULT;
             INSERT INTO catena.job_history
                 (finished_at, id, run_at, created_at, priority, attempt, max_attempts, state, queue, kind, args)
             SELECT t, 1, t, t, 0, 1, 1, 2, 'default', 'noop', '{}'
             FROM unnest('{2020-01-01 12:00+00, 2020-02-02 12:00+00}'::timestamptz[]) t",
        )
        .await;
    assert_eq!(queue.list().await.len(), 2);
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    assert_eq!(rotate(&mut jobs_role).await, Rotated::Done);
    assert_eq!((partitions(&mut queue).await, queue.list().await.len()), (5, 0));
    let left = queue
        .texts("SELECT relname::text AS text FROM pg_class WHERE relname = 'job_history_20200101'")
        .await;
    assert_eq!(left, [""; 0], "it is detached and dropped");
}

/// Puts `jobs` finished jobs of a day, relative to today, into the history, which has no partition for it.
async fn strays(queue: &mut Queue, day: i32, jobs: usize) {
    let table = format!("to_char((now() AT TIME ZONE 'UTC')::date + {day}, 'YYYYMMDD')");
    queue
        .sql(&format!(
            "DO $$ BEGIN EXECUTE 'DROP TABLE IF EXISTS catena.job_history_' || {table}; END $$;
             INSERT INTO catena.job_history
                 (finished_at, id, run_at, created_at, priority, attempt, max_attempts, state, queue, kind, args)
             SELECT now() + interval '{day} days', i, now(), now(), 0, 1, 1, 2, 'default', 'noop', '{{}}'
             FROM generate_series(1, {jobs}) AS i"
        ))
        .await;
}

const IN_DEFAULT: &str = "SELECT count(*) FROM catena.job_history_default";

#[tokio::test]
async fn jobs_in_the_default_partition_move_to_that_of_their_day() {
    let mut queue = Queue::new().await;
    strays(&mut queue, 0, 10).await;
    strays(&mut queue, -2, 10).await;
    strays(&mut queue, -30, 10).await;
    assert_eq!(queue.number(IN_DEFAULT).await, 30);
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    assert_eq!(rotate(&mut jobs_role).await, Rotated::Done);
    assert_eq!((partitions(&mut queue).await, queue.list().await.len()), (6, 20));
    assert_eq!(queue.number(IN_DEFAULT).await, 0);
    // As good as one that was made ahead.
    let indexes =
        "SELECT count(*) FROM pg_indexes WHERE schemaname = 'catena' AND tablename ~ '^job_history_[0-9]'";
    assert_eq!(queue.number(indexes).await, 2 * 5);
    let constraints = "SELECT count(*) FROM pg_constraint WHERE conname = 'day'";
    assert_eq!(queue.number(constraints).await, 0);
}

#[tokio::test]
async fn a_day_with_too_many_strays_to_move_keeps_them_until_they_are_old() {
    let mut queue = Queue::new().await;
    strays(&mut queue, -1, 50_001).await;
    strays(&mut queue, 1, 0).await;
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    assert_eq!(rotate(&mut jobs_role).await, Rotated::Done);
    assert_eq!((partitions(&mut queue).await, queue.number(IN_DEFAULT).await), (5, 50_001));
    queue.sql("UPDATE catena.job_history_default SET finished_at = finished_at - interval '10 days'").await;
    assert_eq!(rotate(&mut jobs_role).await, Rotated::Done);
    assert_eq!((partitions(&mut queue).await, queue.number(IN_DEFAULT).await), (5, 0));
}

#[tokio::test]
async fn who_reads_the_history_for_long_stops_nobody() {
    let mut queue = Queue::new().await;
    queue
        .sql(
            "CREATE TABLE catena.job_history_20200101 PARTITION OF catena.job_history
                FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-01-02 00:00+00')",
        )
        .await;
    strays(&mut queue, 1, 0).await;
    let mut reader = connect(queue.db.jobs_url()).await;
    reader.batch_execute("BEGIN; SELECT count(*) FROM catena.job_history").await.unwrap();
    queue.enqueue::<Noop>(10).await;
    let worker = store::register(&queue.owner, "BEGIN", "living", false, &[]).await.unwrap().worker;
    let claimed = store::claim(&queue.owner, &claim_of(10, worker)).await.unwrap();
    let pairs: Vec<_> = claimed.iter().map(|job| (job.id, job.lease)).collect();
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    let complete = store::complete(&queue.owner, Completion::ALL[0], true, &pairs);
    let (rotated, completed) = tokio::join!(rotate(&mut jobs_role), complete);
    assert_eq!(completed.unwrap(), 10, "jobs are completed meanwhile");
    assert_eq!(rotated, Rotated::Busy, "it does not wait for the reader");
    assert_eq!(partitions(&mut queue).await, 5);

    reader.batch_execute("COMMIT").await.unwrap();
    assert_eq!(rotate(&mut jobs_role).await, Rotated::Done);
    assert_eq!((partitions(&mut queue).await, queue.list().await.len()), (5, 10));
}

#[tokio::test]
async fn a_partition_is_made_while_a_job_that_is_done_has_yet_to_commit() {
    let mut queue = Queue::new().await;
    strays(&mut queue, 2, 0).await;
    let mut completing = connect(queue.db.jobs_url()).await;
    completing
        .batch_execute(
            "BEGIN; INSERT INTO catena.job_history
                (finished_at, id, run_at, created_at, priority, attempt, max_attempts, state, queue, kind, args)
             VALUES (now(), 1, now(), now(), 0, 1, 1, 2, 'default', 'noop', '{}')",
        )
        .await
        .unwrap();
    assert_eq!(partitions(&mut queue).await, 4);
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    assert_eq!(rotate(&mut jobs_role).await, Rotated::Done);
    assert_eq!(partitions(&mut queue).await, 5);
    completing.batch_execute("COMMIT").await.unwrap();
    assert_eq!(queue.list().await.len(), 1);
}

#[tokio::test]
async fn discarded_jobs_and_errors_go_when_they_are_old() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(3).await;
    queue
        .sql(&format!(
            "UPDATE catena.jobs SET state = 4, finished_at = now() - interval '91 days' WHERE id = {};
             UPDATE catena.jobs SET state = 4, finished_at = now() - interval '89 days' WHERE id = {};
             INSERT INTO catena.job_errors (job_id, attempt, at, error)
             SELECT id, 1, coalesce(finished_at, now()), 'no' FROM catena.jobs",
            ids[0], ids[1]
        ))
        .await;
    assert_eq!(store::delete_discarded(&mut queue.owner, 90).await.unwrap(), 1);
    assert_eq!(store::delete_errors(&mut queue.owner, 90).await.unwrap(), 1);
    let left: Vec<_> = queue.list().await.iter().map(|row| (row.id, row.errors.len())).collect();
    assert_eq!(left, [(ids[1], 1), (ids[2], 1)]);
}

#[tokio::test]
async fn a_job_that_was_retried_is_not_deleted_as_one_that_was_given_up() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(1).await;
    store::discard_jobs(&mut queue.owner, &ids).await.unwrap();
    queue.sql("UPDATE catena.jobs SET finished_at = now() - interval '91 days'").await;
    let mut pruner = connect(queue.db.owner_url()).await;
    queue.sql("BEGIN").await;
    store::retry_jobs(&mut queue.owner, &ids).await.unwrap();
    let pruned = tokio::spawn(async move { store::delete_discarded(&mut pruner, 90).await });
    queue.somebody_waits(1).await;
    queue.sql("COMMIT").await;
    assert_eq!(pruned.await.unwrap().unwrap(), 0);
    assert_eq!(queue.only().await.state, State::Available);
}

/// A job that writes as `$write` does, and fails the first time.
macro_rules! second_time {
    ($name:ident, $keep:expr, $write:expr) => {
        job_type!(
            $name,
            Job {
                keep: $keep,
                ..job(stringify!($name), |job, _| {
                    Box::pin(async move {
                        let write: fn(&JobCtx) -> BoxFuture<'_, Result<()>> = $write;
                        write(&job).await?;
                        if job.attempt() == 1 { Err(Error::internal("not yet")) } else { Ok(()) }
                    })
                })
            }
        );
    };
}

second_time!(Plain, Keep::Failures, |_| Box::pin(async { Ok(()) }));
second_time!(Writing, Keep::Failures, |job| Box::pin(write(job)));
second_time!(Forgotten, Keep::None, |_| Box::pin(async { Ok(()) }));
second_time!(ForgottenWriting, Keep::None, |job| Box::pin(write(job)));
second_time!(ForgottenStepping, Keep::None, |job| Box::pin(job.step("one", async |_| Ok(()))));
job_type!(Smooth, Job { keep: Keep::Failures, ..job("smooth", |_, _| Box::pin(async { Ok(()) })) });

#[tokio::test]
async fn completed_jobs_stay_as_their_kind_says() {
    let mut queue = Queue::new().await;
    let engine = queue
        .engine([
            Plain::JOB,
            Writing::JOB,
            Forgotten::JOB,
            ForgottenWriting::JOB,
            ForgottenStepping::JOB,
            Smooth::JOB,
        ])
        .await;
    queue.enqueue::<Plain>(1).await;
    queue.enqueue::<Writing>(1).await;
    queue.enqueue::<Forgotten>(1).await;
    queue.enqueue::<ForgottenWriting>(1).await;
    queue.enqueue::<ForgottenStepping>(1).await;
    queue.enqueue::<Smooth>(1).await;
    engine.run_until_idle().await.unwrap();
    let kept: Vec<_> = queue.list().await.into_iter().map(|row| (row.kind, row.state)).collect();
    let completed = |kind: &str| (kind.to_owned(), State::Completed);
    assert_eq!(kept, [completed("Plain"), completed("Writing")], "they failed before");
    assert_eq!(queue.effects().await, 2, "what a job writes does not depend on it");
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_steps").await, 0);
}
