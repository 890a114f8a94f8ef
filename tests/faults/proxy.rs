//! A network that can fall silent: connections to PostgreSQL that lead through here.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    /// Delivers.
    Works,
    /// Delivers nothing in either direction, and says nothing of it. What was sent arrives when it works again.
    Silent,
    /// Ends every connection, and delivers nothing of what was sent before.
    Resets,
}

pub(crate) struct Proxy {
    port: u16,
    network: watch::Sender<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Leads to a port of this machine.
    pub(crate) async fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let network = watch::Sender::new(Network::Works);
        let seen = network.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connect(client, SocketAddr::from(([127, 0, 0, 1], to)), seen.subscribe()));
            }
        });
        Self { port, network, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn fall_silent(&self) {
        self.network.send_replace(Network::Silent);
    }

    /// Delivers what was sent meanwhile, and goes on.
    pub(crate) fn go_on(&self) {
        self.network.send_replace(Network::Works);
    }

    /// Ends every connection there is, and works for new ones.
    pub(crate) async fn reset(&self) {
        self.network.send_replace(Network::Resets);
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.network.send_replace(Network::Works);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, to: SocketAddr, mut network: watch::Receiver<Network>) {
    if network.wait_for(|network| *network != Network::Silent).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(to).await else { return };
    for side in [&client, &server] {
        let _ = side.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let there = tokio::spawn(carry(from_client, to_server, network.clone()));
    carry(from_server, to_client, network).await;
    let _ = there.await;
}

/// Carries what is sent in one direction until either side ends.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut network: watch::Receiver<Network>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            // Dropped without a farewell: unread data makes it a reset.
            _ = network.wait_for(|network| *network == Network::Resets) => return,
        };
        let Ok(length @ 1..) = read else { break };
        let works = network.wait_for(|network| *network != Network::Silent).await.map(|network| *network);
        if !matches!(works, Ok(Network::Works)) || to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
    // The end travels as the rest does.
    if network.wait_for(|network| *network != Network::Silent).await.is_ok() {
        let _ = to.shutdown().await;
    }
}
