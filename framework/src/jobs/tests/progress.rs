//! Jobs say how far they have come.

use super::*;

job_type!(
    Counts,
    job("counts", |job, _| Box::pin(async move {
        for done in 1..=1000 {
            job.progress(done, 1000);
            tokio::task::yield_now().await;
        }
        job.state::<Arc<Stage>>()?.wait().await;
        match job.attempt() {
            1 => {
                job.progress(1, 1000);
                Err(Error::internal("once"))
            }
            2 => {
                write(&job).await?;
                job.progress(u64::MAX, 1000);
                Ok(())
            }
            _ => {
                job.progress(3, 1000);
                Ok(())
            }
        }
    }))
);

fn progress(row: &JobRow) -> (i64, i64) {
    let progress = row.progress.as_ref().unwrap();
    (progress.done, progress.total)
}

#[tokio::test]
async fn the_last_value_before_the_end_is_there_whatever_the_end() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Counts::JOB]).await;
    let ids = queue.enqueue::<Counts>(1).await;
    stage.has_begun().await;
    stage.go_on();
    stage.has_begun().await;
    assert_eq!(progress(&queue.only().await).1, 1000, "while it runs");
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!(
        (row.state, progress(&row)),
        (State::Completed, (i64::MAX, 1000)),
        "with the job's own effects"
    );

    let other = queue.enqueue::<Counts>(1).await[0];
    queue.sql("UPDATE catena.jobs SET attempt = 2, max_attempts = 1").await;
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    let rows = queue.list().await;
    assert_eq!((rows[1].id, progress(&rows[1])), (other, (3, 1000)), "before a completion that comes later");

    queue.sql("UPDATE catena.job_progress SET at = now() - interval '8 days'").await;
    queue.sql(&format!("UPDATE catena.job_progress SET at = now() WHERE job_id = {}", ids[0])).await;
    assert_eq!(store::delete_progress(&mut queue.owner, 7).await.unwrap(), 1);
}

#[tokio::test]
async fn a_failed_attempt_leaves_its_last_value() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Counts::JOB]).await;
    queue.enqueue::<Counts>(1).await;
    queue.sql("UPDATE catena.jobs SET max_attempts = 1").await;
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, progress(&row)), (State::Discarded, (1, 1000)));
}

#[tokio::test]
async fn a_thousand_values_are_a_few_writes() {
    let mut queue = Queue::new().await;
    queue
        .sql(
            "CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN INSERT INTO public.effects VALUES ('progress'); RETURN NULL; END $$;
             CREATE TRIGGER count_writes AFTER INSERT OR UPDATE ON catena.job_progress
                FOR EACH ROW EXECUTE FUNCTION count_write();",
        )
        .await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Counts::JOB]).await;
    queue.enqueue::<Counts>(1).await;
    queue.sql("UPDATE catena.jobs SET max_attempts = 1").await;
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    let writes = queue.effects().await;
    assert!((1..100).contains(&writes), "{writes} writes");
}

#[tokio::test]
async fn a_process_that_lost_the_job_says_no_more() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Counts::JOB]).await;
    queue.enqueue::<Counts>(1).await;
    stage.has_begun().await;
    // Somebody else has it now, and has come further.
    queue.sql("UPDATE catena.jobs SET lease = lease + 1000; DELETE FROM catena.job_progress").await;
    stage.go_on();
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.progress, None);
}
