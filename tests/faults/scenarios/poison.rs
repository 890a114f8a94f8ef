//! A job that takes its process with it, whenever it runs.

use super::{mixed, processes};
use crate::{process::wait_for, scene::Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_aborts_its_process() {
    for &processes in processes(&[1, 2, 4]) {
        let mut scene = Scene::new("a job that aborts its process", processes).await;
        scene.go(&mixed()).await;
        scene.enqueue_some("poison", 1);
        let mut died = 0;
        wait_for("it is given up", async || {
            died += scene.revive();
            scene.server.ask("SELECT count(*) FROM catena.jobs WHERE kind = 'poison' AND state = 4").await
                == 1
        })
        .await;
        scene.revive();
        scene.recover().await;
        assert_eq!(scene.server.ask("SELECT crashes FROM catena.jobs WHERE kind = 'poison'").await, 4);
        let others = "SELECT count(*) FROM catena.job_errors e
                      WHERE job_id NOT IN (SELECT id FROM catena.jobs WHERE kind = 'poison')
                      GROUP BY job_id HAVING count(*) FILTER (WHERE error LIKE 'worker vanished%') > 1";
        let others = format!("SELECT count(*) FROM ({others}) AS twice");
        assert_eq!(scene.server.ask(&others).await, 0, "others were there the first time only");
        scene.note(&format!("{died} deaths"));
        assert_eq!(scene.check().await.discarded, 1, "that one and no other");
    }
}
