//! A man in the middle: sees which messages a client sends, and holds back the answers.

use std::{path::Path, sync::Arc};

use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::watch,
};

use crate::db::Url;

const SOCKET: &str = ".s.PGSQL.5432";

/// A socket in front of a server.
pub(super) struct Proxy {
    directory: TempDir,
    sent: watch::Sender<String>,
    answering: watch::Sender<bool>,
}

impl Proxy {
    /// Starts to pass on connections to the server of `url`.
    pub(super) fn new(url: &str) -> Arc<Self> {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let tokio_postgres::config::Host::Unix(server) = &config.get_hosts()[0] else {
            panic!("the server of the tests listens on a socket")
        };
        let server = server.join(SOCKET);
        let proxy = Arc::new(Self {
            directory: tempfile::tempdir().unwrap(),
            sent: watch::Sender::new(String::new()),
            answering: watch::Sender::new(true),
        });
        let listener = UnixListener::bind(proxy.directory.path().join(SOCKET)).unwrap();
        let passing = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = UnixStream::connect(&server).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(passing.clone().questions(from_client, to_server));
                tokio::spawn(passing.clone().answers(from_server, to_client));
            }
        });
        proxy
    }

    /// The same login and database as `url`, by way of the proxy.
    pub(super) fn url(&self, url: &str) -> Url {
        let url = Url::parse(url).unwrap();
        Url::socket(self.path(), &url.user().unwrap(), &url.database().unwrap())
    }

    /// Lets answers through, or holds them back.
    pub(super) fn answer(&self, answering: bool) {
        self.answering.send_replace(answering);
    }

    /// Forgets what was sent.
    pub(super) fn forget(&self) {
        self.sent.send_modify(String::clear);
    }

    /// Waits until the messages sent end with a Sync after an Execute, and returns the types of all.
    pub(super) async fn until_executed(&self) -> String {
        self.sent.subscribe().wait_for(|sent| sent.ends_with("ES")).await.unwrap().clone()
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    async fn questions(self: Arc<Self>, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        // The first message has no type.
        let length = from.read_u32().await.unwrap();
        let mut body = vec![0; length as usize - 4];
        from.read_exact(&mut body).await.unwrap();
        to.write_u32(length).await.unwrap();
        to.write_all(&body).await.unwrap();
        while let Ok(kind) = from.read_u8().await {
            let length = from.read_u32().await.unwrap();
            let mut body = vec![0; length as usize - 4];
            from.read_exact(&mut body).await.unwrap();
            to.write_u8(kind).await.unwrap();
            to.write_u32(length).await.unwrap();
            to.write_all(&body).await.unwrap();
            self.sent.send_modify(|sent| sent.push(char::from(kind)));
        }
    }

    async fn answers(self: Arc<Self>, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let mut buffer = [0; 4096];
        let mut answering = self.answering.subscribe();
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            answering.wait_for(|answering| *answering).await.unwrap();
            to.write_all(&buffer[..read]).await.unwrap();
        }
    }
}
