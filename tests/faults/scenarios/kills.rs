//! Workers that are killed.

use std::time::{Duration, Instant};

use super::{mixed, processes};
use crate::scene::{Scene, long_or};

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_killed_every_second() {
    for &processes in processes(&[1, 2, 4]) {
        let mut scene = Scene::new("kill -9 of a worker every second", processes).await;
        scene.go(&mixed()).await;
        let end = Instant::now() + Duration::from_secs(long_or(60, 3));
        let mut kills = 0;
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let place = kills % processes;
            scene.workers[place].kill();
            scene.restart(place);
            kills += 1;
        }
        scene.recover().await;
        scene.note(&format!("{kills} kills"));
        scene.check().await;
    }
}
