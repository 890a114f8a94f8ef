//! Two versions of a program work on one queue, and arguments change.

use std::collections::HashMap;

use super::*;
use crate::{
    OldArgs, Schema,
    jobs::{
        JobArgs,
        job::reads,
        kinds::{self, Report, Unread},
        runtime::Line,
    },
    macros::model,
};

#[model]
struct MailToOne {
    to: String,
}

#[model]
struct Mail {
    to: Vec<String>,
    subject: String,
}

/// A version of the job `mail`, which writes what it was given into `effects`.
macro_rules! version {
    ($name:ident, $args:ident, $version:literal, $told:expr $(, $upgrade:path)?) => {
        struct $name;
        impl $name {
            const JOB: &'static Job = {
                static JOB: Job = Job {
                    version: $version,
                    args: <$args as JobArgs>::SHAPE,
                    reads: reads::<$name>,
                    ..job("mail", |job, args| {
                        Box::pin(async move {
                            let args = args.read::<$name>()?;
                            let told: fn($args) -> String = $told;
                            let sql = format!("INSERT INTO effects VALUES ('{}')", told(args));
                            sql_query(sql).execute(&mut job.db().await?).await?;
                            Ok(())
                        })
                    })
                };
                &JOB
            };
        }
        impl JobType for $name {
            type Args = $args;
            fn job() -> &'static Job {
                Self::JOB
            }
            $(fn upgrade(version: u16, args: OldArgs) -> Result<$args> {
                $upgrade(version, args)
            })?
        }
    };
}

version!(First, MailToOne, 1, |mail| format!("1: {}", mail.to));
version!(Second, Mail, 2, |mail| format!("2: {} {}", mail.to.join(","), mail.subject), upgraded);
// The arguments have changed, and somebody forgot to say so.
version!(Forgetful, Mail, 1, |_| String::new());

fn upgraded(version: u16, args: OldArgs) -> Result<Mail> {
    assert_eq!(version, 1);
    let old: MailToOne = args.read()?;
    match old.to.as_str() {
        "nobody" => Err(Error::cancel("nobody wants it")),
        "broken" => Err(Error::not_found("there is no such address")),
        "panic" => panic!("fell over"),
        _ => Ok(Mail { to: vec![old.to], subject: "none".to_owned() }),
    }
}

impl Queue {
    async fn mail_to_one(&mut self, to: &str) -> JobId {
        let args = MailToOne { to: to.to_owned() };
        Enqueue::<First>::new(args).enqueue(&mut self.owner).await.unwrap()
    }

    async fn mail(&mut self) -> JobId {
        let args = Mail { to: vec!["ada".to_owned(), "ben".to_owned()], subject: "news".to_owned() };
        Enqueue::<Second>::new(args).enqueue(&mut self.owner).await.unwrap()
    }

    async fn told(&mut self) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let rows: Vec<Row> =
            sql_query("SELECT name FROM effects ORDER BY name").load(&mut self.owner).await.unwrap();
        rows.into_iter().map(|row| row.name).collect()
    }

    /// What a program with these jobs finds before it works.
    async fn report<const N: usize>(&self, jobs: [&'static Job; N]) -> Report {
        let jobs: HashMap<_, _> = jobs.into_iter().map(|job| (job.name, job)).collect();
        kinds::enter(&Line::new(self.db.database().engine.clone()), &jobs).await.unwrap()
    }
}

#[tokio::test]
async fn an_old_program_leaves_new_jobs_alone_and_a_new_one_upgrades_old_jobs() {
    let mut queue = Queue::new().await;
    let old = queue.engine([First::JOB]).await;
    queue.mail().await;
    queue.mail_to_one("eve").await;
    old.run_until_idle().await.unwrap();
    assert_eq!(queue.told().await, ["1: eve"]);
    drop(old);
    queue.mail_to_one("cy").await;
    let new = queue.engine([Second::JOB]).await;
    new.run_until_idle().await.unwrap();
    assert_eq!(queue.told().await, ["1: eve", "2: ada,ben news", "2: cy none"]);
    assert!(queue.list().await.iter().all(|row| row.state == State::Completed));
}

