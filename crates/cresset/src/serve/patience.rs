//! Limits on the silence of a connection, which the HTTP library does not have: until the
//! first bytes tell the protocol, while a reply is not taken, and between requests.

use parking_lot::Mutex;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How an HTTP/2 connection begins. As long as bytes agree with it the library waits.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream that fails if nothing happens on it for too long.
pub(super) struct Patient<S> {
    inner: S,
    /// How much of [`PREFACE`] has come, while it is open whether it comes.
    opening: Option<usize>,
    opening_until: Instant,
    /// When bytes last went in either direction.
    last: Instant,
    stall: Duration,
    timer: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    /// The protocol must be clear after `opening`; later, bytes must go in one direction or
    /// the other every `stall`.
    pub(super) fn new(inner: S, opening: Duration, stall: Duration) -> Self {
        let now = Instant::now();
        Self {
            inner,
            opening: Some(0),
            opening_until: now + opening,
            last: now,
            stall,
            timer: Box::pin(sleep_until(now + opening)),
        }
    }

    fn arrived(&mut self, bytes: &[u8]) {
        self.last = Instant::now();
        if let Some(seen) = self.opening {
            let rest = PREFACE.get(seen..).unwrap_or_default();
            let undecided = bytes.len() < rest.len() && rest.starts_with(bytes);
            self.opening = undecided.then_some(seen + bytes.len());
        }
    }

    /// Ready when the patience is at its end; else the task is woken when it may be.
    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        loop {
            let until = match self.opening {
                Some(_) => self.opening_until,
                None => self.last + self.stall,
            };
            if until <= Instant::now() {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            // Moved only when it fires, not with every byte.
            if self.timer.deadline() > until {
                self.timer.as_mut().reset(until);
            }
            ready!(self.timer.as_mut().poll(cx));
            self.timer.as_mut().reset(until);
        }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_pending() {
            return self.poll_expired(cx).map(Err);
        }
        done
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.inner).poll_read(cx, buf);
        if done.is_ready() {
            self.arrived(&buf.filled()[before..]);
        }
        self.judge(cx, done)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(cx, buf);
        if done.is_ready() {
            self.last = Instant::now();
        }
        self.judge(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        if done.is_ready() {
            self.last = Instant::now();
        }
        self.judge(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, done)
    }
}

/// The requests under way on one connection.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    requests: usize,
    since: Instant,
}

/// A request under way.
pub(super) struct Busy(Activity);

impl Activity {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            requests: 0,
            since: Instant::now(),
        })))
    }

    /// Counts a request until the result is dropped.
    pub(super) fn begin(&self) -> Busy {
        self.0.lock().requests += 1;
        Busy(self.clone())
    }

    /// Returns when no request has been under way for `limit`.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let until = {
                let state = self.0.lock();
                match state.requests {
                    0 => state.since + limit,
                    _ => now + limit,
                }
            };
            if until <= now {
                return;
            }
            sleep_until(until).await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        state.requests -= 1;
        state.since = Instant::now();
    }
}
