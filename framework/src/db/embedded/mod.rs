//! A private PostgreSQL for one project: started when a process needs it, shared by all that do, ended with the last.
//!
//! Everything lies in one directory:
//!
//! | | |
//! |---|---|
//! | `pg/` | the data |
//! | `pg.log` | what the server says |
//! | `lock` | held by a process while it looks for the server or starts it |
//! | `holders/<pid>.<n>` | one for each [`Cluster`] that is alive |
//! | `ready` | the marker: the server is there and will stay while anyone holds it |
//! | `watched` | locked by the watcher (`watch.sh`), for as long as it lives |
//!
//! The watcher ends the server when no holder has been alive for a while. A new holder and the watcher may meet, so
//! each announces its intent before it looks at the other's:
//!
//! - a new holder **writes its file, then reads the marker**;
//! - the watcher **removes the marker, then reads the holders** once more, and puts the marker back if there is one.
//!
//! So either the watcher sees the holder and the server stays, or the holder finds the marker gone. Then it waits until
//! the watcher has put it back or has let go of `watched`, which it does when it has told the server to end, or was
//! killed. In both cases nobody uses the server: the holder has it end, and starts it again with a watcher of its own.

mod binaries;
mod user;

use std::{
    fs::{File, TryLockError},
    io,
    os::unix::{net::UnixStream, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use sha2::{Digest as _, Sha256};

use self::{
    binaries::Binaries,
    user::{ServerUser, claim_directory},
};
use super::{SetupError, Url};

/// The superuser of every embedded server; only its own socket directory leads to it.
const SUPERUSER: &str = "postgres";

/// The file that PostgreSQL listens at, in the socket directory.
const SOCKET: &str = ".s.PGSQL.5432";

/// The longest path of a socket (103 bytes on macOS, 107 on Linux).
const LONGEST_SOCKET: usize = 103;

/// How long a server may take to start, to stop, or to recover from a crash.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long what a killed server left in memory may stand in the way of the next.
const REMAINS: Duration = Duration::from_secs(10);

/// How often something is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(5);

/// How a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether what was committed survives a crash of the machine.
    pub(crate) durable: bool,
    /// How long the server stays when nobody holds it, to the second; at least one.
    pub(crate) grace: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { durable: true, grace: Duration::from_secs(1) }
    }
}

/// A running private server, held up to the drop of this value or the end of the process.
#[derive(Debug)]
pub(crate) struct Cluster {
    socket: PathBuf,
    _holder: Holder,
}

impl Cluster {
    /// Starts the server of `directory`, or joins the one that runs. Blocks: about a second for the first time, some
    /// 50 ms later, next to nothing when it runs.
    ///
    /// As root it runs as an unprivileged user, and when that user cannot reach `directory` the data goes to
    /// `/var/tmp`.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or cannot be started.
    pub(crate) fn acquire(directory: &Path, options: Options) -> Result<Self, SetupError> {
        let user = ServerUser::find()?;
        let home = Home::prepare(directory, &user)?;
        let _lock = home.lock()?;
        let holder = Holder::enter(&home)?;
        let begun = Instant::now();
        // Once it is ours it is not let go before a watcher has it: a program that another thread starts at that moment
        // holds a copy for an instant, and would be taken for a watcher.
        let mut unwatched = None;
        let socket = loop {
            let marked = home.ready().exists();
            if !marked && unwatched.is_none() {
                unwatched = home.unwatched()?;
            }
            match home.server() {
                Some(server) if marked && server.ready => break server.socket,
                None if marked || unwatched.is_some() => break home.start(&user, options)?,
                Some(server) if unwatched.is_some() => server.end(),
                _ => {}
            }
            if begun.elapsed() > PATIENCE {
                return Err(home.failure());
            }
            thread::sleep(POLL);
        };
        if let Some(lock) = unwatched.map_or_else(|| home.unwatched(), |lock| Ok(Some(lock)))? {
            home.watch(lock, options.grace)?;
        }
        Ok(Self { socket, _holder: holder })
    }

    /// The URL of a user and a database of this server; there are no passwords.
    pub(crate) fn url(&self, user: &str, database: &str) -> Url {
        Url::socket(&self.socket, user, database)
    }

    /// The URL with all rights.
    pub(crate) fn superuser_url(&self) -> Url {
        self.url(SUPERUSER, "postgres")
    }
}

/// Says that a process uses the server.
#[derive(Debug)]
struct Holder(PathBuf);

