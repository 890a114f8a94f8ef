//! What is secret in arguments is gone when the job is.

use super::*;
use crate::{jobs::JobArgs, macros::model};

#[model]
struct Account {
    user: String,
    #[secret]
    password: String,
    keys: Vec<Key>,
}

#[model]
struct Key {
    #[secret]
    text: String,
}

const ARGS: &str = r#"{"user": "ada", "password": "hunter2", "keys": [{"text": "hunter2 too"}]}"#;

/// A job that takes an account.
macro_rules! takes_account {
    ($name:ident, $keep:expr, $run:expr) => {
        struct $name;
        impl $name {
            const JOB: &'static Job = {
                static JOB: Job = Job {
                    args: <Account as JobArgs>::SHAPE,
                    keep: $keep,
                    ..job(stringify!($name), |job, args| {
                        Box::pin(async move {
                            let Account { user, password, keys } = args.read::<$name>()?;
                            assert_eq!(
                                (&*user, &*password, &*keys[0].text),
                                ("ada", "hunter2", "hunter2 too")
                            );
                            let run: fn(&JobCtx) -> futures_util::future::BoxFuture<'_, Result<()>> = $run;
                            run(&job).await
                        })
                    })
                };
                &JOB
            };
        }
        impl JobType for $name {
            type Args = Account;
            fn job() -> &'static Job {
                Self::JOB
            }
        }
    };
}

takes_account!(Plain, Keep::All, |_| Box::pin(async { Ok(()) }));
takes_account!(Writing, Keep::All, |job| Box::pin(write(job)));
takes_account!(Stepping, Keep::All, |job| Box::pin(job.step("one", async |_| Ok(()))));
takes_account!(SteppingThenWriting, Keep::All, |job| Box::pin(async move {
    if job.attempt() == 1 {
        job.step("one", async |_| Err(Error::internal("no"))).await
    } else {
        write(job).await
    }
}));
takes_account!(Dropped, Keep::None, |_| Box::pin(async { Ok(()) }));
takes_account!(Fails, Keep::All, |_| Box::pin(async { Err(Error::discard("no such account")) }));
takes_account!(Listens, Keep::All, |job| Box::pin(async move {
    job.state::<Arc<Stage>>()?.wait().await;
    job.cancelled().await;
    Err(Error::internal("stopped"))
}));

impl Queue {
    async fn enqueue_account<J: JobType<Args = Account>>(&mut self) -> JobId {
        let new = NewJob { args: ARGS.to_owned(), ..NewJob::of(J::job()) };
        store::enqueue(&mut self.owner, vec![new]).await.unwrap()[0]
    }

    /// The columns of the framework's tables in which the secret stands.
    async fn where_it_stands(&mut self) -> Vec<String> {
        let columns = self
            .texts(
                "SELECT format('catena.%I WHERE %I::text LIKE ''%%hunter2%%''', table_name, column_name) AS text
                 FROM information_schema.columns WHERE table_schema = 'catena' ORDER BY table_name, column_name",
            )
            .await;
        let mut found = Vec::new();
        for column in columns {
            if self.number(&format!("SELECT count(*) FROM {column}")).await > 0 {
                found.push(column.split(" WHERE ").next().unwrap_or_default().to_owned());
            }
        }
        found
    }

    /// The arguments in the history.
    async fn kept(&mut self) -> Vec<String> {
        self.texts("SELECT args::text AS text FROM catena.job_history ORDER BY id").await
    }
}

