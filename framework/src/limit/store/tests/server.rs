//! A Redis of a test's own: Debian's `redis-server`, on a Unix socket or a port of loopback, gone with the test.

#![allow(dead_code, reason = "each of the programs that share this file uses a part")]

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// How long a server may take to start: a bound against hanging, not an expectation.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is running, or was.
pub(crate) struct Redis {
    folder: TempDir,
    /// 0 for a Unix socket alone.
    pub(crate) port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

/// What a server replied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Nothing,
    Number(i64),
    Text(String),
    Failure(String),
    List(Vec<Reply>),
}

impl Redis {
    /// Starts a server on a Unix socket, with more options of the command line.
    pub(crate) fn start(options: &[&str]) -> Self {
        Self::on(0, options)
    }

    /// Starts a server on a free port of loopback, and on a Unix socket.
    pub(crate) fn start_on_port(options: &[&str]) -> Self {
        Self::on(free_port(), options)
    }

    pub(crate) fn on(port: u16, options: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder for the server");
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let mut server = Self { folder, port, options, child: None };
        server.restart();
        server
    }

    /// Starts it again: empty, since nothing is ever written to disk.
    pub(crate) fn restart(&mut self) {
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--unixsocket", &self.socket()])
            .args(["--save", "", "--appendonly", "no", "--dir", &self.folder.path().to_string_lossy()])
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: `apt-get install redis-server`");
        self.child = Some(child);
        let start = Instant::now();
        // It listens before it has read its options.
        let answers = |stream: UnixStream| {
            let mut connection = Connection(BufReader::new(stream));
            connection.send(&["PING"]).and_then(|()| connection.receive()).is_ok()
        };
        while !UnixStream::connect(self.socket()).is_ok_and(answers) {
            assert!(start.elapsed() < PATIENCE, "redis-server does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn socket(&self) -> String {
        self.folder.path().join("redis.sock").to_string_lossy().into_owned()
    }

    /// What `REDIS_URL` may be set to.
    pub(crate) fn url(&self) -> String {
        match self.port {
            0 => format!("unix://{}", self.socket()),
            port => format!("redis://127.0.0.1:{port}"),
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().expect("it was started").id();
        kill(Pid::from_raw(i32::try_from(id).expect("a process id")), signal).expect("it runs");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it was running");
            let _ = std::fs::remove_file(self.socket());
        }
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Connection<UnixStream> {
        Connection(BufReader::new(UnixStream::connect(self.socket()).expect("it listens")))
    }

    pub(crate) fn call(&self, words: &[&str]) -> Reply {
        self.connect().call(words)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    // The ports of a cluster's nodes among themselves are 10000 higher.
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let port = listener.local_addr().expect("it is bound").port();
        if port < 55_000 && TcpStream::connect(("127.0.0.1", port + 10_000)).is_err() {
            return port;
        }
    }
}

/// One connection, on which commands follow each other.
pub(crate) struct Connection<S>(BufReader<S>);

impl<S: Read + Write> Connection<S> {
    pub(crate) fn call(&mut self, words: &[impl AsRef<[u8]>]) -> Reply {
        self.send(words).expect("the server reads");
        self.receive().expect("the server answers")
    }

    pub(crate) fn send(&mut self, words: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let mut text = format!("*{}\r\n", words.len()).into_bytes();
        for word in words.iter().map(AsRef::as_ref) {
            text.extend(format!("${}\r\n", word.len()).into_bytes());
            text.extend(word);
            text.extend(b"\r\n");
        }
        self.0.get_mut().write_all(&text)
    }

    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::UnexpectedEof)?;
        let number = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Reply::Text(rest.to_owned()),
            "-" => Reply::Failure(rest.to_owned()),
            ":" => Reply::Number(number()?),
            "$" => match usize::try_from(number()?) {
                Ok(length) => {
                    let mut bytes = vec![0; length + 2];
                    self.0.read_exact(&mut bytes)?;
                    Reply::Text(String::from_utf8_lossy(&bytes[..length]).into_owned())
                }
                Err(_) => Reply::Nothing,
            },
            "*" => Reply::List((0..number()?).map(|_| self.receive()).collect::<Result<_, _>>()?),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        })
    }
}

impl Reply {
    pub(crate) fn texts(self) -> Vec<String> {
        match self {
            Self::List(list) => list.into_iter().flat_map(Self::texts).collect(),
            Self::Text(text) => vec![text],
            other => panic!("no text: {other:?}"),
        }
    }

    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("no number: {other:?}"),
        }
    }
}
