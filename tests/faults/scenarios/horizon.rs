//! A transaction that does nothing and keeps PostgreSQL from cleaning up.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection as _;

use super::processes;
use crate::{
    load::Shape,
    scene::{Scene, long_or},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_transaction_holds_the_horizon() {
    for &processes in processes(&[2]) {
        let time = Duration::from_secs(long_or(300, 6));
        let fault = format!("an idle transaction for {} s", time.as_secs());
        let mut scene = Scene::new(&fault, processes).await;
        let shape = Shape {
            sorts: vec!["plain", "plain", "plain", "kept"],
            nap: Duration::ZERO,
            batch: 100,
            rest: Duration::ZERO,
        };
        scene.go(&shape).await;
        let before = rate(&scene, Duration::from_secs(2)).await;
        let mut idle = scene.server.connect().await;
        idle.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()")
            .await
            .expect("it may");
        let end = Instant::now() + time;
        let mut rates = Vec::new();
        while Instant::now() < end {
            rates.push(rate(&scene, time / 6).await);
        }
        idle.batch_execute("COMMIT").await.expect("it is idle");
        scene.recover().await;
        let rates: Vec<_> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
        scene.note(&format!("jobs/s before {before:.0}, meanwhile {}", rates.join(", ")));
        scene.check().await;
    }
}

/// How many jobs are finished in a second.
pub(super) async fn rate(scene: &Scene, time: Duration) -> f64 {
    let (start, before) = (Instant::now(), scene.finished().await);
    tokio::time::sleep(time).await;
    let finished = u32::try_from(scene.finished().await - before).expect("some");
    f64::from(finished) / start.elapsed().as_secs_f64()
}