#[tokio::test]
async fn completed_jobs_are_kept_without_it() {
    let mut queue = Queue::new().await;
    let jobs = [Plain::JOB, Writing::JOB, Stepping::JOB, SteppingThenWriting::JOB, Dropped::JOB];
    queue.enqueue_account::<Plain>().await;
    queue.enqueue_account::<Writing>().await;
    queue.enqueue_account::<Stepping>().await;
    queue.enqueue_account::<SteppingThenWriting>().await;
    queue.enqueue_account::<Dropped>().await;
    assert_eq!(queue.where_it_stands().await, ["catena.jobs"]);
    queue.engine(jobs).await.run_until_idle().await.unwrap();
    assert_eq!(queue.where_it_stands().await, [""; 0]);
    assert_eq!(queue.kept().await, vec![r#"{"user": "ada"}"#; 4]);
}

#[tokio::test]
async fn cancelled_jobs_are_kept_without_it() {
    let mut queue = Queue::new().await;
    let stage = Stage::new();
    let engine = queue.engine_with(stage.clone(), [Listens::JOB, Plain::JOB]).await;
    let running = queue.enqueue_account::<Listens>().await;
    stage.has_begun().await;
    queue.sql("INSERT INTO catena.paused_queues (name) VALUES ('default')").await;
    let waiting = queue.enqueue_account::<Plain>().await;
    stage.go_on();
    store::cancel_jobs(&mut queue.owner, &[running, waiting]).await.unwrap();
    engine.run_until_idle().await.unwrap();
    let states: Vec<_> = queue.list().await.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Cancelled, State::Cancelled]);
    assert_eq!(queue.where_it_stands().await, [""; 0]);
    assert_eq!(queue.kept().await, [r#"{"user": "ada"}"#, r#"{"user": "ada"}"#]);
}

#[tokio::test]
async fn discarded_jobs_keep_it_for_a_retry_until_they_are_deleted() {
    let mut queue = Queue::new().await;
    let id = queue.enqueue_account::<Fails>().await;
    let engine = queue.engine([Fails::JOB]).await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.only().await.state, State::Discarded);
    store::retry_jobs(&mut queue.owner, &[id]).await.unwrap();
    engine.run_until_idle().await.unwrap();
    assert_eq!(texts(&queue.only().await), ["no such account"; 2], "it could be read again");
    assert_eq!(queue.where_it_stands().await, ["catena.jobs"]);
    queue.sql("UPDATE catena.jobs SET finished_at = now() - interval '91 days'").await;
    assert_eq!(store::delete_discarded(&mut queue.owner, 90).await.unwrap(), 1);
    assert_eq!(queue.where_it_stands().await, [""; 0]);
}

#[tokio::test]
async fn what_any_version_of_the_program_calls_secret_is_wiped() {
    let mut queue = Queue::new().await;
    drop(queue.engine([Plain::JOB]).await);
    // Another version, with the same arguments but for this.
    queue.sql("UPDATE catena.job_kinds SET secrets = '{user}'").await;
    let engine = queue.engine([Plain::JOB]).await;
    queue.enqueue_account::<Plain>().await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.kept().await, ["{}"]);
    // One whose arguments are secret as a whole.
    queue.sql("UPDATE catena.job_kinds SET secrets = secrets || ARRAY['']").await;
    queue.enqueue_account::<Plain>().await;
    engine.run_until_idle().await.unwrap();
    assert_eq!(queue.kept().await, ["{}", "null"]);
}

#[test]
fn a_row_that_is_shown_does_not_show_it() {
    let new = NewJob { args: ARGS.to_owned(), ..NewJob::of(Plain::JOB) };
    let shown = format!("{new:?}");
    assert!(shown.contains("Plain") && !shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn the_log_does_not_say_it() {
    let (log, _guard) = Log::of_this_thread();
    let mut queue = Queue::new().await;
    queue.enqueue_account::<Fails>().await;
    queue.enqueue_account::<Writing>().await;
    // One whose arguments cannot be read, but for the secret.
    queue.enqueue_account::<Plain>().await;
    queue.sql("UPDATE catena.jobs SET args = args - 'user' WHERE kind = 'Plain'").await;
    let engine = queue.engine([Fails::JOB, Writing::JOB, Plain::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let said = log.said();
    assert!(said.contains("no such account") && said.contains("`/user`"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert_eq!(queue.number("SELECT count(*) FROM catena.job_errors WHERE error LIKE '%hunter2%'").await, 0);
}
