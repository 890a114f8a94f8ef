use tokio::{sync::mpsc, time::Instant};

use super::*;

/// What has left together, and the end that says that it is back.
type Left = (Vec<u32>, tokio::sync::oneshot::Sender<()>);

fn gather(most: usize) -> (Gather<u32>, mpsc::UnboundedReceiver<Left>) {
    let (leaves, left) = mpsc::unbounded_channel();
    let gather = Gather::new(most, move |all| {
        let (back, is_back) = tokio::sync::oneshot::channel();
        leaves.send((all, back)).expect("the test looks");
        Box::pin(async move { drop(is_back.await) })
    });
    (gather, left)
}

async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_meanwhile_leaves_together() {
    let (gather, mut left) = gather(4);
    gather.add(1);
    settle().await;
    let (all, back) = left.try_recv().expect("one alone leaves at once");
    assert_eq!(all, [1]);
    gather.add(2);
    gather.add(3);
    settle().await;
    assert!(left.try_recv().is_err(), "they wait for the first");
    drop(back);
    settle().await;
    let (all, back) = left.try_recv().expect("it is back");
    assert_eq!(all, [2, 3]);
    drop(back);
    settle().await;
    gather.add(4);
    settle().await;
    assert_eq!(left.try_recv().expect("nothing is under way").0, [4]);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_long_nor_in_a_crowd() {
    let (gather, mut left) = gather(4);
    gather.add(0);
    settle().await;
    let (_, _back) = left.try_recv().expect("it leaves");
    let start = Instant::now();
    gather.add(1);
    let (all, _later) = left.recv().await.expect("it leaves");
    assert_eq!(all, [1]);
    // The clock of tests moves when nothing else does; timers count whole milliseconds.
    assert!(start.elapsed() <= Duration::from_millis(2), "{:?}", start.elapsed());
    (2..=9).for_each(|one| gather.add(one));
    settle().await;
    assert_eq!(left.try_recv().expect("there are enough").0, [2, 3, 4, 5]);
    assert_eq!(left.try_recv().expect("there are enough again").0, [6, 7, 8, 9]);
}

#[tokio::test(start_paused = true)]
async fn what_breaks_on_its_way_holds_nobody_up() {
    let (leaves, mut left) = mpsc::unbounded_channel();
    let gather = Gather::new(4, move |all: Vec<u32>| {
        leaves.send(all.clone()).expect("the test looks");
        Box::pin(async move { assert_ne!(all, [1], "it breaks on purpose") })
    });
    gather.add(1);
    settle().await;
    gather.add(2);
    settle().await;
    assert_eq!([left.try_recv(), left.try_recv()], [Ok(vec![1]), Ok(vec![2])]);
}
