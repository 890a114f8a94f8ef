//! Very many jobs that wait for one key.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection as _;

use super::{horizon::rate, mixed, processes};
use crate::scene::{Scene, long_or};

/// How long they may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn very_many_jobs_wait_for_one_key() {
    for &processes in processes(&[2, 4]) {
        let count = long_or(100_000, 1_000);
        let mut scene = Scene::new(&format!("{count} jobs blocked by one key"), processes).await;
        scene.go(&mixed()).await;
        let before = rate(&scene, Duration::from_secs(2)).await;
        // As `keyed` of the lane -1 are enqueued, many at once: like one that nobody does meanwhile.
        scene.command(&["jobs", "pause", "default"]);
        scene.enqueue_some("keyed", 1);
        let many = format!(
            "WITH like_it AS (SELECT * FROM catena.jobs WHERE kind = 'keyed' LIMIT 1)
            INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at, concurrency_key)
            SELECT l.kind, jsonb_build_object('number', 2000000000 + i, 'nap_ms', 0, 'lane', -1), l.queue, l.priority,
                l.max_attempts, now(), '\\x00'::bytea || substr(l.concurrency_key, 2)
            FROM like_it l, generate_series(1, {count}) i;
            INSERT INTO wanted (number, sort, parts) SELECT 2000000000 + i, 'keyed', 1 FROM generate_series(1, {count}) i"
        );
        let mut owner = scene.server.connect().await;
        owner.batch_execute(&many).await.expect("it may");
        scene.command(&["jobs", "resume", "default"]);
        let meanwhile = rate(&scene, Duration::from_secs(2)).await;
        let number = scene.entered_as(0).await;
        scene.workers[0].kill();
        scene.declared_dead(number).await;
        scene.restart(0);
        scene.note(&format!("jobs/s before {before:.0}, meanwhile {meanwhile:.0}"));
        let left = "SELECT count(*) FROM catena.jobs WHERE args @> '{\"lane\": -1}' AND state <> 4";
        let (start, before) = (Instant::now(), scene.server.ask(left).await);
        while scene.server.ask(left).await > 0 && start.elapsed() < PATIENCE {
            scene.progress(1).await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let rest = scene.server.ask(left).await;
        let turns = u32::try_from(before - rest).expect("so many");
        scene.note(&format!("{:.0} of the key a second", f64::from(turns) / start.elapsed().as_secs_f64()));
        if rest > 0 {
            // One after the other takes its time, and nothing else is to be seen.
            scene.command(&["jobs", "discard", "--kind", "keyed"]);
        }
        scene.recover().await;
        assert_eq!(scene.check().await.discarded > 0, rest > 0, "no other was given up");
    }
}
