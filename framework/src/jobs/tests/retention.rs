use futures_util::future::BoxFuture;

use super::*;

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
    store::rotate_history(&mut jobs_role, 7).await.unwrap();
    assert_eq!((partitions(&mut queue).await, queue.list().await.len()), (5, 0));
}

#[tokio::test]
async fn a_day_that_fell_into_the_default_partition_does_not_stop_the_others() {
    let mut queue = Queue::new().await;
    queue
        .sql(
            "DO $$ BEGIN EXECUTE 'DROP TABLE catena.job_history_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'); END $$;
             DO $$ BEGIN EXECUTE 'DROP TABLE catena.job_history_' || to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD'); END $$;
             INSERT INTO catena.job_history
                 (finished_at, id, run_at, created_at, priority, attempt, max_attempts, state, queue, kind, args)
             SELECT now(), 1, now(), now(), 0, 1, 1, 2, 'default', 'noop', '{}'",
        )
        .await;
    assert_eq!(partitions(&mut queue).await, 3);
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    store::rotate_history(&mut jobs_role, 7).await.unwrap();
    assert_eq!((partitions(&mut queue).await, queue.list().await.len()), (4, 1));
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
