use super::*;
use crate::{
    error::{Code, Failure, Place},
    jobs::{job::unreadable, longest},
};

job_type!(
    ThirdTime,
    job("third_time", |job, _| Box::pin(async move {
        write(&job).await?;
        match job.attempt() {
            3 => Ok(()),
            n => Err(Error::conflict(format!("failure {n}")).because(std::io::Error::other("the cause"))),
        }
    }))
);

#[tokio::test]
async fn a_failed_job_is_tried_again_and_every_failure_is_kept() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([ThirdTime::JOB]).await;
    queue.enqueue::<ThirdTime>(1).await;
    engine.run_until_idle().await.unwrap();

    let row = queue.only().await;
    assert_eq!((row.state, row.attempts), (State::Completed, 3));
    assert_eq!(texts(&row), ["failure 1: the cause", "failure 2: the cause"]);
    assert_eq!(row.errors.iter().map(|error| error.attempt).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(queue.effects().await, 1, "what a failed attempt wrote is undone");
}

job_type!(Hopeless, job("hopeless", |_, _| Box::pin(async { Err(Error::internal("no")) })));

#[tokio::test]
async fn five_retries_are_six_attempts() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Hopeless::JOB]).await;
    queue.enqueue::<Hopeless>(3).await;
    engine.run_until_idle().await.unwrap();

    for row in queue.list().await {
        assert_eq!((row.state, row.attempts, row.errors.len()), (State::Discarded, 6, 6));
        assert!(row.finished_at.is_some());
    }
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs").await, 3, "kept, to be tried again by hand");
}

job_type!(
    Later,
    Job { backoff: Backoff::DEFAULT, ..job("later", |_, _| Box::pin(async { Err(Error::internal("no")) })) }
);

#[tokio::test]
async fn a_failed_job_waits_before_it_is_tried_again() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Later::JOB]).await;
    queue.enqueue::<Later>(1).await;
    queue.sql("UPDATE catena.jobs SET attempt = 4").await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts), (State::Retryable, 5));
    let delay = row.run_at - row.errors[0].at;
    assert!((16_000..=17_600).contains(&delay.num_milliseconds()), "16 s and up to a tenth: {delay}");
}

job_type!(
    RetriesIn,
    job("retries_in", |_, _| Box::pin(async { Err(Error::retry_in(Duration::from_secs(90), "busy")) }))
);

#[tokio::test]
async fn a_handler_may_say_when_it_is_tried_again() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([RetriesIn::JOB]).await;
    queue.enqueue::<RetriesIn>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!(
        (row.state, row.run_at - row.errors[0].at),
        (State::Retryable, chrono::TimeDelta::seconds(90))
    );
}

job_type!(Discards, job("discards", |_, _| Box::pin(async { Err(Error::discard("the account is gone")) })));

#[tokio::test]
async fn a_handler_may_give_its_job_up() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Discards::JOB]).await;
    queue.enqueue::<Discards>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Discarded, 1, vec!["the account is gone"]));
}

job_type!(
    Unreadable,
    job("unreadable", |_, _| Box::pin(async {
        let fault = Failure {
            place: Place::Body,
            pointer: "/to".to_owned(),
            code: "required".into(),
            message: "is required".to_owned(),
            expected: None,
        };
        Err(unreadable(&Error::invalid(vec![fault])))
    }))
);

#[tokio::test]
async fn arguments_that_cannot_be_read_give_the_job_up() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Unreadable::JOB]).await;
    queue.enqueue::<Unreadable>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    let expected =
        "the arguments are not what this version of the job takes: 1 problem in the input; `/to` is required";
    assert_eq!((row.state, row.attempts, texts(&row)), (State::Discarded, 1, vec![expected]));
}

job_type!(
    Panics,
    job("panics", |job, _| Box::pin(async move {
        write(&job).await?;
        if job.attempt() < 3 { panic!("attempt {} fell over", job.attempt()) } else { Ok(()) }
    }))
);
job_type!(PanicsAtOnce, job("panics_at_once", |_, _| panic!("before there was a future")));

