use std::convert::Infallible;

use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream},
    time::sleep,
};

use super::*;
use crate::http::server;

/// A client of a server that takes its time for every request. The clock stands still while anything is to be done.
fn connect(work: Duration) -> DuplexStream {
    let (client, stream) = tokio::io::duplex(64 * 1024);
    let patience = Patience::new();
    let service = service_fn({
        let patience = patience.clone();
        move |request: Request<Incoming>| {
            let answering = patience.answering(request.version());
            async move {
                sleep(work).await;
                Ok::<_, Infallible>(Response::new(Answer::new("done".to_owned(), answering)))
            }
        }
    });
    let stream = TokioIo::new(Patient::new(stream, patience));
    tokio::spawn(async move {
        // However it ends, the client sees it.
        let _ = server::builder().serve_connection(stream, service).await;
    });
    client
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: test\r\n\r\n";

/// Sends a request and reads the answer.
async fn ask(client: &mut DuplexStream) {
    client.write_all(REQUEST).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"done") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "the connection ended");
    }
}

/// How long it takes until the connection ends, to the second.
async fn end(client: &mut DuplexStream) -> u64 {
    let begun = Instant::now();
    client.read_to_end(&mut Vec::new()).await.unwrap();
    begun.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_between_requests() {
    let mut client = connect(Duration::ZERO);
    for _ in 0..3 {
        ask(&mut client).await;
        sleep(Duration::from_secs(74)).await;
    }
    ask(&mut client).await;
    assert_eq!(end(&mut client).await, 75);
}

#[tokio::test(start_paused = true)]
async fn a_head_comes_in_time() {
    for begun in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nhost:"] {
        let mut client = connect(Duration::ZERO);
        client.write_all(begun).await.unwrap();
        assert_eq!(end(&mut client).await, 10, "{begun:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_later_head_comes_in_time_too() {
    for pause in [0, 60] {
        let mut client = connect(Duration::ZERO);
        ask(&mut client).await;
        sleep(Duration::from_secs(pause)).await;
        for byte in &REQUEST[..9] {
            client.write_all(&[*byte]).await.unwrap();
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(end(&mut client).await, 1, "however often a piece of it comes");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_take_longer() {
    let mut client = connect(Duration::from_secs(200));
    ask(&mut client).await;
    assert_eq!(end(&mut client).await, 75);
}
