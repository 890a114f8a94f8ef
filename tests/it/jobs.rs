//! The example's jobs: mail goes out, is tried again, and the night shift runs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use catena::testing::{Client, TestApp};
use serde_json::{Value, json};

use crate::{
    process::{on, output},
    support::{credentials, signed_up},
};

/// A mail server that refuses the first mails and keeps the others. It speaks as much SMTP as a client needs.
struct Sink {
    port: u16,
    mails: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    fn refusing(times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let (kept, refusals) = (mails.clone(), Arc::new(AtomicUsize::new(times)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, refusals) = (kept.clone(), refusals.clone());
                thread::spawn(move || converse(stream, &refusals, &kept));
            }
        });
        Self { port, mails }
    }

    fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("no test panicked with it").clone()
    }
}

fn converse(stream: TcpStream, refusals: &AtomicUsize, kept: &Mutex<Vec<String>>) {
    let mut answer = stream.try_clone().expect("a socket");
    let mut say = move |line: &str| drop(answer.write_all(format!("{line}\r\n").as_bytes()));
    say("220 sink");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(line) = lines.next() {
        match line.get(..4).unwrap_or_default().to_uppercase().as_str() {
            "MAIL"
                if refusals
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok() =>
            {
                say("451 try again later");
            }
            "DATA" => {
                say("354 go on");
                let mail: Vec<_> = lines.by_ref().take_while(|line| line != ".").collect();
                kept.lock().expect("no test panicked with it").push(mail.join("\n"));
                say("250 kept");
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 ok"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_refused_twice_arrives_with_the_third_attempt() {
    let sink = Sink::refusing(2);
    let app = TestApp::builder(example_app::app())
        .var("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .start()
        .await;
    signed_up(&app, "ada").await;

    for _ in 0..2 {
        app.run_jobs().await;
        assert_eq!(sink.mails().len(), 0);
        let job = only_mail(&app);
        assert_eq!(job["state"], "retryable");
        app.advance(Duration::from_secs(10)).await;
    }
    app.run_jobs().await;

    let mails = sink.mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("ada@example.test") && mails[0].contains("Subject: Welcome"), "{}", mails[0]);
    let job = only_mail(&app);
    assert_eq!(job["state"], "completed");
    assert_eq!(job["attempts"], 3);
    let errors = job["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 2, "each failure is kept: {errors:?}");
    assert!(
        errors[0]["error"].as_str().is_some_and(|error| error.contains("451")),
        "with its cause: {errors:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_anew_by_mail() {
    let sink = Sink::refusing(0);
    let app = TestApp::builder(example_app::app())
        .var("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .var("WEBSITE_URL", "https://tasks.example/")
        .start()
        .await;
    let mut ada = signed_up(&app, "ada").await;
    app.run_jobs().await;
    let ask = async |email: &str| {
        let mut answer = app.client().post("/api/auth/request_reset", json!({ "email": email })).await;
        answer.headers.remove("x-request-id");
        app.run_jobs().await;
        (answer.status, answer.headers, answer.body)
    };
    let known = ask("Ada@example.test").await;
    let unknown = ask("eve@example.test").await;
    assert_eq!((known.0, &known), (204, &unknown), "a stranger does not learn who has an account");

    let mails = sink.mails();
    assert_eq!(mails.len(), 2, "a welcome, and one to who has an account: {mails:?}");
    assert!(mails[1].contains("To: ada@example.test"), "{}", mails[1]);
    // Mail breaks long lines, and its readers mend them.
    let text = mails[1].replace("=\n", "");
    let (_, rest) = text.split_once("https://tasks.example/reset#").expect("a link");
    let body = json!({"token": rest[..64], "password": "an old oak by the river"});
    let reset = app.client().post("/api/auth/reset", body.clone()).await;
    assert_eq!(reset.status, 204, "{}", reset.text());
    assert_eq!(reset.header("set-cookie"), "", "it signs nobody in");
    assert_eq!(app.client().post("/api/auth/reset", body).await.status, 401, "once");
    assert_eq!(ada.get("/api/auth/me").await.status, 401, "who was signed in is no more");
    let login = json!({"email": "ada@example.test", "password": "an old oak by the river"});
    assert_eq!(app.client().post("/api/auth/login", login).await.status, 200);
}

/// The one mail in the queue, as the command line shows it.
fn only_mail(app: &TestApp) -> Value {
    let text = output("example", app.db(), &["jobs", "list", "--json", "--kind", "send_mail"]);
    let jobs: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(jobs.len(), 1, "{text}");
    jobs.into_iter().next().unwrap_or_default()
}

#[tokio::test]
async fn a_sign_up_that_fails_sends_no_mail() {
    let sink = Sink::refusing(0);
    let app = TestApp::builder(example_app::app())
        .var("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .start()
        .await;
    signed_up(&app, "ada").await;
    assert_eq!(app.client().post("/api/auth/signup", credentials("ada")).await.status, 409);
    app.run_jobs().await;
    assert_eq!(sink.mails().len(), 1, "one account, one mail");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_tasks_are_gone_the_morning_after() {
    let app = TestApp::start(example_app::app()).await;
    let mut ada = signed_up(&app, "ada").await;
    for title in ["old", "new"] {
        ada.post("/api/tasks/create", serde_json::json!({"title": title})).await;
    }
    app.db().execute("UPDATE tasks SET done_at = now() - interval '31 days' WHERE title = 'old'").await;
    app.db().execute("UPDATE tasks SET done_at = now() WHERE title = 'new'").await;

    app.run_jobs().await;
    app.advance(Duration::from_secs(24 * 60 * 60)).await;
    app.run_jobs().await;
    let listed = ada.get("/api/tasks/list").await.json()["items"].take();
    let titles: Vec<_> = listed.as_array().into_iter().flatten().map(|task| task["title"].clone()).collect();
    assert_eq!(titles, ["new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_something_due_is_told_every_week() {
    let sink = Sink::refusing(0);
    let app = TestApp::builder(example_app::app())
        .var("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .start()
        .await;
    let (mut ada, mut bob) = (signed_up(&app, "ada").await, signed_up(&app, "bob").await);
    signed_up(&app, "eve").await;
    let remind = async |client: &mut Client, title: &str| {
        let task = json!({"title": title, "due_at": "2026-01-01T00:00:00Z"});
        assert_eq!(client.post("/api/tasks/create", task).await.status, 201);
    };
    remind(&mut ada, "Water the plants").await;
    remind(&mut ada, "Feed the cat").await;
    remind(&mut bob, "Call home").await;
    ada.post("/api/tasks/create", json!({"title": "Some day"})).await;
    app.run_jobs().await;
    let welcomed = sink.mails().len();

    app.advance(Duration::from_secs(7 * 24 * 60 * 60)).await;
    app.run_jobs().await;
    let digests = sink.mails().split_off(welcomed);
    assert_eq!(digests.len(), 2, "{digests:?}");
    let adas = digests.iter().find(|mail| mail.contains("To: ada@")).expect("ada has something due");
    assert!(adas.contains("- Water the plants") && adas.contains("- Feed the cat"), "{adas}");
    assert!(!adas.contains("Some day") && !adas.contains("Call home"), "{adas}");
    let sent = output("example", app.db(), &["jobs", "list", "--json", "--kind", "digest_sent"]);
    let sent: Vec<Value> = serde_json::from_str(&sent).expect("JSON");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(
        (&sent[0]["state"], &sent[0]["progress"]["done"]),
        (&json!("completed"), &json!(2)),
        "{sent:?}"
    );

    // With the mails stopped, the job that completes them waits.
    output("example", app.db(), &["jobs", "pause", "default"]);
    app.db()
        .execute(
            "SELECT catena.enqueue_batch(NULL, true, '{send_mail,digest_sent}', ARRAY['{}', '{}']::jsonb[], \
             '{default,default}', '{0,0}', '{6,6}', '{NULL,NULL}', '{0,0}')",
        )
        .await;
    let waiting =
        output("example", app.db(), &["jobs", "list", "--json", "--kind", "digest_sent", "--limit", "1"]);
    let waiting: Vec<Value> = serde_json::from_str(&waiting).expect("JSON");
    assert_eq!(
        (&waiting[0]["state"], &waiting[0]["batch"]["completes"]),
        (&json!("scheduled"), &json!(true))
    );
    let shown = output("example", app.db(), &["jobs", "show", &waiting[0]["id"].to_string()]);
    assert!(shown.contains("\n          1 jobs: 0 completed, 0 cancelled, 0 discarded\n"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_paused_and_resumed_from_the_command_line() {
    let sink = Sink::refusing(0);
    let app = TestApp::builder(example_app::app())
        .var("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .start()
        .await;
    let jobs = |args: &[&str]| output("example", app.db(), &[&["jobs"], args].concat());
    assert_eq!(jobs(&["pause", "default"]), "the queue `default` is paused\n");
    assert_eq!(jobs(&["pause", "default"]), "the queue `default` was paused already\n");
    signed_up(&app, "ada").await;
    app.run_jobs().await;
    assert_eq!(sink.mails().len(), 0);
    assert_eq!(jobs(&["resume", "default"]), "the queue `default` is no longer paused\n");
    assert_eq!(jobs(&["resume", "default"]), "the queue `default` was not paused\n");
    app.run_jobs().await;
    assert_eq!(sink.mails().len(), 1);

    let refused = on("example", app.db()).args(["jobs", "pause", "mial"]).output().expect("it is built");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    assert_eq!(said, "error: no job is in the queue `mial`; those of this program are in `default`\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_looked_at_and_changed_from_the_command_line() {
    let sink = Sink::refusing(0);
    let app = TestApp::builder(example_app::app())
        .var("SMTP_URL", format!("smtp://127.0.0.1:{}", sink.port))
        .start()
        .await;
    for name in ["ada", "bob", "eve"] {
        signed_up(&app, name).await;
    }
    let jobs = |args: &[&str]| output("example", app.db(), &[&["jobs"], args].concat());
    let counts =
        |text: String| text.lines().nth(1).map(|line| line.split_whitespace().map(str::to_owned).collect());
    // Without the age of the oldest one that is due.
    let stats = |text: String| {
        counts(text).map(|mut row: Vec<String>| {
            assert!(row.remove(3).ends_with('s'), "{row:?}");
            row
        })
    };
    let expected = |counts: [&str; 6]| Some(counts.map(str::to_owned).to_vec());
    assert_eq!(stats(jobs(&["stats"])), expected(["default", "3", "3", "0", "0", "no"]));

    let listed: Vec<Value> =
        serde_json::from_str(&jobs(&["list", "--json", "--queue", "default"])).expect("JSON");
    let ids: Vec<_> = listed.iter().rev().map(|job| job["id"].to_string()).collect();
    let (ada, bob) = (ids[0].as_str(), ids[1].as_str());
    assert_eq!(jobs(&["cancel", ada, "999"]), format!("{ada} is cancelled\n999 neither waits nor runs\n"));
    assert_eq!(jobs(&["discard", bob, ada]), format!("{bob} is given up\n{ada} does not wait\n"));
    assert_eq!(stats(jobs(&["stats"])), expected(["default", "1", "1", "0", "1", "no"]));
    app.db().execute("DELETE FROM catena.job_counts; DELETE FROM catena.job_deltas").await;
    assert_eq!(jobs(&["stats"]), "no jobs\n");
    assert_eq!(stats(jobs(&["stats", "--recount"])), expected(["default", "1", "1", "0", "1", "no"]));
    let told: Value = serde_json::from_str(&jobs(&["stats", "--json"])).expect("JSON");
    assert!(told[0]["more_due"] == false && told[0]["oldest_due_s"].is_i64(), "{told}");
    let shown = jobs(&["show", bob]);
    assert!(
        shown.starts_with(&format!("{bob} send_mail, discarded\nqueue     default, priority 0\n")),
        "{shown}"
    );
    app.run_jobs().await;
    assert_eq!(sink.mails().len(), 1, "that of eve");
    assert_eq!(jobs(&["retry", "--state", "discarded", "--kind", "send_mail"]), format!("{bob} is due\n"));
    app.run_jobs().await;
    assert_eq!(sink.mails().len(), 2, "that of bob");
    assert_eq!(jobs(&["retry", "--state", "discarded"]), "no such jobs\n");
    let schedule = jobs(&["schedule"]);
    assert!(schedule.contains("purge_done: 0 3 * * * (UTC), missed fires: last\n"), "{schedule}");
    assert_eq!(schedule.matches("03:00:00 +00:00").count(), 3, "{schedule}");
    let listed: Value = serde_json::from_str(&jobs(&["schedule", "--json", "-n", "2"])).expect("JSON");
    assert_eq!(listed[0]["next"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(listed[0]["lives"], true, "{listed}");
    assert_eq!(counts(jobs(&["list", "--limit", "1"])).map(|row: Vec<String>| row.len()), Some(6));
    for text in [schedule, shown, jobs(&["stats"]), jobs(&["list"])] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let refused = on("example", app.db()).args(["jobs", "retry"]).output().expect("it is built");
    assert!(!refused.status.success(), "without jobs chosen, nothing is");
}
