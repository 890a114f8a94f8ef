//! Two versions of the program side by side.

use diesel_async::SimpleAsyncConnection as _;
use nix::sys::signal::Signal;

use super::{mixed, processes};
use crate::{
    process::wait_for,
    scene::{Scene, long_or},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_work_on_one_queue() {
    for &processes in processes(&[1, 3]) {
        let mut scene = Scene::new("two versions of the program side by side", processes).await;
        scene.go(&mixed()).await;
        let next = scene.add_worker_of("mill_next");
        let number = scene.entered_as(next).await;
        let count = long_or(5_000, 200);
        let newer = format!(
            "WITH new AS (SELECT array_agg(3000000000 + i) AS numbers FROM generate_series(1, {count}) i),
            made AS (
                INSERT INTO wanted (number, sort, parts) SELECT n, 'kept', 1 FROM new, unnest(numbers) AS n
            )
            SELECT catena.enqueue(
                array_fill('kept'::text, ARRAY[{count}]),
                ARRAY(SELECT jsonb_build_object('id', n) FROM unnest(numbers) AS n),
                array_fill('default'::text, ARRAY[{count}]), array_fill(0::smallint, ARRAY[{count}]),
                array_fill(101::smallint, ARRAY[{count}]), array_fill(NULL::timestamptz, ARRAY[{count}]),
                array_fill(0::bigint, ARRAY[{count}]), array_fill(2::smallint, ARRAY[{count}])
            ) FROM new"
        );
        scene.server.connect().await.batch_execute(&newer).await.expect("it may");
        let of_the_newer = "(args ->> 'id')::bigint > 3000000000 AND kind = 'kept'";
        let left = format!("SELECT count(*) FROM catena.jobs WHERE {of_the_newer}");
        wait_for("they are done", async || scene.server.ask(&left).await == 0).await;
        let by = |condition: &str| format!("SELECT count(*) FROM catena.job_history WHERE {condition}");
        let by_others = by(&format!("{of_the_newer} AND worker <> {number}"));
        assert_eq!(scene.server.ask(&by_others).await, 0, "an older version took what it cannot read");
        let upgraded = by(&format!("kind = 'kept' AND args ? 'number' AND worker = {number}"));
        wait_for("it reads what was before", async || scene.server.ask(&upgraded).await > 0).await;

        // The newer one leaves alone what it does not know, until an older one is there again.
        for place in 0..processes {
            scene.workers[place].signal(Signal::SIGTERM);
            scene.workers[place].wait();
        }
        scene.progress(20).await;
        let unknown = by(&format!("kind <> 'kept' AND worker = {number}"));
        assert_eq!(scene.server.ask(&unknown).await, 0, "it took what it does not know");
        for place in 0..processes {
            scene.restart(place);
        }
        scene.recover().await;
        let upgraded = scene.server.ask(&upgraded).await;
        scene.note(&format!("{count} of the newer version, {upgraded} of the older one upgraded"));
        let ledger = scene.check().await;
        assert_eq!(ledger.discarded, 0, "none is given up because of its arguments");
    }
}
