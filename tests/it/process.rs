//! Applications as processes of their own: started, stopped, killed.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use catena::testing::TestDb;
use diesel::{
    AggregateExpressionMethods as _, QueryDsl as _,
    dsl::{count, count_star},
};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};

/// How long anything here may take before the test gives up: a bound against hanging, not an expectation.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in a process of its own, killed when dropped.
pub(crate) struct Server {
    child: Child,
    address: String,
    /// What it said before that.
    said: Vec<String>,
    /// What it says afterwards, until it ends.
    says: Mutex<mpsc::Receiver<String>>,
}

impl Server {
    /// Starts a program on a database and waits until it says where it listens.
    pub(crate) fn start(program: &str, db: &TestDb, args: &[&str]) -> Self {
        Self::started(on(program, db).args(args))
    }

    /// The same, in another working directory.
    pub(crate) fn start_in(folder: &Path, program: &str, db: &TestDb, args: &[&str]) -> Self {
        Self::started(on(program, db).args(args).current_dir(folder))
    }

    pub(crate) fn started(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program is built");
        let mut log = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut seen = Vec::new();
        let address = loop {
            let line =
                log.next().and_then(Result::ok).unwrap_or_else(|| panic!("it stopped: {}", seen.join("\n")));
            if let Some((_, address)) = line.split_once("listening on http://") {
                break address.split(',').next().unwrap_or_default().to_owned();
            }
            seen.push(line);
        };
        // Whoever logs into a pipe that nobody reads waits for ever.
        let (say, says) = mpsc::channel();
        std::thread::spawn(move || log.map_while(Result::ok).for_each(|line| drop(say.send(line))));
        Self { child, address, said: seen, says: Mutex::new(says) }
    }

