//! Clocks that are set.

use super::{mixed, processes};
use crate::{load::Shape, scene::Scene};

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_the_database_is_set() {
    for &processes in processes(&[2, 4]) {
        let mut scene = Scene::with_clock("PostgreSQL's clock set +1 h, back, -1 h, back", processes).await;
        // Without those that wait for their time: that is by the clock.
        let sorts = mixed().sorts.into_iter().filter(|sort| *sort != "later").collect();
        scene.go(&Shape { sorts, ..mixed() }).await;
        for offset in ["+1h", "+0", "-1h", "+0"] {
            scene.server.set_clock(offset);
            // Who dies now is found in time, whatever the clock says of its last sign of life.
            let number = scene.entered_as(0).await;
            scene.workers[0].kill();
            let found = scene.declared_dead(number).await.as_secs_f64();
            scene.restart(0);
            scene.recover().await;
            scene.note(&format!("at {offset} a killed worker was missed after {found:.1} s"));
        }
        // One job a fire, however often a minute came.
        let twice = "SELECT count(*) - count(DISTINCT date_trunc('minute', created_at))
            FROM catena.job_history WHERE kind = 'tick'";
        assert_eq!(scene.server.ask(twice).await, 0, "a schedule fired twice");
        let vanished = "SELECT count(*) FROM catena.job_errors WHERE error = 'worker vanished'";
        let vanished = scene.server.ask(vanished).await;
        scene.note(&format!("{vanished} attempts were lost"));
        // Each killed worker had no more than its slots.
        assert!(vanished <= 4 * 20, "living workers lost {vanished} jobs");
        scene.check().await;
    }
}
