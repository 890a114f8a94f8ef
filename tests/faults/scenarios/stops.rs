//! Workers that stand still for longer than anybody believes in them, and go on.

use nix::sys::signal::Signal;

use super::{mixed, processes};
use crate::{
    process::wait_for,
    scene::{Scene, long_or},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_and_goes_on() {
    for &processes in processes(&[2, 4]) {
        let mut scene = Scene::new("SIGSTOP for longer than 8 s, SIGCONT", processes).await;
        scene.go(&mixed()).await;
        for place in 0..long_or(processes, 1) {
            stop_and_go_on(&mut scene, place).await;
        }
        scene.check().await;
    }
}

async fn stop_and_go_on(scene: &mut Scene, place: usize) {
    let number = scene.entered_as(place).await;
    scene.workers[place].signal(Signal::SIGSTOP);
    let lived = scene.declared_dead(number).await.as_secs_f64();
    let dead = scene.server.now().await;
    // Everything it held is finished by others while it stands still.
    scene.recover().await;
    scene.workers[place].signal(Signal::SIGCONT);
    wait_for("it drops what it held", async || {
        scene.workers[place].said().contains("running jobs are dropped")
    })
    .await;
    let again = scene.entered_as(place).await;
    assert!(again > number, "it enters under a new number");
    scene.progress(200).await;
    scene.finished_nothing(number, dead).await;
    scene.note(&format!("declared dead after {lived:.1} s"));
}
