//! PostgreSQL goes away under load, and comes back.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::count;
use crate::process::{Server, alone, wait_for};

/// The application, with a PostgreSQL of its own in a folder.
fn at(folder: &Path) -> Command {
    let mut command = alone("pairs");
    command.env("CATENA_DIR", folder);
    command
}

/// Ends the PostgreSQL of a folder, by its process id.
fn end(folder: &Path, signal: Signal) {
    let file = std::fs::read_to_string(folder.join("pg/postmaster.pid")).expect("it runs");
    let process = file.lines().next().and_then(|line| line.parse().ok()).expect("a process id");
    kill(Pid::from_raw(process), signal).expect("it runs");
}

/// How many requests had which status, and what was said beside it.
#[derive(Default)]
struct Load {
    next: AtomicI64,
    over: AtomicBool,
    answers: Mutex<BTreeMap<(u16, String), usize>>,
    done: Mutex<Vec<i64>>,
}

impl Load {
    fn run(&self, server: &Server) {
        while !self.over.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let (status, problem) = server.post("/api/write", &json!({"number": number}));
            if status == 204 {
                self.done.lock().expect("no client fails").push(number);
            }
            let code = problem["code"].as_str().unwrap_or_default().to_owned();
            *self.answers.lock().expect("no client fails").entry((status, code)).or_default() += 1;
        }
    }

    fn seen(&self, status: u16) -> usize {
        let answers = self.answers.lock().expect("no client fails");
        answers.iter().filter(|((found, _), _)| *found == status).map(|(_, count)| count).sum()
    }

    /// Waits until a status has been answered some more times.
    async fn until(&self, status: u16, more: usize) {
        let enough = self.seen(status) + more;
        wait_for(async || self.seen(status) >= enough).await;
    }
}

/// Ends the load when it is dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_that_is_restarted_under_load_costs_503s_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    // Its user may be another than ours.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let server = Server::started(at(folder.path()).args(["serve", "--no-jobs"]));
    let load = Load::default();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| load.run(&server));
        }
        let restarts = async {
            // Once as an administrator does it, and once as if it had crashed.
            for signal in [Signal::SIGINT, Signal::SIGQUIT] {
                load.until(204, 50).await;
                end(folder.path(), signal);
                load.until(503, 5).await;
                // Whoever comes next starts it again.
                let next = at(folder.path()).args(["jobs", "list"]).output().expect("the program is built");
                assert!(next.status.success(), "{}", String::from_utf8_lossy(&next.stderr));
                load.until(204, 50).await;
            }
        };
        // Whatever becomes of it, the load must end.
        let _over = Over(&load.over);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(restarts));
    });

    let answers = load.answers.lock().expect("no client fails").clone();
    assert!(answers.keys().all(|(status, code)| *status == 204 || code == "unavailable"), "{answers:?}");
    let (lefts, rights, pairs) = count(&server);
    assert_eq!((lefts, rights), (pairs, pairs), "no half is without the other");
    let done = load.done.lock().expect("no client fails").len();
    assert!(
        usize::try_from(pairs).is_ok_and(|pairs| pairs >= done),
        "{done} were answered, {pairs} are there"
    );
    assert!(server.stop().success());
    end(folder.path(), Signal::SIGINT);
}