    /// Waits for a line of the log with `text` in it.
    pub(crate) fn says(&self, text: &str) -> String {
        let start = Instant::now();
        let says = self.says.lock().expect("nobody panicked with it");
        loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let line = says.recv_timeout(left).unwrap_or_else(|_| panic!("it never said `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let mut answer = agent()
            .post(format!("http://{}{path}", self.address))
            .send_json(body)
            .expect("the server answers");
        (answer.status().as_u16(), answer.body_mut().read_json().unwrap_or(Value::Null))
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut answer =
            agent().get(format!("http://{}{path}", self.address)).call().expect("the server answers");
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"))
    }

    /// Where the metrics are, if they have an address of their own.
    pub(crate) fn metrics_url(&self) -> &str {
        let found = self.said.iter().find_map(|line| Some(line.split_once("metrics at ")?.1));
        found.unwrap_or_else(|| panic!("no address: {}", self.said.join("\n")))
    }

    /// Where it listens: `127.0.0.1:12345`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it said before it listened.
    pub(crate) fn said(&self) -> &[String] {
        &self.said
    }

    /// SIGKILL: the process learns nothing of it.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was running");
    }

    /// SIGTERM, and what the process makes of it.
    pub(crate) fn stop(mut self) -> std::process::ExitStatus {
        let id = i32::try_from(self.child.id()).expect("a process id");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM)
            .expect("it runs");
        self.child.wait().expect("it was running")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

/// A program of this package, told to use a test's database.
pub(crate) fn on(program: &str, db: &TestDb) -> Command {
    let mut command = alone(program);
    command
        .env("DATABASE_URL", db.web_url())
        .env("DATABASE_JOBS_URL", db.jobs_url())
        .env("DATABASE_OWNER_URL", db.owner_url());
    command
}

/// A program of this package, told of no database.
pub(crate) fn alone(program: &str) -> Command {
    let path = match program {
        "example" => env!("CARGO_BIN_EXE_example"),
        "ledger" => env!("CARGO_BIN_EXE_ledger"),
        "pairs" => env!("CARGO_BIN_EXE_pairs"),
        other => panic!("there is no program {other}"),
    };
    // What programs leave in their working directory in development stays out of the sources.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program);
    std::fs::create_dir_all(&folder).expect("Cargo's folder for tests is there");
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PORT", "0")
        .current_dir(folder);
    command
}

/// Runs a program to its end and returns what it printed.
pub(crate) fn output(program: &str, db: &TestDb, args: &[&str]) -> String {
    let output = on(program, db).args(args).output().expect("the program is built");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

diesel::table! {
    ledger (id) {
        id -> BigInt,
        number -> BigInt,
    }
}

/// How many entries there are, and how many different ones.
async fn entries(db: &TestDb) -> (i64, i64) {
    let query = ledger::table.select((count_star(), count(ledger::number).aggregate_distinct()));
    query.get_result(&mut db.connect().await).await.expect("the ledger is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_survive_a_kill_and_none_takes_effect_twice() {
    const JOBS: i64 = 1000;
    let db = TestDb::new(&LEDGER).await;
    let server = Server::start("ledger", &db, &[]);
    assert_eq!(server.post("/api/fill", &json!({"count": JOBS})).0, 204);

    wait_for(async || entries(&db).await.0 >= 100).await;
    server.kill();
    let (before, _) = entries(&db).await;
    assert!(before < JOBS, "it was killed in the middle, at {before}");

    let _server = Server::start("ledger", &db, &[]);
    wait_for(async || entries(&db).await.1 >= JOBS).await;
    wait_for(async || {
        let listed: Value =
            serde_json::from_str(&output("ledger", &db, &["jobs", "list", "--json", "--limit", "2000"]))
                .expect("JSON");
        listed.as_array().is_some_and(|jobs| jobs.iter().all(|job| job["state"] == "completed"))
    })
    .await;
    assert_eq!(entries(&db).await, (JOBS, JOBS), "every job took effect, and none twice");
}

pub(crate) const LEDGER: catena::testing::EmbeddedMigrations = {
    use catena::testing::diesel_migrations;
    diesel_migrations::embed_migrations!("apps/ledger/migrations")
};

/// Waits until something holds. What is waited for happens in another process, so there is nothing to be woken by.
pub(crate) async fn wait_for(mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "it did not happen within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_ends_well() {
    let db = TestDb::new(&LEDGER).await;
    for args in [&["serve", "--no-jobs"][..], &["serve"]] {
        let server = Server::start("ledger", &db, args);
        assert_eq!(server.get("/healthz"), (200, "ok".to_owned()));
        assert!(server.stop().success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_past_row_level_security_is_logged() {
    let db = TestDb::new(&LEDGER).await;
    let server = Server::start("ledger", &db, &["serve", "--no-jobs"]);
    assert_eq!(server.get("/api/count"), (200, r#"{"count":0}"#.to_owned()));
    let line = server.says("elevated access");
    for part in ["INFO", "anybody may know how many there are", "procedure=count", "request_id="] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("user="), "nobody is signed in: {line}");
}

/// A program in production, on a test's database.
pub(crate) fn in_production(program: &str, db: &TestDb, args: &[&str]) -> Command {
    let mut command = on(program, db);
    command
        .env("CATENA_ENV", "production")
        .env("CATENA_SECRET", "the secret of applications under test")
        .args(args);
    command
}

/// What a program says that must not succeed.
pub(crate) fn refusal(command: &mut Command) -> String {
    let output = command.output().expect("the program is built");
    assert!(!output.status.success());
    String::from_utf8(output.stderr).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn production_says_what_is_pending_and_never_migrates() {
    let db = TestDb::new(&LEDGER).await;
    TestDb::execute(&db, "DROP TABLE ledger; DELETE FROM __diesel_schema_migrations").await;
    let server = Server::started(&mut in_production("ledger", &db, &["serve", "--no-jobs"]));
    let warned = "the migration 0001_ledger has not run";
    assert!(
        server.said.iter().any(|line| line.contains(warned) && line.contains("run the command `migrate`")),
        "{:?}",
        server.said
    );
    drop(server);
    assert!(output("ledger", &db, &["migrate", "status"]).contains("pending  catena-tests  0001_ledger\n"));

    TestDb::execute(&db, "DELETE FROM catena.migrations WHERE version = '0003'").await;
    let refused = refusal(&mut in_production("ledger", &db, &["serve", "--no-jobs"]));
    assert!(
        refused.ends_with(
            "error: the database lacks what this version of catena needs (0003_credentials)\n  mend: run the command \
             `migrate`\n"
        ),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_is_reverted_in_production_only_if_that_is_meant() {
    let db = TestDb::new(&LEDGER).await;
    let refused = refusal(&mut in_production("ledger", &db, &["migrate", "revert"]));
    assert_eq!(
        refused,
        "error: this is production (CATENA_ENV), and undoing a migration may lose data; write `migrate revert --yes` \
         if that is meant\n"
    );
    for expected in ["reverted 0001_ledger\n", "there is nothing to revert\n"] {
        let done = in_production("ledger", &db, &["migrate", "revert", "--yes"])
            .output()
            .expect("the program is built");
        assert_eq!(
            String::from_utf8_lossy(&done.stdout),
            expected,
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    assert_eq!(output("ledger", &db, &["migrate"]), "0001_ledger\n");
    assert_eq!(output("ledger", &db, &["migrate", "revert"]), "reverted 0001_ledger\n");
}

/// Runs a script by psql, with these arguments, to its end.
pub(crate) fn psql(arguments: &[&str], script: &str) -> Output {
    let mut child = Command::new("psql")
        .arg("-X")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("psql comes with PostgreSQL");
    child.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("psql reads");
    child.wait_with_output().expect("psql ends")
}
