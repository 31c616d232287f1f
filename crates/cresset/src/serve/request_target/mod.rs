//! Request targets with bytes that the HTTP library refuses.
//!
//! LogicMonitor's manual prints filters such as `filter=name:"x"` and `filter=id>5`, and `curl`
//! sends them as they are typed; the library answers a bare 400 before any handler sees them.
//! [`LenientTarget`] stands between the socket and the library and writes such bytes as `%22`
//! and `%3E`. Everything else goes through as it came, in the caller's own buffer.
//!
//! A target that is too long for the library is cut and marked, so that the application can
//! refuse it in words that the client understands.
//!
//! HTTP/2 is not read: a client that sends such bytes there is still refused.

mod framing;

use framing::Framing;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of HTTP/1 requests whose targets are percent-encoded where they have to be.
pub(super) struct LenientTarget<S> {
    inner: S,
    framing: Framing,
    /// What one read brought, from its first rewritten byte on: at most three times as much as
    /// the reader had room for, and a mark. Empty but while it is handed over.
    rewritten: Vec<u8>,
    /// How much of it was handed over.
    given: usize,
}

impl<S> LenientTarget<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            framing: Framing::default(),
            rewritten: Vec::new(),
            given: 0,
        }
    }

    fn hand_over(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.rewritten[self.given..];
        let part = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..part]);
        self.given += part;
        if self.given == self.rewritten.len() {
            (self.rewritten, self.given) = (Vec::new(), 0);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LenientTarget<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        // What came may be cut as a whole; nothing read would mean that the client is done.
        while this.rewritten.is_empty() && buf.filled().len() == before {
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            let arrived = &buf.filled()[before..];
            if arrived.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let Some(first) = this.framing.scan(arrived) else {
                return Poll::Ready(Ok(()));
            };
            this.rewritten = this.framing.rewrite(&arrived[first..]);
            buf.set_filled(before + first);
        }
        this.hand_over(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LenientTarget<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