impl Holder {
    fn enter(home: &Home) -> Result<Self, SetupError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        // A process may get the number of one that died: the time keeps their files apart.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = home.0.join("holders").join(format!("{}.{time}-{count}", std::process::id()));
        File::create(&file).map_err(SetupError::io(format!("write {}", file.display())))?;
        Ok(Self(file))
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Left behind, it counts for nothing once the process has gone.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A server that answers on its socket.
struct Server {
    process: Pid,
    socket: PathBuf,
    ready: bool,
}

impl Server {
    /// Has it end soon, without waiting for its clients. Doing it again does nothing more.
    fn end(&self) {
        // It may have ended just now.
        let _ = kill(self.process, Signal::SIGINT);
    }
}

/// The directory in which everything lies.
struct Home(PathBuf);

impl Home {
    fn prepare(directory: &Path, user: &ServerUser) -> Result<Self, SetupError> {
        let doing = |directory: &Path| format!("make {}", directory.display());
        std::fs::create_dir_all(directory.join("holders")).map_err(|source| SetupError::Directory {
            path: std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()),
            source,
        })?;
        let directory = directory.canonicalize().map_err(SetupError::io(doing(directory)))?;
        let home = if user.reaches(&directory) {
            directory
        } else {
            let home = Path::new("/var/tmp").join(short_name(&directory));
            claim_directory(&home, user)?;
            home
        };
        std::fs::create_dir_all(home.join("holders")).map_err(SetupError::io(doing(&home)))?;
        std::fs::write(home.join(".gitignore"), "*\n").map_err(SetupError::io(doing(&home)))?;
        Ok(Self(home))
    }

    fn data(&self) -> PathBuf {
        self.0.join("pg")
    }

    fn ready(&self) -> PathBuf {
        self.0.join("ready")
    }

    fn log(&self) -> PathBuf {
        self.0.join("pg.log")
    }

    /// Waits until no other process looks for the server or starts it.
    fn lock(&self) -> Result<File, SetupError> {
        let path = self.0.join("lock");
        let doing = || format!("lock {}", path.display());
        let file = File::create(&path).map_err(SetupError::io(doing()))?;
        file.lock().map_err(SetupError::io(doing()))?;
        Ok(file)
    }

    fn mark_ready(&self) -> Result<(), SetupError> {
        let path = self.ready();
        std::fs::write(&path, "").map_err(SetupError::io(format!("write {}", path.display())))
    }

    /// The server that runs, if one does.
    fn server(&self) -> Option<Server> {
        // Line 1 is the process, line 5 the socket directory, line 8 the state. The file outlives a killed server, and its process number
        // may be somebody else's by now: only the socket tells.
        let file = std::fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        let process = Pid::from_raw(file.lines().next()?.parse().ok()?);
        let socket = PathBuf::from(file.lines().nth(4)?);
        UnixStream::connect(socket.join(SOCKET)).ok()?;
        let ready = file.lines().nth(7).is_some_and(|state| state.trim() == "ready");
        Some(Server { process, socket, ready })
    }

    /// Starts the server and waits until it can be used. Returns its socket directory.
    fn start(&self, user: &ServerUser, options: Options) -> Result<PathBuf, SetupError> {
        let binaries = Binaries::find(&self.data())?;
        self.initialise(&binaries, user, options)?;
        let socket = self.socket_directory(user)?;
        let begun = Instant::now();
        loop {
            let mut server = self.spawn(&binaries, user, options, &socket)?;
            if self.becomes_ready(&mut server)? {
                reap(server);
                self.mark_ready()?;
                return Ok(socket);
            }
            let failure = self.failure();
            let in_the_way = ["is still in use", "already exists"];
            let passing = in_the_way.iter().any(|text| failure.to_string().contains(text));
            if !passing || begun.elapsed() > REMAINS {
                return Err(failure);
            }
            thread::sleep(POLL * 20);
        }
    }

    fn spawn(
        &self,
        binaries: &Binaries,
        user: &ServerUser,
        options: Options,
        socket: &Path,
    ) -> Result<Child, SetupError> {
        let log = self.log();
        let output = File::create(&log).map_err(SetupError::io(format!("write {}", log.display())))?;
        let errors = output.try_clone().map_err(SetupError::io(format!("write {}", log.display())))?;
        let mut command = binaries.command("postgres");
        command.arg("-D").arg(self.data());
        let mut set = |name: &str, value: &str| {
            command.arg("-c").arg(format!("{name}={value}"));
        };
        set("listen_addresses", "");
        set("unix_socket_directories", &socket.to_string_lossy());
        set("port", "5432");
        set("max_connections", "200");
        set("timezone", "UTC");
        set("log_timezone", "UTC");
        if !options.durable {
            for name in ["fsync", "synchronous_commit", "full_page_writes"] {
                set(name, "off");
            }
        }
        command
            .env("LC_ALL", "C")
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in the terminal is for the application, which still has statements to finish.
            .process_group(0);
        user.run(&mut command);
        command.spawn().map_err(SetupError::io("start PostgreSQL"))
    }

