//! Queues share the slots of a process, can be paused, and are never left behind.

use std::sync::Mutex;

use super::*;

type Order = Arc<Mutex<Vec<&'static str>>>;

const fn noting(name: &'static str, queue: &'static str, run: fn(JobCtx, Args) -> JobFuture) -> Job {
    Job { queue, ..job(name, run) }
}

macro_rules! notes {
    ($type:ident, $name:literal, $queue:literal) => {
        job_type!(
            $type,
            noting($name, $queue, |job, _| Box::pin(async move {
                job.state::<Order>()?.lock().unwrap().push($name);
                Ok(())
            }))
        );
    };
}
notes!(Mail, "mail", "mail");
notes!(Report, "report", "reports");

job_type!(
    SlowMail,
    noting("slow_mail", "mail", |job, _| Box::pin(async move {
        job.state::<Arc<Stage>>()?.wait().await;
        Ok(())
    }))
);

fn slots(slots: usize, queues: &[(&str, usize)]) -> EngineSettings {
    let queues = queues.iter().map(|(name, slots)| ((*name).to_owned(), *slots)).collect();
    EngineSettings { slots, queues, ..EngineSettings::default() }
}

#[tokio::test]
async fn queues_take_turns() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Mail>(20).await;
    queue.enqueue::<Report>(3).await;
    let order = Order::default();
    let engine = queue.engine_set(order.clone(), [Mail::JOB, Report::JOB], slots(1, &[])).await;
    engine.run_until_idle().await.unwrap();
    let order = order.lock().unwrap();
    assert_eq!(order.len(), 23);
    let last_report = order.iter().rposition(|name| *name == "report").unwrap();
    assert!(last_report < 10, "reports do not wait for all mails: {order:?}");
}

#[tokio::test]
async fn a_queue_has_no_more_slots_than_it_may() {
    let mut queue = Queue::new().await;
    queue.enqueue::<SlowMail>(5).await;
    let stage = Stage::new();
    let engine = queue.engine_set(stage.clone(), [SlowMail::JOB, Noop::JOB], slots(50, &[("mail", 2)])).await;
    stage.has_begun().await;
    stage.has_begun().await;
    // Others find a slot meanwhile.
    let ids = queue.enqueue::<Noop>(1).await;
    engine.hear();
    while queue.number(&format!("SELECT count(*) FROM catena.job_history WHERE id = {}", ids[0])).await == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs WHERE state = 1").await, 2);
    for _ in 0..5 {
        stage.go_on();
    }
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_history").await, 6);
}

#[tokio::test]
async fn a_queue_without_slots_is_left_to_other_processes() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Mail>(1).await;
    let order = Order::default();
    let engine = queue.engine_set(order, [Mail::JOB, Report::JOB], slots(50, &[("mail", 0)])).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Available);
}

#[tokio::test]
async fn slots_of_a_queue_that_no_job_has_stop_the_boot() {
    let queue = Queue::new().await;
    let error =
        Engine::start_with(queue.services(()), [Noop::JOB, Mail::JOB], slots(50, &[("mial", 1)])).await;
    let expected =
        "JOB_QUEUES names the queue `mial`, which no job has: those of this program are in `default`, `mail`";
    assert_eq!(error.unwrap_err().detail(), expected);
}

#[tokio::test]
async fn a_paused_queue_rests_until_it_is_resumed() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Mail>(1).await;
    queue.enqueue::<Report>(1).await;
    assert!(store::pause(&mut queue.owner, "mail").await.unwrap());
    assert!(!store::pause(&mut queue.owner, "mail").await.unwrap(), "it rests already");
    let order = Order::default();
    let engine = queue.engine_with(order.clone(), [Mail::JOB, Report::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["report"]);
    assert!(store::resume(&mut queue.owner, "mail").await.unwrap());
    assert!(!store::resume(&mut queue.owner, "mail").await.unwrap(), "it works already");
    engine.run_until_idle().await.unwrap();
    assert_eq!(*order.lock().unwrap(), ["report", "mail"]);
}

