//! A pooler for tests, with one connection for all.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::Mutex,
    task::AbortHandle,
};
use tokio_postgres::config::Host;

use super::Url;

/// Hands one connection to all who connect, for a transaction each, as PgBouncer does with `pool_mode = transaction`.
/// What was prepared is found again, as its names differ; what the server says by itself is heard by nobody.
pub(crate) struct Pooler {
    url: String,
    manners: Arc<Manners>,
    task: AbortHandle,
}

impl Pooler {
    /// Listens for those who would connect to `url`.
    pub(crate) async fn start(url: &str) -> Self {
        let config = Url::parse(url).and_then(|url| url.config()).expect("the URL of a test");
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let server: Box<dyn Stream> = match &config.get_hosts()[0] {
            Host::Tcp(host) => {
                Box::new(TcpStream::connect((&**host, port)).await.expect("the server is there"))
            }
            Host::Unix(folder) => Box::new(
                UnixStream::connect(folder.join(format!(".s.PGSQL.{port}")))
                    .await
                    .expect("the server is there"),
            ),
        };
        let manners = Arc::<Manners>::default();
        let others = manners.clone();
        let shared = Arc::new(Mutex::new(Server { side: Side::new(server), greeting: Vec::new() }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(Side::new(Box::new(client)), shared.clone(), others.clone()));
            }
        });
        let (user, database) =
            (config.get_user().unwrap_or_default(), config.get_dbname().unwrap_or_default());
        let password = config.get_password().map(|password| String::from_utf8_lossy(password).into_owned());
        let login = password.map_or(user.to_owned(), |password| format!("{user}:{password}"));
        let url = format!("postgres://{login}@{here}/{database}");
        Self { url, manners, task: task.abort_handle() }
    }

    /// Has it answer `LISTEN` and `pg_notify` with an error from now on, as some do.
    pub(crate) fn refuse_notices(&self) {
        self.manners.refuses_notices.store(true, Ordering::Relaxed);
    }

    /// Has it forget what was prepared after each transaction from now on, as older ones do.
    pub(crate) fn forget_statements(&self) {
        self.manners.forgets_statements.store(true, Ordering::Relaxed);
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What not all poolers do.
#[derive(Default)]
struct Manners {
    refuses_notices: AtomicBool,
    forgets_statements: AtomicBool,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Server {
    side: Side,
    /// What it said once the first had logged in.
    greeting: Vec<u8>,
}

/// A connection, and what has been read from it.
struct Side {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

impl Side {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next message; the first of a client has no type. It may be dropped and called again.
    async fn message(&mut self, has_type: bool) -> io::Result<Vec<u8>> {
        let at = usize::from(has_type);
        loop {
            if let Some(length) = self.unread.get(at..at + 4) {
                let length = u32::from_be_bytes(length.try_into().expect("four bytes"));
                let size = at + usize::try_from(length).expect("it fits into memory");
                if self.unread.len() >= size {
                    return Ok(self.unread.drain(..size).collect());
                }
            }
            if self.stream.read_buf(&mut self.unread).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn say(&mut self, message: &[u8]) -> io::Result<()> {
        self.stream.write_all(message).await?;
        self.stream.flush().await
    }
}

/// What a client may begin with instead of logging in.
const ENCRYPT: [u8; 4] = 80_877_103_u32.to_be_bytes();
const CANCEL: [u8; 4] = 80_877_102_u32.to_be_bytes();

/// What a server says that is asked for what it has not got, between two transactions.
const REFUSAL: &[u8] = b"E\0\0\0\x29SERROR\0VERROR\0C0A000\0Mnot supported\0\0Z\0\0\0\x05I";

async fn serve(mut client: Side, shared: Arc<Mutex<Server>>, manners: Arc<Manners>) -> io::Result<()> {
    let login = loop {
        let first = client.message(false).await?;
        if first[4..8] == CANCEL {
            return Ok(());
        } else if first[4..8] != ENCRYPT {
            break first;
        }
        client.say(b"N").await?;
    };
    greet(&login, &mut client, &mut *shared.lock().await).await?;
    loop {
        let mut first = client.message(true).await?;
        if first[0] == b'X' {
            return Ok(());
        }
        if manners.refuses_notices.load(Ordering::Relaxed) && is_of_notices(&first) {
            while !asks(&first) {
                first = client.message(true).await?;
            }
            client.say(REFUSAL).await?;
            continue;
        }
        let server = &mut shared.lock().await.side;
        let mut asked = 0;
        if let Err(error) = transaction(first, &mut client, server, &mut asked).await {
            have_run("ROLLBACK", server, asked).await?;
            return Err(error);
        }
        if manners.forgets_statements.load(Ordering::Relaxed) {
            have_run("DEALLOCATE ALL", server, 0).await?;
        }
    }
}

/// Has the first client log in at the server, and the others believe that they have.
async fn greet(login: &[u8], client: &mut Side, server: &mut Server) -> io::Result<()> {
    if !server.greeting.is_empty() {
        return client.say(&server.greeting).await;
    }
    server.side.say(login).await?;
    loop {
        tokio::select! {
            said = client.message(true) => server.side.say(&said?).await?,
            said = server.side.message(true) => {
                let said = said?;
                client.say(&said).await?;
                if said[0] != b'R' || said[5..9] == [0; 4] {
                    server.greeting.extend_from_slice(&said);
                }
                if said[0] == b'Z' {
                    return Ok(());
                }
            }
        }
    }
}

/// Whether the server says at the end of its answer to the message that it is ready.
fn asks(said: &[u8]) -> bool {
    matches!(said[0], b'Q' | b'S')
}

/// Whether a statement that is sent or prepared is about what sessions tell each other.
fn is_of_notices(said: &[u8]) -> bool {
    matches!(said[0], b'Q' | b'P') && ["LISTEN ", "pg_notify"].iter().any(|word| contains(said, word))
}

fn contains(said: &[u8], word: &str) -> bool {
    said.windows(word.len()).any(|part| part == word.as_bytes())
}

/// Runs a statement after what a client has left behind, that is gone and had been asking this much.
async fn have_run(sql: &str, server: &mut Side, mut asked: i32) -> io::Result<()> {
    let length = u32::try_from(sql.len() + 5).expect("a short statement").to_be_bytes();
    let said = [b"S\0\0\0\x04Q", &length[..], sql.as_bytes(), b"\0"].concat();
    server.say(&said).await?;
    asked += 2;
    while asked > 0 {
        asked -= i32::from(server.message(true).await?[0] == b'Z');
    }
    Ok(())
}

/// Lets a client talk to the server until nothing is asked any more and no transaction is open; says how much is asked.
async fn transaction(
    first: Vec<u8>,
    client: &mut Side,
    server: &mut Side,
    asked: &mut i32,
) -> io::Result<()> {
    let mut next = Some(first);
    loop {
        if let Some(said) = next.take() {
            *asked += i32::from(asks(&said));
            server.say(&said).await?;
        }
        tokio::select! {
            said = client.message(true) => next = Some(said?),
            said = server.message(true) => {
                let said = said?;
                if said[0] != b'A' {
                    client.say(&said).await?;
                }
                *asked -= i32::from(said[0] == b'Z');
                if *asked == 0 && said[0] == b'Z' && said[5] == b'I' {
                    return Ok(());
                }
            }
        }
    }
}