#[tokio::test]
async fn an_upgrade_that_fails_gives_the_job_up_unless_it_says_otherwise() {
    let mut queue = Queue::new().await;
    for to in ["nobody", "broken", "panic"] {
        queue.mail_to_one(to).await;
    }
    queue.sql("INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at) VALUES ('mail', '{}', 'default', 0, 6, now())").await;
    let engine = queue.engine([Second::JOB]).await;
    engine.run_until_idle().await.unwrap();
    let rows = queue.list().await;
    let ended: Vec<_> = rows.iter().map(|row| (row.state, row.attempts, texts(row))).collect();
    let broken = "the arguments of version 1 cannot be made those of version 2: there is no such address";
    let unread =
        "the arguments are not what this version of the job takes: 1 problem in the input; `/to` is required";
    assert_eq!(ended[0], (State::Cancelled, 1, vec!["nobody wants it"]));
    assert_eq!(ended[1], (State::Discarded, 1, vec![broken]));
    assert_eq!((ended[2].0, ended[2].2[0]), (State::Discarded, "panicked: fell over"));
    assert_eq!(ended[3], (State::Discarded, 1, vec![unread]));
}

#[tokio::test]
async fn what_waits_and_cannot_be_read_is_reported_before_it_is_claimed() {
    let mut queue = Queue::new().await;
    assert!(queue.report([First::JOB, Noop::JOB]).await.unread.is_empty());
    let first = queue.mail_to_one("ada").await;
    queue.mail_to_one("ben").await;
    queue.enqueue::<Noop>(1).await;
    let report = queue.report([Forgetful::JOB, Noop::JOB]).await;
    let fault = "the arguments are not what this version of the job takes: 2 problems in the input; `/to` expected an \
                 array, found a string; `/subject` is required";
    let unread = Unread { kind: "mail", newer: None, jobs: 2, first, fault: fault.to_owned() };
    assert_eq!((report.unread, report.complete), (vec![unread], true));
    let report = queue.report([Second::JOB, Noop::JOB]).await;
    assert_eq!((report.unread, report.complete), (vec![], true), "it upgrades them");
}

#[tokio::test]
async fn a_report_counts_what_fails_to_upgrade_and_what_is_newer() {
    let mut queue = Queue::new().await;
    let panics = queue.mail_to_one("panic").await;
    queue.mail_to_one("broken").await;
    queue.mail_to_one("fine").await;
    let newer = queue.mail().await;
    let report = queue.report([Second::JOB]).await;
    let fault = "panicked: fell over".to_owned();
    assert_eq!(report.unread, [Unread { kind: "mail", newer: None, jobs: 2, first: panics, fault }]);
    let report = queue.report([First::JOB]).await;
    let fault = String::new();
    assert_eq!(report.unread, [Unread { kind: "mail", newer: Some(2), jobs: 1, first: newer, fault }]);
}

#[tokio::test]
async fn nothing_is_looked_at_while_all_programs_take_the_same() {
    let mut queue = Queue::new().await;
    let engine = queue.engine([First::JOB]).await;
    drop(engine);
    queue.sql("INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at) VALUES ('mail', '7', 'default', 0, 6, now())").await;
    assert_eq!(queue.report([First::JOB]).await.unread, []);
    // Another took something else, at some time.
    queue.report([Second::JOB]).await;
    assert_eq!(queue.report([First::JOB]).await.unread.len(), 1);
    queue.sql("UPDATE catena.job_kinds SET seen_at = now() - interval '91 days' WHERE version = 2").await;
    assert_eq!(store::delete_kinds(&mut queue.owner, 90).await.unwrap(), 1);
    assert_eq!(queue.report([First::JOB]).await.unread, []);
}

#[tokio::test]
async fn a_long_queue_is_walked_through() {
    let mut queue = Queue::new().await;
    let fill = "INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at) \
                SELECT CASE WHEN i % 5 = 0 THEN 'mail' ELSE 'noop' END, '{}', 'default', 0, 6, now() \
                FROM generate_series(1, 5500) AS i";
    queue.sql(fill).await;
    queue.sql("UPDATE catena.jobs SET state = 4 WHERE id = (SELECT max(id) FROM catena.jobs)").await;
    let report = queue.report([First::JOB, Noop::JOB]).await;
    assert_eq!((report.unread[0].jobs, report.complete), (1099, true), "all but the one that was given up");
}

#[test]
fn the_shape_of_the_arguments_decides() {
    assert_ne!(crate::model::fingerprint(MailToOne::shape()), crate::model::fingerprint(Mail::shape()));
}
