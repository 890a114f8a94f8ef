//! What every scenario has: a server, workers, somebody who enqueues, and the ledger at the end.

use std::{
    fmt::Write as _,
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{
    ledger::Ledger,
    load::{Load, Shape, order},
    postgres::Postgres,
    process::{Process, wait_for},
};

/// How soon after a fault jobs must be finished again.
const RECOVERY: Duration = Duration::from_secs(15);

/// Whether a scenario takes as long as it should, or only as long as it must.
pub(crate) fn long() -> bool {
    std::env::var_os("FAULTS_LONG").is_some()
}

/// The long or the short form of a figure.
pub(crate) fn long_or<T>(long_form: T, short_form: T) -> T {
    if long() { long_form } else { short_form }
}

pub(crate) struct Scene {
    fault: String,
    processes: usize,
    pub(crate) workers: Vec<Process>,
    front: Process,
    address: String,
    load: Option<Load>,
    pub(crate) server: Postgres,
    folder: TempDir,
    recovery: Option<Recovery>,
    /// What is said beside the figures.
    notes: String,
    /// What workers are told besides.
    environment: Vec<(&'static str, String)>,
}

/// How long after the fault a job was finished again, and how long until all were that had been enqueued by then.
struct Recovery {
    first: Duration,
    all: Duration,
}

impl Scene {
    /// A server and an application that enqueues, without workers.
    pub(crate) async fn new(fault: &str, processes: usize) -> Self {
        Self::with(fault, processes, false).await
    }

    /// The same, with a server whose clock can be set.
    pub(crate) async fn with_clock(fault: &str, processes: usize) -> Self {
        Self::with(fault, processes, true).await
    }

    async fn with(fault: &str, processes: usize, own_clock: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("catena-faults-").tempdir().expect("a folder");
        // The server's user may be another than ours.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("it is ours");
        let server = Postgres::start(folder.path(), own_clock).await;
        let mut migrate = program("mill", folder.path());
        let migrated = migrate.env("DATABASE_URL", server.url("postgres")).arg("migrate").output();
        let migrated = migrated.expect("the program is built");
        assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
        let mut serve = at(program("mill", folder.path()), &server, server.port());
        let front = Process::start(serve.args(["serve", "--no-jobs"]), &folder.path().join("front.log"));
        let mut address = String::new();
        wait_for("the application listens", async || {
            let said = front.said();
            let found = said.split_once("listening on http://");
            address = found.map_or("", |(_, rest)| rest.split([',', '\n']).next().unwrap_or("")).to_owned();
            !address.is_empty()
        })
        .await;
        let fault = fault.to_owned();
        Self {
            fault,
            processes,
            workers: Vec::new(),
            front,
            address,
            load: None,
            server,
            folder,
            recovery: None,
            notes: String::new(),
            environment: Vec::new(),
        }
    }

    /// Has workers that are started from now on find a variable in their environment.
    pub(crate) fn tell(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    /// Has them find no such variable any more.
    pub(crate) fn tell_no_more(&mut self, name: &str) {
        self.environment.retain(|(known, _)| *known != name);
    }

    /// Starts as many workers as there are to be, and somebody who enqueues; returns when jobs are being finished.
    pub(crate) async fn go(&mut self, shape: &Shape) {
        for _ in 0..self.processes {
            self.add_worker();
        }
        self.enqueue(shape);
        self.progress(20).await;
    }

    /// Has somebody enqueue, until the end.
    pub(crate) fn enqueue(&mut self, shape: &Shape) {
        self.load = Some(Load::start(&self.address, shape));
    }

    /// Enqueues some jobs of one sort besides, at once; returns their numbers' beginning.
    pub(crate) fn enqueue_some(&self, sort: &'static str, count: i64) -> i64 {
        // Far from the numbers of the load.
        static NEXT: AtomicI64 = AtomicI64::new(1_000_000_000);
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        assert!(order(&self.address, first, count, &[sort], Duration::ZERO), "they are accepted");
        first
    }

    /// Waits until a worker has entered; returns its number, the last if it has several.
    pub(crate) async fn entered_as(&self, place: usize) -> i64 {
        let process = self.workers[place].id();
        let sql = format!("SELECT coalesce(max(id), 0) FROM catena.workers WHERE name LIKE '{process}-%'");
        let mut number = 0;
        wait_for("a worker enters", async || {
            number = self.server.ask(&sql).await;
            number > 0
        })
        .await;
        number
    }

    /// Waits until nobody counts with the worker that has entered under this number; returns how long that took.
    pub(crate) async fn declared_dead(&self, number: i64) -> Duration {
        let start = Instant::now();
        let there = format!("SELECT count(*) FROM catena.workers WHERE id = {number}");
        wait_for("it is declared dead", async || self.server.ask(&there).await == 0).await;
        start.elapsed()
    }

    /// Checks that a worker has finished nothing since it was declared dead.
    pub(crate) async fn finished_nothing(&self, number: i64, since: i64) {
        let finished = format!(
            "SELECT count(*) FROM catena.job_history
             WHERE worker = {number} AND extract(epoch FROM finished_at) * 1000000 > {since}"
        );
        assert_eq!(self.server.ask(&finished).await, 0, "a worker finished what was no longer its own");
    }

    /// Starts one more worker; returns its place among the others.
    pub(crate) fn add_worker(&mut self) -> usize {
        self.add_worker_at(self.server.port())
    }

    /// The same, of another version of the program.
    pub(crate) fn add_worker_of(&mut self, name: &str) -> usize {
        self.add(name, self.server.port())
    }

    /// The same as [`Scene::add_worker`], with the database at another port.
    pub(crate) fn add_worker_at(&mut self, port: u16) -> usize {
        self.add("mill", port)
    }

    fn add(&mut self, name: &str, port: u16) -> usize {
        let place = self.workers.len();
        let worker = self.launch(name, place, port);
        self.workers.push(worker);
        place
    }

    /// Starts a worker again that has ended.
    pub(crate) fn restart(&mut self, place: usize) {
        self.workers[place] = self.launch("mill", place, self.server.port());
    }

    /// Starts all workers again that have ended by themselves; returns how many.
    pub(crate) fn revive(&mut self) -> usize {
        let ended: Vec<_> =
            (0..self.workers.len()).filter(|&place| self.workers[place].has_ended()).collect();
        ended.iter().for_each(|&place| self.restart(place));
        ended.len()
    }

    fn launch(&self, name: &str, place: usize, port: u16) -> Process {
        let mut work = at(program(name, self.folder.path()), &self.server, port);
        work.env("JOB_SLOTS", "20").envs(self.environment.iter().cloned()).arg("work");
        Process::start(&mut work, &self.folder.path().join(format!("worker{place}.log")))
    }

    /// Has the program do what its command line is told.
    pub(crate) fn command(&self, words: &[&str]) {
        let mut program = at(program("mill", self.folder.path()), &self.server, self.server.port());
        let done = program.args(words).output().expect("the program is built");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// How many jobs were finished so far.
    pub(crate) async fn finished(&self) -> i64 {
        self.server.ask("SELECT count(*) FROM catena.job_history").await
    }

    /// Waits until some more jobs are finished.
    pub(crate) async fn progress(&self, more: i64) {
        let enough = self.finished().await + more;
        wait_for("jobs are finished", async || self.finished().await >= enough).await;
    }

    /// To be called when the fault is over: waits until a job is finished, and until all are that were enqueued by now.
    pub(crate) async fn recover(&mut self) {
        let over = Instant::now();
        let before = self.finished().await;
        let last = self.server.ask("SELECT last_value FROM catena.jobs_id_seq").await;
        wait_for("a job is finished", async || self.finished().await > before).await;
        let first = over.elapsed();
        let left = format!("SELECT count(*) FROM catena.jobs WHERE id <= {last} AND state <> 4");
        wait_for("all jobs are done", async || self.server.ask(&left).await == 0).await;
        self.recovery = Some(Recovery { first, all: over.elapsed() });
    }

    /// Adds to what is said of the scenario.
    pub(crate) fn note(&mut self, text: &str) {
        let separator = if self.notes.is_empty() { "" } else { "; " };
        let _ = write!(self.notes, "{separator}{text}");
    }

    /// Ends the load, waits until nothing is left to do, ends the workers, and checks the ledger.
    pub(crate) async fn check(mut self) -> Ledger {
        let accepted = self.load.take().map(Load::end).unwrap_or_default();
        let left = "SELECT count(*) FROM catena.jobs WHERE state <> 4 AND kind <> 'tick'";
        wait_for("all jobs are done", async || self.server.ask(left).await == 0).await;
        for worker in &mut self.workers {
            if !worker.has_ended() {
                worker.signal(Signal::SIGTERM);
                assert!(
                    worker.wait().success(),
                    "a worker that is asked to stop ends well: {}",
                    worker.said()
                );
            }
        }
        let ledger = Ledger::read(&self.server, &book(self.folder.path()), &accepted).await;
        self.report(&ledger);
        assert!(ledger.jobs > 0, "nothing was wanted");
        assert_eq!(ledger.lost, [""; 0], "a job is lost");
        assert_eq!(ledger.doubled, [""; 0], "an effect is there twice");
        assert_eq!(ledger.faults, [""; 0], "jobs saw what must not be");
        if let Some(Recovery { first, .. }) = self.recovery {
            assert!(!long() || first <= RECOVERY, "the first job was finished {first:?} after the fault");
        }
        ledger
    }

    #[expect(clippy::print_stdout, reason = "the table is what the long form is run for")]
    fn report(&self, ledger: &Ledger) {
        let Ledger { jobs, lost, doubled, again, discarded, .. } = ledger;
        let seconds = |time: Duration| format!("{:.1}", time.as_secs_f64());
        let (first, all) = self.recovery.as_ref().map_or(("-".to_owned(), "-".to_owned()), |recovery| {
            (seconds(recovery.first), seconds(recovery.all))
        });
        println!(
            "| {} | {} | {jobs} | {} | {} | {again} | {discarded} | {first} | {all} | {} |",
            self.fault,
            self.processes,
            lost.len(),
            doubled.len(),
            self.notes
        );
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            eprintln!("what everybody said is in {}", self.folder.path().display());
        }
        let _ = self.front.has_ended();
    }
}

fn book(folder: &Path) -> PathBuf {
    folder.join("book")
}

/// A program of this package, which writes its book in the folder.
fn program(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(match name {
        "mill" => env!("CARGO_BIN_EXE_mill"),
        "mill_next" => env!("CARGO_BIN_EXE_mill_next"),
        other => panic!("there is no program {other}"),
    });
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("PORT", "0")
        .env("MILL_BOOK", book(folder))
        .current_dir(folder);
    command
}

/// Tells a program of the roles of a server at a port.
fn at(mut command: Command, server: &Postgres, port: u16) -> Command {
    for (name, role) in
        [("DATABASE_URL", "web"), ("DATABASE_JOBS_URL", "jobs"), ("DATABASE_OWNER_URL", "owner")]
    {
        command.env(name, server.url_at(&format!("catena_tests_{role}"), port));
    }
    command
}