#[tokio::test]
async fn jobs_in_a_queue_that_their_kind_left_follow_it() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Mail>(3).await;
    queue.enqueue::<Noop>(1).await;
    queue.sql("UPDATE catena.jobs SET queue = 'old_' || id % 2").await;
    let homes = [("mail", "mail"), ("report", "reports")];
    assert_eq!(store::move_strays(&mut queue.owner, &homes).await.unwrap(), 3);
    assert_eq!(store::move_strays(&mut queue.owner, &homes).await.unwrap(), 0);
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs WHERE queue = 'mail'").await, 3);
    assert_eq!(
        queue.number("SELECT count(*) FROM catena.jobs WHERE kind = 'noop' AND queue LIKE 'old_%'").await,
        1
    );
}

job_type!(Last, Job { priority: 3, ..job("last", |_, _| Box::pin(async { Ok(()) })) });

#[tokio::test]
async fn a_job_has_the_priority_of_its_kind_unless_it_is_given_another() {
    let mut queue = Queue::new().await;
    Enqueue::<Last>::new(()).enqueue(&mut queue.owner).await.unwrap();
    Enqueue::<Last>::new(()).priority(1).enqueue(&mut queue.owner).await.unwrap();
    assert_eq!(queue.list().await.iter().map(|row| row.priority).collect::<Vec<_>>(), [3, 1]);
}

#[tokio::test]
async fn a_delay_may_be_text() {
    let mut queue = Queue::new().await;
    Enqueue::<Noop>::new(()).delay("10m").enqueue(&mut queue.owner).await.unwrap();
    let delay = "SELECT round(extract(epoch FROM run_at - created_at) / 10) FROM catena.jobs";
    assert_eq!(queue.number(delay).await, 60);
    for wrong in ["", "10", "m", "-1m", "1.5h", "10 m", "10min", "99999999999999999999d", "9999999999999999d"]
    {
        let error = Enqueue::<Noop>::new(()).delay(wrong).enqueue(&mut queue.owner).await.unwrap_err();
        assert!(error.chain().contains("is no delay of a job"), "{wrong}: {error:?}");
    }
}

#[tokio::test]
async fn a_clock_that_was_put_back_keeps_nothing_waiting_that_was_due() {
    let mut queue = Queue::new().await;
    let ids = queue.enqueue::<Noop>(6).await;
    // As an hour later, and then put back: the first was due, the second waits for a time of its own, the third for its
    // next attempt, the fourth is of the time after, the fifth waits for the other jobs of its batch, the sixth sleeps.
    queue
        .sql(&format!(
            "UPDATE catena.jobs SET created_at = now() + interval '1 h', run_at = now() + interval '59 min' WHERE id = {};
             UPDATE catena.jobs SET created_at = now() + interval '1 h', run_at = now() + interval '2 h' WHERE id = {};
             UPDATE catena.jobs SET claimed_at = now() + interval '1 h', run_at = now() + interval '70 min', attempt = 1
             WHERE id = {};
             UPDATE catena.jobs SET run_at = now() + interval '10 min' WHERE id = {};
             UPDATE catena.jobs SET created_at = now() + interval '1 h', run_at = now() + interval '1 h', state = 7
             WHERE id = {};
             UPDATE catena.jobs SET claimed_at = now() + interval '1 h', run_at = now() + interval '80 min' WHERE id = {5};
             INSERT INTO catena.job_steps (job_id, name, finished_at, wake_at)
             VALUES ({5}, 'long', now() + interval '1 h', now() + interval '80 min'),
                 ({5}, 'over', now() + interval '1 h', now() + interval '59 min'),
                 ({5}, 'of the time after', now(), now() + interval '10 min')",
            ids[0], ids[1], ids[2], ids[3], ids[4], ids[5]
        ))
        .await;
    let mut jobs_role = connect(queue.db.jobs_url()).await;
    for moved in [4, 0] {
        let by = chrono::TimeDelta::hours(1);
        assert_eq!(store::follow_clock(&mut jobs_role, by).await.unwrap(), moved, "once, whoever else does");
    }
    for (id, minutes) in ids.iter().zip([-1, 120, 10, 10, 0, 20]) {
        let waits =
            format!("SELECT round(extract(epoch FROM run_at - now()) / 60) FROM catena.jobs WHERE id = {id}");
        assert_eq!(queue.number(&waits).await, minutes);
    }
    for (name, minutes) in [("long", 20), ("over", -1), ("of the time after", 10)] {
        let sleeps = format!(
            "SELECT round(extract(epoch FROM wake_at - now()) / 60) FROM catena.job_steps WHERE name = '{name}'"
        );
        assert_eq!(queue.number(&sleeps).await, minutes, "{name}");
    }
}
