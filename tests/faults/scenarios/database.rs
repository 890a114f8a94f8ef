//! A PostgreSQL that goes away.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{mixed, processes};
use crate::scene::{Scene, long_or};

/// Ends PostgreSQL by a signal, leaves it away for a while, and starts it again, some times.
async fn restarted(fault: &str, signal: Signal) {
    for &processes in processes(&[1, 4]) {
        let mut scene = Scene::new(fault, processes).await;
        scene.go(&mixed()).await;
        for away in long_or(&[0, 3, 12][..], &[0]) {
            scene.server.end(signal);
            tokio::time::sleep(Duration::from_secs(*away)).await;
            scene.server.start_again().await;
            scene.recover().await;
        }
        scene.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_restarted() {
    restarted("PostgreSQL restarted (fast)", Signal::SIGINT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_restarted_without_a_shutdown() {
    restarted("PostgreSQL restarted (immediate)", Signal::SIGQUIT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_killed() {
    restarted("PostgreSQL killed (-9)", Signal::SIGKILL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backends_terminated_at_random() {
    const TERMINATE: &str = "SELECT count(pg_terminate_backend(pid)) FROM (
        SELECT pid FROM pg_stat_activity WHERE datname = 'mill' AND pid <> pg_backend_pid()
        ORDER BY random() LIMIT 2) AS unlucky";
    for &processes in processes(&[1, 4]) {
        let mut scene = Scene::new("backends terminated at random", processes).await;
        scene.go(&mixed()).await;
        let end = Instant::now() + Duration::from_secs(long_or(60, 3));
        let mut terminated = 0;
        while Instant::now() < end {
            terminated += scene.server.ask(TERMINATE).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        scene.recover().await;
        scene.note(&format!("{terminated} terminated"));
        scene.check().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written() {
    const EVERYBODY: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = 'mill' AND pid <> pg_backend_pid()";
    for &processes in processes(&[1, 4]) {
        // As a standby is before it is promoted, or a server whose disk is full.
        let mut scene = Scene::new("PostgreSQL read-only", processes).await;
        scene.go(&mixed()).await;
        scene
            .server
            .run(&format!("ALTER DATABASE mill SET default_transaction_read_only = on; {EVERYBODY}"))
            .await;
        tokio::time::sleep(Duration::from_secs(long_or(20, 3))).await;
        let reset = "BEGIN READ WRITE; ALTER DATABASE mill RESET default_transaction_read_only; COMMIT";
        scene.server.run(reset).await;
        scene.server.run(EVERYBODY).await;
        scene.recover().await;
        scene.check().await;
    }
}
