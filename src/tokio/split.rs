//! The halves of a stream. They share nothing but a place for one token.

use alloc::sync::Arc;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::alert::AlertDescription;
use crate::connection::{AlertToken, Event, Receiver, Sender};
use crate::stream::buffers::{Inlet, Outlet};

/// What the receiving half has to say, until the sending half comes by. The last one is the one that matters: a refusal to
/// renegotiate may be lost, and behind close_notify and an error there is nothing.
#[derive(Clone, Default)]
pub(super) struct Slot(Arc<Mutex<Option<AlertToken>>>);

impl Slot {
    fn put(&self, token: AlertToken) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    fn take(&self) -> Option<AlertToken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The reading half of a [`TlsStream`](super::TlsStream).
///
/// What it has to say to the peer (an alert, the reply to close_notify) is sent by the next call of the [`WriteHalf`], of
/// whichever kind, and not before the error is seen here. Nothing wakes a task that has nothing to write: after an error or the
/// end, see to it that the `WriteHalf` is shut down.
pub struct ReadHalf<R> {
    receiver: Receiver,
    inlet: Inlet,
    transport: R,
    slot: Slot,
    is_half_close_allowed: bool,
}

/// The writing half of a [`TlsStream`](super::TlsStream).
///
/// Once the [`ReadHalf`] has met the end of the peer's data or an error, no more is taken: `BrokenPipe`, unless
/// [`TlsStream::allow_half_close`](super::TlsStream::allow_half_close) was called, or that error. This half hears of it at its next
/// call. The end of the transport without close_notify is not passed on: the peer may still listen.
///
/// What a cancelled call left here is sent by the next one, of whichever kind, and by nobody else.
pub struct WriteHalf<W> {
    sender: Sender,
    outlet: Outlet,
    transport: W,
    slot: Slot,
}

impl<R> ReadHalf<R> {
    pub(super) fn new(receiver: Receiver, inlet: Inlet, transport: R, slot: Slot, is_half_close_allowed: bool) -> Self {
        ReadHalf { receiver, inlet, transport, slot, is_half_close_allowed }
    }

    /// The receiving half of the connection, for what was agreed on.
    pub fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// The reading half of the transport.
    pub fn transport(&self) -> &R {
        &self.transport
    }

    /// Gives back memory that is not in use, for connections that rest.
    pub fn shrink(&mut self) {
        self.inlet.shrink();
    }
}

impl<W> WriteHalf<W> {
    pub(super) fn new(sender: Sender, outlet: Outlet, transport: W, slot: Slot) -> Self {
        WriteHalf { sender, outlet, transport, slot }
    }

    /// The sending half of the connection.
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The writing half of the transport.
    pub fn transport(&self) -> &W {
        &self.transport
    }

    /// Gives back memory that is not in use, for connections that rest.
    pub fn shrink(&mut self) {
        self.outlet.shrink();
    }

    /// Itself, when what the reading half had to say is queued.
    fn heard(self: Pin<&mut Self>) -> &mut Self
    where
        W: Unpin,
    {
        let this = self.get_mut();
        if let Some(token) = this.slot.take() {
            this.sender.alert(token);
        }
        this
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for ReadHalf<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.inlet.give(out) {
            match ready!(this.inlet.poll_event(&mut this.receiver, &mut this.transport, cx))? {
                Event::SendAlert(token)
                    if this.is_half_close_allowed && token.description() == Some(AlertDescription::CLOSE_NOTIFY) => {}
                Event::SendAlert(token) => this.slot.put(token),
                Event::Closed => break,
                _ => {}
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for WriteHalf<W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.heard();
        this.outlet.poll_write(&mut this.sender, &mut this.transport, cx, data)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.heard();
        this.outlet.poll_write_vectored(&mut this.sender, &mut this.transport, cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.heard();
        this.outlet.poll_flush(&mut this.sender, &mut this.transport, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.heard();
        this.outlet.poll_shutdown(&mut this.sender, &mut this.transport, cx)
    }
}

impl<R: fmt::Debug> fmt::Debug for ReadHalf<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf")
            .field("receiver", &self.receiver)
            .field("transport", &self.transport)
            .field("received", &self.inlet.received)
            .finish_non_exhaustive()
    }
}

impl<W: fmt::Debug> fmt::Debug for WriteHalf<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf")
            .field("sender", &self.sender)
            .field("transport", &self.transport)
            .field("unsent", &self.outlet.left().len())
            .finish_non_exhaustive()
    }
}
