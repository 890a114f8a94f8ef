use std::{sync::Arc, time::Duration};

use super::*;

/// A worker and its watch, with the clock standing still unless a test moves it.
fn watched() -> Arc<Worker> {
    let worker = Arc::new(Worker::new());
    let watching = worker.clone();
    tokio::spawn(async move { watching.watch().await });
    worker
}

#[tokio::test(start_paused = true)]
async fn jobs_run_on_while_beats_arrive() {
    let worker = watched();
    let running = worker.token();
    for _ in 0..10 {
        tokio::time::sleep(FENCE - Duration::from_millis(1)).await;
        worker.beaten(Instant::now());
    }
    assert!(!running.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_process_that_cannot_beat_drops_its_jobs_before_others_may_start_them() {
    let worker = watched();
    let running = worker.token();
    let since = Instant::now();
    running.cancelled().await;
    assert_eq!(since.elapsed(), FENCE);
    assert!(since.elapsed() < Duration::from_secs(8));
}

#[tokio::test(start_paused = true)]
async fn what_starts_after_an_interruption_is_not_concerned() {
    let worker = watched();
    worker.token().cancelled().await;
    worker.beaten(Instant::now());
    let next = worker.token();
    assert!(!next.is_cancelled());
    next.cancelled().await;
}
