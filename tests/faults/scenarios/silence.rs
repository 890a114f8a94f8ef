//! A network that falls silent between a worker and PostgreSQL: nothing arrives, and no connection ends.

use std::time::Duration;

use super::{mixed, processes};
use crate::{proxy::Proxy, scene::Scene};

/// Longer than anybody waits for a sign of life.
const SILENCE: Duration = Duration::from_secs(14);

/// What follows the silence.
#[derive(Clone, Copy)]
enum Then {
    /// What was sent meanwhile arrives.
    GoesOn,
    /// The connections end.
    Resets,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_silent_and_then_delivers_everything() {
    silent("connection black-holed for 14 s, then goes on", Then::GoesOn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_silent_and_then_resets() {
    silent("connection black-holed for 14 s, then reset", Then::Resets).await;
}

async fn silent(fault: &str, then: Then) {
    for &processes in processes(&[1, 2, 4]) {
        let mut scene = Scene::new(fault, processes).await;
        let proxy = Proxy::start(scene.server.port()).await;
        scene.add_worker_at(proxy.port());
        for _ in 1..processes {
            scene.add_worker();
        }
        scene.enqueue(&mixed());
        scene.progress(100).await;
        let number = scene.entered_as(0).await;
        let others = processes > 1;
        proxy.fall_silent();
        let silence = tokio::time::sleep(SILENCE);
        if others {
            let lived = scene.declared_dead(number).await.as_secs_f64();
            scene.note(&format!("declared dead after {lived:.1} s"));
            // Everything it held is finished by others while it hears nothing.
            scene.recover().await;
        }
        let dead = scene.server.now().await;
        silence.await;
        match then {
            Then::GoesOn => proxy.go_on(),
            Then::Resets => proxy.reset().await,
        }
        if others {
            scene.progress(200).await;
            scene.finished_nothing(number, dead).await;
        } else {
            scene.recover().await;
        }
        scene.check().await;
    }
}
