//! How connections are opened, whatever they are for.

use std::{sync::Arc, time::Duration};

use diesel_async::AsyncPgConnection;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, Client, Config, Connection, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{SetupError, Url, setup_error::message};
use crate::error::{Error, Result};

/// How long a server may take to let us in, unless the URL says otherwise (`connect_timeout`).
const CONNECT: Duration = Duration::from_secs(5);

/// What requests and jobs are told.
pub(super) const UNREACHABLE: &str = "the database cannot be reached";

/// How long the request to cancel a statement may take.
const CANCEL: Duration = Duration::from_secs(2);

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
}

impl Connector {
    /// Prepares what connections need: reads the authorities that a URL names.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn new(url: &Url) -> Result<Self, SetupError> {
        let mut config = url.config()?;
        let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT);
        // A host that is away leaves time for the next.
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX);
        config.connect_timeout(limit / hosts.max(1));
        Ok(Self(Arc::new(Inner {
            url: url.clone(),
            config,
            handshakes: url.encryption()?.handshakes()?,
            limit,
        })))
    }

    /// Where it connects to.
    pub(crate) fn url(&self) -> &Url {
        &self.0.url
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
            Err(_) => Err(self.failed("it did not answer in time".to_owned())),
        }
    }

    /// Opens a connection for Diesel, outside any pool.
    ///
    /// # Errors
    /// `unavailable` when the database cannot be reached or refuses the login.
    pub(crate) async fn connect(&self) -> Result<AsyncPgConnection> {
        self.connect_for_pool().await.map_err(|error| Error::unavailable(UNREACHABLE).because(error))
    }

    /// As [`Connector::connect`], with the error that says why.
    pub(super) async fn connect_for_pool(&self) -> Result<AsyncPgConnection, SetupError> {
        let (client, connection) = self.open().await?;
        match timeout(self.0.limit, AsyncPgConnection::try_from_client_and_connection(client, connection))
            .await
        {
            Ok(connected) => connected.map_err(|error| self.failed(error.to_string())),
            Err(_) => Err(self.failed("it did not answer in time".to_owned())),
        }
    }

    /// Asks the server to cancel the statement that runs on a connection. The request travels by itself and is not
    /// answered.
    pub(super) async fn cancel(&self, token: CancelToken) {
        // Whether it arrives or not, the caller closes the connection.
        let _ = timeout(CANCEL, token.cancel_query(self.0.handshakes.clone())).await;
    }

    /// For the URL of a test's database.
    #[cfg(test)]
    pub(crate) fn of_test(url: &str) -> Self {
        Self::new(&Url::parse(url).unwrap()).unwrap()
    }

    fn failed(&self, why: String) -> SetupError {
        SetupError::Connect { url: format!("{:?}", self.0.url), why }
    }
}
