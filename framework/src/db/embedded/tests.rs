use std::{
    os::unix::fs::PermissionsExt as _,
    process::{ChildStdout, Stdio},
};

use tempfile::TempDir;

pub(in crate::db) use self::own::OwnServer;
use super::*;
use crate::db::{RoleUrls, provision, setup::Session};

mod own;

/// Set in a child of these tests: the directory whose server it is to hold.
const HOLD: &str = "CATENA_TEST_HOLD";

const OPTIONS: Options = Options { durable: false, grace: Duration::from_secs(1) };

/// A directory that the server's user can reach, whose server ends with the test.
pub(in crate::db) struct Directory(TempDir);

impl Directory {
    pub(in crate::db) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self(directory)
    }

    pub(in crate::db) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(in crate::db) fn acquire(&self) -> Cluster {
        Cluster::acquire(self.0.path(), OPTIONS).unwrap()
    }

    fn home(&self) -> Home {
        Home(self.0.path().canonicalize().unwrap())
    }

    fn postmaster(&self) -> Pid {
        self.home().server().expect("a server runs").process
    }

    fn is_running(&self) -> bool {
        self.home().server().is_some()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Some(server) = self.home().server() {
            server.end();
        }
        until("the server has ended", || !self.home().data().join("postmaster.pid").exists());
    }
}

/// Waits for what comes by itself; fails the test when it does not.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain: {what}");
        thread::sleep(POLL);
    }
}

/// Another process that holds the server: this test program, running [`hold`] alone.
struct Other {
    process: Child,
    // Closed, it would break what the process prints at its end.
    _output: io::BufReader<ChildStdout>,
}

impl Other {
    fn start(directory: &Directory) -> Self {
        Self::spawn(Command::new(std::env::current_exe().unwrap()).env(HOLD, directory.0.path()))
    }

