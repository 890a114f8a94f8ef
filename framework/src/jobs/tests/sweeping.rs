//! Rows of unique keys go when they hold nothing, and never before.

use super::*;

/// A call that enqueues a job with the key that consists of `key`, taken for `ms` at least.
fn enqueue(key: &str, ms: &str) -> String {
    format!(
        "SELECT catena.enqueue('{{noop}}', ARRAY['{{}}'::jsonb], '{{default}}', '{{0}}', '{{6}}', '{{NULL}}', '{{0}}', \
         unique_keys => ARRAY[decode(repeat('{key}', 16), 'hex')], unique_ms => ARRAY[{ms}]::bigint[], \
         unique_rules => '{{0}}')"
    )
}

/// Looks at every key; returns how many are left.
async fn swept(queue: &mut Queue) -> i64 {
    let mut sweeper = connect(queue.db.jobs_url()).await;
    let mut after = Some(Vec::new());
    while let Some(last) = after {
        after = store::sweep_unique(&mut sweeper, &last).await.unwrap();
    }
    queue.number("SELECT count(*) FROM catena.job_unique").await
}

#[tokio::test]
async fn a_key_goes_when_its_job_is_gone_and_its_time_is_over() {
    let mut queue = Queue::new().await;
    queue.sql(&enqueue("01", "NULL")).await;
    queue.sql(&enqueue("02", "3600000")).await;
    assert_eq!(swept(&mut queue).await, 2, "their jobs wait");
    queue.sql("UPDATE catena.jobs SET state = 4").await;
    assert_eq!(swept(&mut queue).await, 2, "who is tried again by hand has its key again");
    queue.sql("DELETE FROM catena.jobs").await;
    assert_eq!(swept(&mut queue).await, 1, "the hour is not over");
    queue.sql("UPDATE catena.job_unique SET expires_at = now()").await;
    assert_eq!(swept(&mut queue).await, 0);
}

#[tokio::test]
async fn a_key_that_is_being_taken_over_stays() {
    let mut queue = Queue::new().await;
    queue.sql(&enqueue("01", "NULL")).await;
    queue.sql("DELETE FROM catena.jobs").await;
    queue.sql("BEGIN").await;
    queue.sql(&enqueue("01", "NULL")).await;
    assert_eq!(swept(&mut queue).await, 1, "nor does anybody wait for the one who takes it");
    queue.sql("COMMIT").await;
    assert_eq!(swept(&mut queue).await, 1);
    let held = "SELECT count(*) FROM catena.job_unique JOIN catena.jobs ON id = job_id";
    assert_eq!(queue.number(held).await, 1);
}

#[tokio::test]
async fn a_key_that_was_taken_over_while_it_was_looked_at_stays() {
    let mut queue = Queue::new().await;
    queue.sql(&enqueue("01", "NULL")).await;
    queue.sql("DELETE FROM catena.jobs").await;
    // The sweep has its snapshot when it comes to the first row, and stops there until the key has been taken over.
    queue
        .sql(
            "ALTER TABLE catena.job_unique ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
             CREATE POLICY gate ON catena.job_unique USING ((SELECT pg_advisory_xact_lock(1)) IS NOT NULL);
             SELECT pg_advisory_lock(1)",
        )
        .await;
    let url = queue.db.owner_url().to_owned();
    let sweep =
        tokio::spawn(async move { store::sweep_unique(&mut connect(&url).await, &[]).await.unwrap() });
    queue.somebody_waits(1).await;
    queue.sql(&enqueue("01", "NULL")).await;
    queue.sql("SELECT pg_advisory_unlock(1)").await;
    assert!(sweep.await.unwrap().is_some(), "it looked at the key");
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_unique").await, 1);
}

#[tokio::test]
async fn many_keys_are_looked_at_in_pieces() {
    let mut queue = Queue::new().await;
    queue
        .sql(
            "INSERT INTO catena.job_unique SELECT decode(md5(n::text), 'hex'), -n, NULL, false \
             FROM generate_series(1, 12000) AS n",
        )
        .await;
    queue.sql(&enqueue("ff", "NULL")).await;
    assert_eq!(swept(&mut queue).await, 1);
}
