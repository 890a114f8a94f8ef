//! The accept loop, and a shutdown that lets running requests finish.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    front::{Ends, Front},
    patience::{Answer, Patience, Patient},
    payload::Payload,
};

/// How often a client of HTTP/2 is asked whether it is still there.
const PING: Duration = Duration::from_secs(10);

/// How long the loop rests when the system refuses a connection (out of file descriptors, mostly): trying again at
/// once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` is cancelled, then stops accepting and lets running requests finish for at most `grace`.
pub(crate) async fn serve(
    listener: TcpListener,
    front: Arc<Front>,
    stop: CancellationToken,
    grace: Duration,
) {
    let builder = builder();
    let connections = GracefulShutdown::new();

    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause(&error).await;
                continue;
            }
        };
        let patience = Patience::new();
        let service = service(&stream, remote, front.clone(), patience.clone());
        let stream = TokioIo::new(Patient::new(stream, patience));
        let connection = builder.serve_connection(stream, service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%remote, error = %error, "connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(grace, connections.shutdown()).await.is_err() {
        tracing::warn!("requests were still running after {grace:?} and are dropped");
    }
}

/// How connections are served. The time limits of HTTP/1 are those of [`Patience`].
pub(super) fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Answers are small: one copy into the head's buffer costs less than a vectored write of both.
    builder.http1().header_read_timeout(None).writev(false);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING);
    builder
}

/// Connections that ended before they were accepted are the client's business; anything else is the system's.
async fn pause(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn service(
    stream: &TcpStream,
    remote: SocketAddr,
    front: Arc<Front>,
    patience: Patience,
) -> impl hyper::service::Service<
    hyper::Request<Incoming>,
    Response = hyper::Response<impl hyper::body::Body<Data = bytes::Bytes, Error = io::Error> + use<>>,
    Error = Infallible,
    Future: Send,
> + use<> {
    // Answers are small and complete: waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let ends = Ends { local: stream.local_addr().ok(), remote: Some(remote) };
    service_fn(move |request: hyper::Request<Incoming>| {
        let answering = patience.answering(request.version());
        let front = front.clone();
        async move {
            let response = front.answer(request.map(Payload::Network), ends).await;
            Ok(response.map(|body| Answer::new(body, answering)))
        }
    })
}
