//! A PostgreSQL of a scenario's own, which can be ended and started at will.

use std::{
    fs::{File, Permissions},
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, User, geteuid},
};

use crate::process::wait_for;

pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    postmaster: Child,
    /// Whether its clock can be set.
    own_clock: bool,
}

impl Postgres {
    /// Makes a server in a folder that its user reaches, and a database `mill` in it.
    pub(crate) async fn start(folder: &Path, own_clock: bool) -> Self {
        let folder = folder.join("pg");
        std::fs::create_dir(&folder).expect("the folder is ours");
        if let Some(user) = user() {
            std::os::unix::fs::chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                .expect("root may");
        }
        std::fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("it is ours");
        let made = command("initdb", &folder)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(folder.join("data"))
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("PostgreSQL is installed").success(), "initdb failed");
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let postmaster = launch(&folder, port, own_clock);
        let mut server = Self { folder, port, postmaster, own_clock };
        server.ready().await;
        server.run_in("postgres", "CREATE DATABASE mill").await;
        server
    }

    /// Where a role finds the database.
    pub(crate) fn url(&self, role: &str) -> String {
        url(role, self.port, "mill")
    }

    /// Where a role finds the database through something that listens at another port.
    pub(crate) fn url_at(&self, role: &str, port: u16) -> String {
        url(role, port, "mill")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Sends a signal to the postmaster, and waits until it has ended.
    pub(crate) fn end(&mut self, signal: Signal) {
        signal_to(&self.postmaster, signal);
        self.postmaster.wait().expect("it was running");
    }

    /// Starts it again, and waits until it answers.
    pub(crate) async fn start_again(&mut self) {
        self.postmaster = launch(&self.folder, self.port, self.own_clock);
        self.ready().await;
    }

    /// Sets its clock this far off, such as `-1h`, for all of its processes at once.
    pub(crate) fn set_clock(&self, offset: &str) {
        let next = self.folder.join("clock.next");
        std::fs::write(&next, offset).expect("it is ours");
        std::fs::rename(next, self.folder.join("clock")).expect("it is ours");
    }

    /// What its clock shows, in microseconds since 1970.
    pub(crate) async fn now(&self) -> i64 {
        self.ask("SELECT extract(epoch FROM clock_timestamp()) * 1000000").await
    }

    /// A connection that nothing limits.
    pub(crate) async fn connect(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.url("postgres")).await.expect("a superuser logs in")
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.run_in("mill", sql).await;
    }

    /// Asks for a number, on a connection of its own: the last one may have been lost.
    pub(crate) async fn ask(&self, sql: &str) -> i64 {
        self.try_ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) async fn try_ask(&self, sql: &str) -> Result<i64, Box<dyn std::error::Error>> {
        let mut connection = AsyncPgConnection::establish(&self.url("postgres")).await?;
        let row: Number =
            sql_query(format!("SELECT ({sql})::bigint AS number")).get_result(&mut connection).await?;
        Ok(row.number)
    }

    async fn run_in(&self, database: &str, sql: &str) {
        let mut connection = AsyncPgConnection::establish(&url("postgres", self.port, database))
            .await
            .expect("a superuser logs in");
        connection.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn ready(&mut self) {
        let (folder, port, own_clock) = (self.folder.clone(), self.port, self.own_clock);
        let postmaster = &mut self.postmaster;
        wait_for("PostgreSQL answers", async || {
            // What a killed server left in memory may stand in the way of the next for a moment.
            if postmaster.try_wait().expect("it is ours").is_some() {
                *postmaster = launch(&folder, port, own_clock);
            }
            AsyncPgConnection::establish(&url("postgres", port, "postgres")).await.is_ok()
        })
        .await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(None) = self.postmaster.try_wait() {
            signal_to(&self.postmaster, Signal::SIGQUIT);
            let _ = self.postmaster.wait();
        }
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn url(role: &str, port: u16, database: &str) -> String {
    format!("postgres://{role}@127.0.0.1:{port}/{database}")
}

fn launch(folder: &Path, port: u16, own_clock: bool) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("log")).expect("it is ours");
    let mut postgres = command("postgres", folder);
    postgres.arg("-D").arg(folder.join("data"));
    let socket = format!("unix_socket_directories={}", folder.display());
    for setting in [
        "listen_addresses=127.0.0.1",
        &format!("port={port}"),
        &socket,
        "max_connections=200",
        "fsync=on",
        "synchronous_commit=on",
        "full_page_writes=on",
        "log_line_prefix=%m [%p] %a ",
    ] {
        postgres.arg("-c").arg(setting);
    }
    if own_clock {
        let clock = folder.join("clock");
        std::fs::write(&clock, "+0").expect("it is ours");
        std::fs::set_permissions(&clock, Permissions::from_mode(0o644)).expect("it is ours");
        postgres
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
    }
    let said = log.try_clone().expect("a file");
    postgres.stdin(Stdio::null()).stdout(log).stderr(said).spawn().expect("PostgreSQL is installed")
}

/// The library that puts the clock of a process off.
fn faketime() -> PathBuf {
    let places = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = places.map(|place| place.path().join("faketime/libfaketime.so.1")).find(|path| path.exists());
    found.expect("`tests/install-faketime` installs it")
}

/// One of PostgreSQL's programs, run by a user that it accepts.
fn command(program: &str, folder: &Path) -> Command {
    let found = Command::new("pg_config").arg("--bindir").output().ok();
    let named = found.map(|found| PathBuf::from(String::from_utf8_lossy(&found.stdout).trim()));
    let packaged = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let places = named.into_iter().chain(packaged.map(|version| version.path().join("bin")));
    let place = places.map(|place| place.join(program)).find(|place| place.exists());
    let mut command = Command::new(place.unwrap_or_else(|| program.into()));
    command.current_dir(folder);
    if let Some(user) = user() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// Who PostgreSQL is run by, where root runs the tests.
fn user() -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    let found = ["postgres", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten());
    Some(found.expect("an unprivileged user"))
}

fn signal_to(process: &Child, signal: Signal) {
    let id = i32::try_from(process.id()).expect("a process id");
    kill(Pid::from_raw(id), signal).expect("it runs");
}