#[tokio::test]
async fn a_panic_is_a_failure_like_any_other() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Panics::JOB, PanicsAtOnce::JOB]).await;
    queue.enqueue::<Panics>(1).await;
    queue.enqueue::<PanicsAtOnce>(1).await;
    engine.run_until_idle().await.unwrap();
    let rows = queue.list().await;
    assert_eq!(rows[0].state, State::Completed);
    assert_eq!(texts(&rows[0]), ["panicked: attempt 1 fell over", "panicked: attempt 2 fell over"]);
    assert_eq!(rows[1].state, State::Discarded);
    assert_eq!(texts(&rows[1])[5], "panicked: before there was a future");
    assert_eq!(queue.effects().await, 1);
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_has_failed() {
    let mut queue = Queue::new().await;
    queue.enqueue::<WritesAndWaits>(1).await;
    queue.sql("UPDATE catena.jobs SET max_attempts = 1").await;
    let settings = EngineSettings { timeout: Duration::from_millis(50), ..EngineSettings::default() };
    let engine = queue.engine_set(Stage::new(), [WritesAndWaits::JOB], settings).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Discarded, vec!["took longer than 50ms"]));
    assert_eq!(queue.effects().await, 0);
}

job_type!(
    Hurried,
    Job {
        timeout: Some(Duration::from_millis(20)),
        retries: 0,
        ..job("hurried", |_, _| Box::pin(std::future::pending()))
    }
);

#[tokio::test]
async fn a_job_may_have_a_limit_of_its_own() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Hurried>(1).await;
    let engine = queue.engine([Hurried::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, texts(&row)), (State::Discarded, vec!["took longer than 20ms"]));
}

job_type!(
    Patient,
    Job {
        timeout: Some(Duration::from_secs(3600)),
        ..job("patient", |_, _| Box::pin(std::future::pending()))
    }
);

#[test]
fn connections_are_kept_for_as_long_as_any_attempt_may_take() {
    let ten_minutes = Duration::from_secs(600);
    assert_eq!(longest(&[]), ten_minutes);
    assert_eq!(longest(&[Hurried::JOB]), Duration::from_millis(20));
    assert_eq!(longest(&[Hurried::JOB, Noop::JOB]), ten_minutes);
    assert_eq!(longest(&[Patient::JOB, Noop::JOB]), Duration::from_secs(3600));
}

job_type!(
    Swallows,
    job("swallows", |job, _| Box::pin(async move {
        write(&job).await?;
        let _ = sql_query("SELECT 1 / 0").execute(&mut job.db().await?).await;
        if job.attempt() == 1 { Ok(()) } else { Err(Error::discard("enough")) }
    }))
);

#[tokio::test]
async fn a_job_that_ignores_a_failed_statement_is_not_completed() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Swallows::JOB]).await;
    queue.enqueue::<Swallows>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!((row.state, row.attempts), (State::Discarded, 2));
    let error = &row.errors[0].error;
    assert!(
        error.contains("a failed statement was ignored") && error.contains("division by zero"),
        "{error}"
    );
    assert_eq!(queue.effects().await, 0);
}

job_type!(
    Verbose,
    job("verbose", |_, _| Box::pin(async {
        Err(Error::new(Code::INTERNAL, format!("\0{}", "ä".repeat(9000))))
    }))
);

#[tokio::test]
async fn a_long_error_is_cut_and_any_text_can_be_kept() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([Verbose::JOB]).await;
    queue.enqueue::<Verbose>(1).await;
    engine.run_until_idle().await.unwrap();
    let row = queue.only().await;
    assert_eq!(row.state, State::Discarded);
    assert!(row.errors[0].error.starts_with("\u{fffd}ää") && row.errors[0].error.len() <= 8192);
}
