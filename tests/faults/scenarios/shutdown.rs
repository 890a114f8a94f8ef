//! Workers that are asked to stop under load.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::{mixed, processes};
use crate::scene::{Scene, long_or};

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_asked_to_stop() {
    for &processes in processes(&[1, 4]) {
        let mut scene = Scene::new("SIGTERM under load, with jobs longer than the grace", processes).await;
        scene.go(&mixed()).await;
        for _ in 0..long_or(2, 1) {
            let first = scene.enqueue_some("slow", 5);
            let running = format!(
                "SELECT count(*) FROM catena.jobs WHERE kind = 'slow' AND state = 1
                 AND (args ->> 'number')::bigint >= {first}"
            );
            crate::process::wait_for("they run", async || scene.server.ask(&running).await == 5).await;
            let start = Instant::now();
            for worker in &scene.workers {
                worker.signal(Signal::SIGTERM);
            }
            for worker in &mut scene.workers {
                assert!(worker.wait().success(), "it ends well: {}", worker.said());
            }
            scene.note(&format!("stopped in {:.1} s", start.elapsed().as_secs_f64()));
            let counted =
                "SELECT count(*) FROM catena.jobs WHERE kind = 'slow' AND (attempt > 0 OR state <> 0)";
            assert_eq!(scene.server.ask(counted).await, 0, "an attempt that was interrupted does not count");
            let left = "SELECT count(*) FROM catena.workers";
            assert_eq!(scene.server.ask(left).await, 0, "who stops takes leave");
            scene.tell("MILL_HURRY", "1");
            scene.revive();
            scene.recover().await;
            scene.tell_no_more("MILL_HURRY");
            for place in 0..processes {
                scene.workers[place].signal(Signal::SIGTERM);
                scene.workers[place].wait();
                scene.restart(place);
            }
        }
        let vanished = "SELECT count(*) FROM catena.job_errors WHERE error = 'worker vanished'";
        assert_eq!(scene.server.ask(vanished).await, 0, "nobody vanished");
        scene.check().await;
    }
}
