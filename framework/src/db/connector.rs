//! How connections are opened, whatever they are for.

use std::{sync::Arc, time::Duration};

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use tokio::time::timeout;
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{SetupError, Url, setup_error::message};
use crate::error::{Error, Result};

/// How long a server may take to let us in, unless the URL says otherwise (`connect_timeout`).
const CONNECT: Duration = Duration::from_secs(5);

/// What is said of a server that does not answer.
const SILENT: &str = "it did not answer in time";

/// What requests and jobs are told.
pub(super) const UNREACHABLE: &str = "the database cannot be reached";

/// How long the request to cancel a statement may take.
const CANCEL: Duration = Duration::from_secs(2);

/// How long a quiet connection waits before it asks whether the server's machine is there, how long it waits for each
/// answer, and how many may be missing: after half a minute of silence it ends.
const KEEPALIVE: (Duration, Duration, u32) = (Duration::from_secs(15), Duration::from_secs(5), 3);

/// How long the server's machine may leave unconfirmed what was sent to it.
const UNCONFIRMED: Duration = Duration::from_secs(20);

type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Opens connections to the server and as the role of a URL. Nothing is connected yet; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    url: Url,
    config: Config,
    handshakes: MakeRustlsConnect,
    /// How long all of opening a connection may take.
    limit: Duration,
    /// Whether a pooler may hand a session to others between transactions.
    is_shared: bool,
}

impl Connector {
    /// Prepares what connections need: reads the authorities that a URL names.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn new(url: &Url) -> Result<Self, SetupError> {
        Self::shared(url, false)
    }

    /// The same, where a pooler may stand that hands sessions to others between transactions.
    ///
    /// # Errors
    /// As [`Connector::new`].
    pub(crate) fn shared(url: &Url, is_shared: bool) -> Result<Self, SetupError> {
        let mut config = url.config()?;
        let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT);
        // A host that is away leaves time for the next.
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX);
        config.connect_timeout(limit / hosts.max(1));
        notice_silence(&mut config, url);
        Ok(Self(Arc::new(Inner {
            url: url.clone(),
            config,
            handshakes: url.encryption()?.handshakes()?,
            limit,
            is_shared,
        })))
    }

    /// Whether a pooler may hand a session to others between transactions: what is set must end with each then.
    pub(crate) fn is_shared(&self) -> bool {
        self.0.is_shared
    }

    /// Opens a connection of the driver. It works while the second part is polled.
    ///
    /// # Errors
    /// When the server is away or refuses the login.
    pub(super) async fn open(&self) -> Result<(Client, Connection<Socket, Stream>), SetupError> {
        let Inner { config, handshakes, limit, .. } = &*self.0;
        match timeout(*limit, config.connect(handshakes.clone())).await {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(self.failed(message(&error))),
            Err(_) => Err(self.failed(SILENT.to_owned())),
        }
    }

    /// Opens a connection for Diesel, outside any pool.
    ///
    /// # Errors
    /// `unavailable` when the database cannot be reached or refuses the login.
    pub(crate) async fn connect(&self) -> Result<AsyncPgConnection> {
        self.connect_with("").await.map_err(|error| Error::unavailable(UNREACHABLE).because(error))
    }

    /// Opens a connection for transactions with these settings, as in `lock_timeout = '2s'`; returns what each is to begin
    /// with. The settings are the session's if that is our own; otherwise a statement outside a transaction goes without.
    ///
    /// # Errors
    /// As [`Connector::connect`].
    pub(crate) async fn connect_set(&self, settings: &[&str]) -> Result<(AsyncPgConnection, String)> {
        let mut connection = self.connect().await?;
        let all = |set: &str| -> String { settings.iter().map(|one| format!("{set} {one};")).collect() };
        if self.is_shared() {
            return Ok((connection, format!("BEGIN;{}", all("SET LOCAL"))));
        }
        connection.batch_execute(&all("SET")).await?;
        Ok((connection, "BEGIN".to_owned()))
    }

    /// The same as [`Connector::connect`], with the error that says why, and with what the session begins with.
    pub(super) async fn connect_with(&self, begin: &str) -> Result<AsyncPgConnection, SetupError> {
        let (client, connection) = self.open().await?;
        let prepared = async {
            let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection)
                .await
                .map_err(|error| self.failed(error.to_string()))?;
            if !begin.is_empty() {
                connection.batch_execute(begin).await.map_err(|error| self.failed(error.to_string()))?;
            }
            Ok(connection)
        };
        timeout(self.0.limit, prepared).await.unwrap_or_else(|_| Err(self.failed(SILENT.to_owned())))
    }

    /// Asks the server to cancel the statement that runs on a connection. The request travels by itself and is not
    /// answered.
    pub(super) async fn cancel(&self, token: CancelToken) {
        // Whether it arrives or not, the caller closes the connection.
        let _ = timeout(CANCEL, token.cancel_query(self.0.handshakes.clone())).await;
    }

    /// Where it connects to.
    #[cfg(test)]
    pub(crate) fn url(&self) -> &Url {
        &self.0.url
    }

    /// For the URL of a test's database.
    #[cfg(test)]
    pub(crate) fn of_test(url: &str) -> Self {
        Self::new(&Url::parse(url).unwrap()).unwrap()
    }

    /// The same, behind a pooler.
    #[cfg(test)]
    pub(crate) fn of_pooler(url: &str) -> Self {
        Self::shared(&Url::parse(url).unwrap(), true).unwrap()
    }

    fn failed(&self, why: String) -> SetupError {
        SetupError::Connect { url: format!("{:?}", self.0.url), why }
    }
}

/// Has connections end whose other side has gone without a word, unless the URL says otherwise: by themselves they
/// would wait for two hours, or for ever.
fn notice_silence(config: &mut Config, url: &Url) {
    let (idle, interval, retries) = KEEPALIVE;
    if url.option("keepalives_idle").is_none() {
        config.keepalives_idle(idle);
    }
    if config.get_keepalives_interval().is_none() {
        config.keepalives_interval(interval);
    }
    if config.get_keepalives_retries().is_none() {
        config.keepalives_retries(retries);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNCONFIRMED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_noticed_unless_the_url_says_otherwise() {
        let told = |options: &str| {
            let url = Url::parse(&format!("postgres://me@db.test/app?{options}")).unwrap();
            let config = Connector::new(&url).unwrap().0.config.clone();
            (
                config.get_keepalives_idle().as_secs(),
                config.get_keepalives_interval().unwrap().as_secs(),
                config.get_keepalives_retries().unwrap(),
                config.get_tcp_user_timeout().unwrap().as_secs(),
                config.get_connect_timeout().unwrap().as_secs(),
            )
        };
        assert_eq!(told(""), (15, 5, 3, 20, 5));
        let other = "keepalives_idle=60&keepalives_interval=7&keepalives_retries=9&tcp_user_timeout=8&connect_timeout=2";
        assert_eq!(told(other), (60, 7, 9, 8, 2));
    }
}
