//! How long a connection may keep the server waiting.
//!
//! hyper has one time limit for a quiet connection and for a head that comes slowly, and none before it knows the
//! version of HTTP. Here they are told apart: between two requests a client may think for long, but once it has begun
//! to send a head, or has just connected, it has to get on with it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use hyper::{
    Version,
    body::{Body, Frame, SizeHint},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// How long a client may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept open for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// What the server waits for on one connection.
#[derive(Clone)]
pub(super) struct Patience(Arc<Mutex<Waiting>>);

struct Waiting {
    /// When the server has waited for long enough.
    until: Instant,
    /// Whether the last request is answered and nothing of the next has come.
    between: bool,
    /// How many requests are being answered.
    requests: usize,
    /// Whether the connection may be quiet for ever: HTTP/2 has pings that find out whether the client is there.
    pinged: bool,
    /// Who reads, if that is to be looked at again when nothing is being answered any more.
    reader: Option<Waker>,
}

impl Patience {
    /// The patience with a client that has just connected.
    pub(super) fn new() -> Self {
        let until = Instant::now() + HEADER_TIMEOUT;
        let waiting = Waiting { until, between: false, requests: 0, pinged: false, reader: None };
        Self(Arc::new(Mutex::new(waiting)))
    }

    /// Says that a request is here; it is answered once the value is dropped.
    pub(super) fn answering(&self, version: Version) -> Answering {
        let mut waiting = self.lock();
        waiting.requests += 1;
        waiting.pinged |= version == Version::HTTP_2;
        Answering(self.clone())
    }

    fn received(&self) {
        let mut waiting = self.lock();
        if std::mem::take(&mut waiting.between) {
            waiting.until = Instant::now() + HEADER_TIMEOUT;
        }
    }

    /// When to stop waiting; `None` while there is no hurry, and `reader` is woken when there is.
    fn deadline(&self, reader: &Waker) -> Option<Instant> {
        let mut waiting = self.lock();
        if waiting.requests > 0 || waiting.pinged {
            waiting.reader = Some(reader.clone());
            return None;
        }
        Some(waiting.until)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is being answered.
pub(super) struct Answering(Patience);

impl Drop for Answering {
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.requests -= 1;
        waiting.between = true;
        waiting.until = Instant::now() + KEEP_ALIVE;
        if waiting.requests == 0
            && let Some(reader) = waiting.reader.take()
        {
            reader.wake();
        }
    }
}

/// The body of an answer; with its end the request is answered.
pub(super) struct Answer<B> {
    body: B,
    _answering: Answering,
}

impl<B> Answer<B> {
    pub(super) fn new(body: B, answering: Answering) -> Self {
        Self { body, _answering: answering }
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream on which reading fails when patience is at its end.
pub(super) struct Patient<S> {
    stream: S,
    patience: Patience,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience) -> Self {
        let until = patience.lock().until;
        Self { stream, patience, alarm: Box::pin(sleep_until(until)) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.patience.received();
            return Poll::Ready(outcome);
        }
        let Some(deadline) = self.patience.deadline(context.waker()) else { return Poll::Pending };
        if self.alarm.deadline() != deadline {
            self.alarm.as_mut().reset(deadline);
        }
        ready!(self.alarm.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests;