    /// Waits until the server is ready; `false` when it ended instead.
    fn becomes_ready(&self, server: &mut Child) -> Result<bool, SetupError> {
        let begun = Instant::now();
        let ready = |pid: u32| {
            let file = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            file.lines().next() == Some(&pid.to_string())
                && file.lines().nth(7).is_some_and(|state| state.trim() == "ready")
        };
        while !ready(server.id()) {
            if server.try_wait().map_err(SetupError::io("wait for PostgreSQL"))?.is_some() {
                return Ok(false);
            }
            if begun.elapsed() > PATIENCE {
                return Err(self.failure());
            }
            thread::sleep(POLL);
        }
        Ok(true)
    }

    /// Makes the data unless it is there. It is made under another name, so that what was interrupted is never used.
    fn initialise(&self, binaries: &Binaries, user: &ServerUser, options: Options) -> Result<(), SetupError> {
        let data = self.data();
        if data.join("PG_VERSION").exists() {
            return Ok(());
        }
        let fresh = self.0.join("pg.new");
        let doing = || format!("make {}", fresh.display());
        // One order of text for everybody, whatever their environment; not every system has the first ones.
        let mut locales = ["C.UTF-8", "en_US.UTF-8", "C"].into_iter().peekable();
        while let Some(locale) = locales.next() {
            if fresh.exists() {
                std::fs::remove_dir_all(&fresh).map_err(SetupError::io(doing()))?;
            }
            std::fs::create_dir(&fresh).map_err(SetupError::io(doing()))?;
            user.own(&fresh)?;
            let mut command = binaries.command("initdb");
            command.args(["--auth=trust", "--encoding=UTF8", "--no-instructions"]);
            command.args(["--username", SUPERUSER, "--locale", locale, "--pgdata"]).arg(&fresh);
            if !options.durable {
                command.arg("--no-sync");
            }
            command.env("LC_ALL", "C").current_dir(&self.0).stdin(Stdio::null());
            user.run(&mut command);
            let output = command.output().map_err(SetupError::io("start initdb"))?;
            if output.status.success() {
                return std::fs::rename(&fresh, &data).map_err(SetupError::io(doing()));
            }
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            if !output.contains("locale") || locales.peek().is_none() {
                return Err(SetupError::Program { program: "initdb", output });
            }
        }
        Ok(())
    }

    /// Makes the directory of the socket: private, and with a path short enough for a socket.
    fn socket_directory(&self, user: &ServerUser) -> Result<PathBuf, SetupError> {
        let temporary = std::env::temp_dir();
        let name = short_name(&self.0);
        let fits = |base: &Path| {
            user.reaches(base) && base.join(&name).join(SOCKET).as_os_str().len() <= LONGEST_SOCKET
        };
        let base = if fits(&temporary) { &temporary } else { Path::new("/tmp") };
        let directory = base.join(&name);
        claim_directory(&directory, user)?;
        user.own(&directory)?;
        Ok(directory)
    }

    /// The lock that a watcher holds, if there is no watcher.
    fn unwatched(&self) -> Result<Option<File>, SetupError> {
        let path = self.0.join("watched");
        let doing = || format!("lock {}", path.display());
        let file = File::create(&path).map_err(SetupError::io(doing()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(SetupError::io(doing())(error)),
        }
    }

    /// Starts a watcher, which takes over the lock that says so.
    fn watch(&self, lock: File, grace: Duration) -> Result<(), SetupError> {
        let watcher = Command::new("/bin/sh")
            .args(["-c", include_str!("watch.sh"), "catena-watch"])
            .arg(&self.0)
            .arg(grace.as_secs().max(1).to_string())
            // The lock belongs to the open file: it lasts until the watcher, the only one to have it, lets go.
            .stdin(lock)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(SetupError::io("start the watcher of PostgreSQL"))?;
        reap(watcher);
        Ok(())
    }

    /// An error with the end of the server's log.
    fn failure(&self) -> SetupError {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let output = lines[lines.len().saturating_sub(20)..].join("\n");
        SetupError::Program { program: "postgres", output }
    }
}

/// Waits for the end of a child in the background: unheard, it would stay in the process table as if alive.
fn reap(mut child: Child) {
    let waiting = thread::Builder::new().name("catena-postgres".into()).stack_size(64 << 10);
    let spawned: io::Result<_> = waiting.spawn(move || child.wait());
    drop(spawned);
}

/// A short name that no other directory or user has.
fn short_name(directory: &Path) -> String {
    let mut hash = Sha256::new();
    hash.update(directory.as_os_str().as_encoded_bytes());
    hash.update(nix::unistd::geteuid().as_raw().to_le_bytes());
    let hash = hash.finalize();
    format!(
        "catena-{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}",
        hash[0], hash[1], hash[2], hash[3], hash[4], hash[5]
    )
}

#[cfg(test)]
pub(super) mod tests;