    fn spawn(command: &mut Command) -> Self {
        command.args(["--exact", "db::embedded::tests::hold", "--nocapture", "--test-threads=1"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.ends_with("holding\n") {
            assert_ne!(
                io::BufRead::read_line(&mut output, &mut line).unwrap(),
                0,
                "the other process failed"
            );
        }
        Self { process: child, _output: output }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Lets it end by itself.
    fn leave(mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

/// Not a test by itself: what [`Other`] runs.
#[test]
#[expect(clippy::print_stdout, reason = "the other side of a pipe waits for it")]
fn hold() {
    let Some(directory) = std::env::var_os(HOLD) else { return };
    let _cluster = Cluster::acquire(Path::new(&directory), OPTIONS).unwrap();
    println!("holding");
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}

async fn answers(cluster: &Cluster) -> bool {
    let session = Session::open(&cluster.superuser_url()).await.unwrap();
    session.ask("test", "SELECT true", &[]).await.unwrap()
}

#[tokio::test]
async fn a_server_is_started_shared_and_ended() {
    let directory = Directory::new();
    let first = directory.acquire();
    let second = directory.acquire();
    assert_eq!(first.superuser_url(), second.superuser_url());
    drop(first);
    assert!(answers(&second).await);
    assert_eq!(std::fs::read_to_string(directory.0.path().join(".gitignore")).unwrap(), "*\n");
    drop(second);
    until("the server ends after its last holder", || !directory.is_running());
}

#[tokio::test]
async fn data_survives_the_server() {
    let directory = Directory::new();
    let make = async |cluster: &Cluster| {
        let admin = cluster.superuser_url();
        provision(&admin, &RoleUrls::derived(&admin, "kept", "kept")).await.unwrap();
        let owner = Session::open(&cluster.url("kept_owner", "kept")).await.unwrap();
        owner.run("test", "CREATE TABLE IF NOT EXISTS things AS SELECT 1 AS n").await.unwrap();
    };
    let cluster = directory.acquire();
    make(&cluster).await;
    drop(cluster);
    until("the server ends", || !directory.is_running());
    let cluster = directory.acquire();
    let web = Session::open(&cluster.url("kept_web", "kept")).await.unwrap();
    assert!(web.ask("test", "SELECT n = 1 FROM things", &[]).await.unwrap());
}

#[test]
fn a_server_ends_with_a_killed_holder_and_not_before() {
    let directory = Directory::new();
    let (first, second) = (Other::start(&directory), Other::start(&directory));
    let server = directory.postmaster();
    first.kill();
    let third = Other::start(&directory);
    second.kill();
    assert_eq!(directory.postmaster(), server, "one server served all three");
    third.kill();
    until("the server ends", || !directory.is_running());
}

#[test]
fn a_holder_that_comes_while_the_server_ends_gets_one() {
    let directory = Directory::new();
    let mut servers = std::collections::HashSet::new();
    for _ in 0..5 {
        let other = Other::start(&directory);
        servers.insert(directory.postmaster());
        other.leave();
        // The moment at which the watcher has made up its mind.
        until("the marker goes", || !directory.home().ready().exists());
    }
    assert!(servers.len() > 1, "at least one server ended in between");
}

#[test]
fn several_processes_at_once_agree_on_one_server() {
    let directory = Directory::new();
    let clusters: Vec<_> = thread::scope(|scope| {
        let starting: Vec<_> = (0..4).map(|_| scope.spawn(|| Other::start(&directory))).collect();
        starting.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(directory.is_running());
    clusters.into_iter().for_each(Other::leave);
}

#[tokio::test]
async fn a_killed_server_is_replaced() {
    let directory = Directory::new();
    let holder = directory.acquire();
    let killed = directory.postmaster();
    kill(killed, Signal::SIGKILL).unwrap();
    until("the socket is dead", || !directory.is_running());
    let cluster = directory.acquire();
    assert!(answers(&cluster).await);
    assert!(answers(&holder).await, "the socket is the same");
    assert_ne!(directory.postmaster(), killed);
}

#[test]
fn a_killed_watcher_is_replaced() {
    let directory = Directory::new();
    let other = Other::start(&directory);
    let watcher = watcher_of(&directory);
    kill(watcher, Signal::SIGKILL).unwrap();
    until("the watcher has gone", || directory.home().unwatched().unwrap().is_some());
    let second = Other::start(&directory);
    assert!(directory.home().unwatched().unwrap().is_none());
    other.kill();
    second.kill();
    until("the server ends", || !directory.is_running());
}

#[test]
fn a_server_whose_watcher_died_while_it_made_up_its_mind_is_replaced() {
    let directory = Directory::new();
    let other = Other::start(&directory);
    let server = directory.postmaster();
    kill(watcher_of(&directory), Signal::SIGKILL).unwrap();
    until("the watcher has gone", || directory.home().unwatched().unwrap().is_some());
    other.kill();
    std::fs::remove_file(directory.home().ready()).unwrap();
    let next = Other::start(&directory);
    assert_ne!(directory.postmaster(), server);
    next.leave();
    until("the server ends", || !directory.is_running());
}

/// The shell whose command line names the directory.
fn watcher_of(directory: &Directory) -> Pid {
    let list = Command::new("ps").args(["-A", "-o", "pid=", "-o", "args="]).output().unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let home = directory.home().0;
    let name = format!("catena-watch {} ", home.display());
    // The script itself stands on many lines; its arguments come last.
    let before = list.find(&name).map(|found| &list[..found]).expect("the watcher is listed");
    let start = before.rfind(" /bin/sh -c").expect("it is a shell");
    Pid::from_raw(before[..start].trim().lines().last().unwrap().trim().parse().unwrap())
}

#[test]
fn what_an_interrupted_initdb_left_is_made_again() {
    let directory = Directory::new();
    let rest = directory.0.path().join("pg.new");
    std::fs::create_dir_all(rest.join("base")).unwrap();
    std::fs::write(rest.join("PG_VERSION"), "15\n").unwrap();
    let _cluster = directory.acquire();
    assert!(!rest.exists());
}

#[test]
fn a_server_that_cannot_start_shows_why() {
    let directory = Directory::new();
    drop(directory.acquire());
    until("the server ends", || !directory.is_running());
    until("its file has gone", || !directory.home().data().join("postmaster.pid").exists());
    let settings = directory.home().data().join("postgresql.conf");
    std::fs::write(settings, "no_such_setting = 1\n").unwrap();
    let error = Cluster::acquire(directory.0.path(), OPTIONS).unwrap_err().to_string();
    assert!(error.contains("no_such_setting"), "{error}");
}

#[test]
fn a_directory_that_the_server_cannot_reach_gets_its_data_elsewhere() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let private = tempfile::tempdir().unwrap();
    std::fs::set_permissions(private.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let user = ServerUser::find().unwrap();
    let home = Home::prepare(&private.path().join("project"), &user).unwrap();
    assert!(home.0.starts_with("/var/tmp"), "{}", home.0.display());
    assert!(user.reaches(&home.0));
    std::fs::remove_dir_all(&home.0).unwrap();
}

#[test]
fn a_directory_that_somebody_else_made_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let user = ServerUser::find().unwrap();
    let link = base.path().join("link");
    std::os::unix::fs::symlink(base.path(), &link).unwrap();
    assert!(claim_directory(&link, &user).is_err());
    claim_directory(&base.path().join("ours"), &user).unwrap();
}

#[test]
fn an_ordinary_user_has_a_server_too() {
    use std::os::unix::process::CommandExt as _;

    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let base = tempfile::tempdir().unwrap();
    let (user, group) = (nobody.uid.as_raw(), nobody.gid.as_raw());
    std::os::unix::fs::chown(base.path(), Some(user), Some(group)).unwrap();
    // Where that user can run it.
    let program = base.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let directory = Directory(base);
    let other = Other::spawn(
        Command::new(&program).env(HOLD, directory.0.path()).current_dir("/").uid(user).gid(group),
    );
    assert!(directory.is_running());
    other.leave();
    until("the server ends", || !directory.is_running());
}
