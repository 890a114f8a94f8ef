//! A process that lost a job cannot write about it.

use super::*;
use crate::jobs::store::{Cancelled, Completion, Failed, Released};

/// Two jobs held under the leases 20 and 20, of which a stale writer believes that the first is still under 10.
async fn two_held() -> (Queue, [(JobId, i64); 2]) {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(2).await;
    queue.sql("UPDATE catena.jobs SET state = 1, lease = 20, attempt = 1, worker = 7").await;
    let pairs = [(ids[0], 10), (ids[1], 20)];
    (queue, pairs)
}

/// The states in the order of the ids.
async fn states(queue: &mut Queue) -> Vec<State> {
    queue.list().await.into_iter().map(|row| row.state).collect()
}

#[tokio::test]
async fn a_stale_pair_completes_nothing_though_its_lease_is_in_the_batch() {
    for completion in Completion::ALL {
        let (mut queue, pairs) = two_held().await;
        assert_eq!(store::complete(&queue.owner, completion, true, &pairs).await.unwrap(), 1);
        let left: &[_] =
            if completion.kept { &[State::Executing, State::Completed] } else { &[State::Executing] };
        assert_eq!(states(&mut queue).await, left, "{completion:?}");
    }
}

#[tokio::test]
async fn a_stale_pair_fails_nothing() {
    let (mut queue, pairs) = two_held().await;
    let failed = pairs.map(|(id, lease)| Failed { id, lease, delay_ms: None, error: format!("of {lease}") });
    assert_eq!(store::fail(&queue.owner, &failed).await.unwrap(), 1);
    assert_eq!(states(&mut queue).await, [State::Executing, State::Discarded]);
    let rows = queue.list().await;
    assert_eq!((texts(&rows[0]), texts(&rows[1])), (vec![], vec!["of 20"]));
}

#[tokio::test]
async fn a_stale_pair_releases_nothing() {
    let (mut queue, pairs) = two_held().await;
    assert_eq!(
        store::release(&queue.owner, &pairs.map(|(id, lease)| Released { id, lease, delay_ms: None }))
            .await
            .unwrap(),
        1
    );
    assert_eq!(states(&mut queue).await, [State::Executing, State::Available]);
}

#[tokio::test]
async fn a_stale_pair_cancels_nothing() {
    let (mut queue, pairs) = two_held().await;
    let cancelled = pairs.map(|(id, lease)| Cancelled { id, lease, error: Some(format!("of {lease}")) });
    assert_eq!(store::cancel(&queue.owner, &cancelled).await.unwrap(), 1);
    assert_eq!(states(&mut queue).await, [State::Executing, State::Cancelled]);
    let rows = queue.list().await;
    assert_eq!((texts(&rows[0]), texts(&rows[1])), (vec![], vec!["of 20"]));
}

#[tokio::test]
async fn a_failed_batch_gives_each_job_its_own_delay_and_error() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(3).await;
    queue.sql("UPDATE catena.jobs SET state = 1, lease = 20, attempt = 1").await;
    let failed = [(ids[2], Some(60_000)), (ids[0], Some(0)), (ids[1], None)];
    let failed = failed.map(|(id, delay_ms)| Failed { id, lease: 20, delay_ms, error: format!("of {id}") });
    assert_eq!(store::fail(&queue.owner, &failed).await.unwrap(), 3);
    assert_eq!(states(&mut queue).await, [State::Available, State::Discarded, State::Retryable]);
    for row in queue.list().await {
        assert_eq!(texts(&row), [format!("of {}", row.id)]);
    }
}

#[tokio::test]
async fn a_job_lost_before_it_was_done_leaves_no_effect() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [WritesAndWaits::JOB]).await;
    // The second time the completion leaves together with COMMIT.
    for kept in 0..2 {
        queue.enqueue::<WritesAndWaits>(1).await;
        stage.has_begun().await;
        // Somebody else has it now.
        queue.sql("UPDATE catena.jobs SET lease = lease + 1000").await;
        stage.go_on();
        engine.run_until_idle().await.unwrap();
        let executing = queue.number("SELECT count(*) FROM catena.jobs WHERE state = 1").await;
        assert_eq!((queue.effects().await, executing), (kept, 1));
        queue.sql("DELETE FROM catena.jobs").await;

        queue.enqueue::<WritesAndWaits>(1).await;
        stage.has_begun().await;
        stage.go_on();
        engine.run_until_idle().await.unwrap();
        assert_eq!(queue.effects().await, kept + 1);
    }
}

#[tokio::test]
async fn a_process_without_a_row_claims_nothing() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(1).await;
    let worker = store::register(&queue.owner, "BEGIN", "living", false, &[]).await.unwrap().worker;
    let claim = |worker| claim_of(10, worker);
    assert_eq!(store::claim(&queue.owner, &claim(worker + 1)).await.unwrap().len(), 0);
    assert_eq!(store::claim(&queue.owner, &claim(worker)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn each_claim_has_a_lease_of_its_own() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(3).await;
    let worker = store::register(&queue.owner, "BEGIN", "living", false, &[]).await.unwrap().worker;
    let first = store::claim(&queue.owner, &claim_of(2, worker)).await.unwrap();
    let second = store::claim(&queue.owner, &claim_of(10, worker)).await.unwrap();
    assert_eq!((first.len(), second.len()), (2, 1));
    assert_eq!(first[0].lease, first[1].lease);
    assert!(second[0].lease > first[0].lease);
}
