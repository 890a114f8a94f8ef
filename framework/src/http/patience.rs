//! How long a connection may keep the server waiting.
//!
//! hyper has one time limit for a quiet connection and for a head that comes slowly, and none before it knows the
//! version of HTTP. Here they are told apart: between two requests a client may think for long, but once it has begun
//! to send a head, or has just connected, it has to get on with it.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{Context, Poll},
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

/// The requests of one connection.
#[derive(Clone)]
pub(super) struct Patience(Arc<Requests>);

struct Requests {
    connected: Instant,
    begun: AtomicU64,
    answered: AtomicU64,
    /// When the last was answered, in milliseconds since the client connected.
    answered_ms: AtomicU64,
    /// Whether the connection may be quiet for ever: HTTP/2 has pings that find out whether the client is there.
    pinged: AtomicBool,
}

impl Patience {
    /// The patience with a client that has just connected.
    pub(super) fn new() -> Self {
        Self(Arc::new(Requests {
            connected: Instant::now(),
            begun: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            answered_ms: AtomicU64::new(0),
            pinged: AtomicBool::new(false),
        }))
    }

    /// Says that a request is here; it is answered once the value is dropped.
    pub(super) fn answering(&self, version: Version) -> Answering {
        self.0.begun.fetch_add(1, Relaxed);
        if version == Version::HTTP_2 {
            self.0.pinged.store(true, Relaxed);
        }
        Answering(self.clone())
    }

    /// How many requests were answered; `None` while there is no hurry.
    fn answered(&self) -> Option<u64> {
        let answered = self.0.answered.load(Acquire);
        (answered == self.0.begun.load(Relaxed) && !self.0.pinged.load(Relaxed)).then_some(answered)
    }

    /// When the last request was answered.
    fn answered_at(&self) -> Instant {
        self.0.connected + Duration::from_millis(self.0.answered_ms.load(Relaxed))
    }
}

/// A request that is being answered.
pub(super) struct Answering(Patience);

impl Drop for Answering {
    fn drop(&mut self) {
        let Requests { connected, answered, answered_ms, .. } = &*self.0.0;
        answered_ms.store(connected.elapsed().as_millis() as u64, Relaxed);
        answered.fetch_add(1, Release);
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

/// What is read next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// The first or the next byte of a head that has to come in time.
    Head,
    /// The first byte of the next head.
    Request,
}

/// A stream on which reading fails when patience is at its end.
pub(super) struct Patient<S> {
    stream: S,
    patience: Patience,
    awaited: Awaited,
    /// Since when it is awaited; `None` until the stream has nothing to read.
    since: Option<Instant>,
    /// How many requests were answered when this was looked at last.
    answered: u64,
    /// Rings at the end of patience or before. It is not set anew for every request, but when it has rung too early:
    /// hyper does not read again behind an answer if it has found nothing to read before.
    alarm: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience) -> Self {
        let since = patience.0.connected;
        let alarm = Box::pin(sleep_until(since + HEADER_TIMEOUT));
        Self { stream, patience, awaited: Awaited::Head, since: Some(since), answered: 0, alarm }
    }

    /// Notices that requests were answered; returns whether none is being answered.
    fn is_waiting(&mut self) -> bool {
        let Some(answered) = self.patience.answered() else { return false };
        if self.answered != answered {
            self.answered = answered;
            (self.awaited, self.since) = (Awaited::Request, Some(self.patience.answered_at()));
        }
        true
    }

    fn received(&mut self) {
        if self.is_waiting() && self.awaited == Awaited::Request {
            (self.awaited, self.since) = (Awaited::Head, None);
        }
    }

    /// When to stop waiting; `None` while there is no hurry.
    fn deadline(&mut self) -> Option<Instant> {
        if !self.is_waiting() {
            return None;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        Some(match self.awaited {
            Awaited::Head => since + HEADER_TIMEOUT,
            Awaited::Request => since + KEEP_ALIVE,
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.received();
            return Poll::Ready(outcome);
        }
        let deadline = self.deadline();
        if let Some(deadline) = deadline
            && deadline < self.alarm.deadline()
        {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.as_mut().poll(context).is_ready() {
            let next = match deadline {
                Some(deadline) if deadline <= self.alarm.deadline() => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Some(deadline) => deadline,
                // Once the request is answered, patience lasts as long at least.
                None => Instant::now() + KEEP_ALIVE,
            };
            self.alarm.as_mut().reset(next);
        }
        Poll::Pending
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
