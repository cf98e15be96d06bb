//! How the buffers of a stream, or of one of its halves, meet the transport.

use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::io::{self, ErrorKind, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::connection::{Event, Receive, Transmit};
use crate::stream::buffers::{Inlet, Outlet};

/// Slices of a vectored write are joined up to this length, in bytes: a record (RFC 5246 §6.2.1).
const JOINED: usize = 16 << 10;

impl Inlet {
    /// The next event, for which as much is received as it needs; never `NeedInput`.
    pub(super) fn poll_event(
        &mut self,
        receiver: &mut impl Receive,
        transport: &mut (impl AsyncRead + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Event>> {
        loop {
            match self.next_event(receiver)? {
                Event::NeedInput { .. } => {
                    let mut room = ReadBuf::new(self.received.room());
                    let polled = Pin::new(&mut *transport).poll_read(cx, &mut room);
                    let count = room.filled().len();
                    let Poll::Ready(result) = polled else {
                        // It may take long, and there may be many of us.
                        self.received.rest();
                        return Poll::Pending;
                    };
                    result?;
                    self.received.received(count);
                    if count == 0 {
                        receiver.end_of_input()?;
                    }
                }
                event => return Poll::Ready(Ok(event)),
            }
        }
    }

    /// Hands out data of the peer, if there is some, or if none is asked for.
    pub(super) fn give(&mut self, out: &mut ReadBuf<'_>) -> bool {
        let count = self.data().len().min(out.remaining());
        out.put_slice(self.data().get(..count).unwrap_or_default());
        self.take(count);
        count > 0 || out.remaining() == 0
    }
}

impl Outlet {
    /// Gives the transport all that waits.
    pub(super) fn poll_send(
        &mut self,
        sender: &mut impl Transmit,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            while !self.left().is_empty() {
                match ready!(Pin::new(&mut *transport).poll_write(cx, self.left()))? {
                    0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                    count => self.wrote(count),
                }
            }
            if !sender.wants_write() {
                return Poll::Ready(Ok(()));
            }
            self.seal(sender, &[])?;
        }
    }

    pub(super) fn poll_write(
        &mut self,
        sender: &mut impl Transmit,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        // What was taken before goes first, so that the output stays bounded.
        ready!(self.poll_send(sender, transport, cx))?;
        let taken = match self.seal(sender, data) {
            Ok(taken) => taken,
            Err(error) => {
                // An alert, or the reply to close_notify, may be the last that the transport was given.
                _ = Pin::new(transport).poll_flush(cx);
                return Poll::Ready(Err(error.into()));
            }
        };
        // What is taken is taken: if the transport fails now, the next call says so.
        _ = self.poll_send(sender, transport, cx);
        Poll::Ready(Ok(taken))
    }

    /// Slices too short for a record of their own share one.
    pub(super) fn poll_write_vectored(
        &mut self,
        sender: &mut impl Transmit,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        let first = filled.next().map_or(&[][..], |slice| slice);
        let Some(second) = filled.next().filter(|_| first.len() < JOINED) else {
            return self.poll_write(sender, transport, cx, first);
        };
        ready!(self.poll_send(sender, transport, cx))?;
        let length = slices.iter().fold(0, |sum: usize, slice| sum.saturating_add(slice.len()));
        let mut joined = Vec::with_capacity(length.min(JOINED));
        joined.extend_from_slice(first);
        for slice in core::iter::once(second).chain(filled) {
            let room = JOINED - joined.len();
            joined.extend_from_slice(slice.get(..room).unwrap_or(slice));
        }
        self.poll_write(sender, transport, cx, &joined)
    }

    pub(super) fn poll_flush(
        &mut self,
        sender: &mut impl Transmit,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_send(sender, transport, cx))?;
        // Whoever flushes waits for something else next.
        self.rest();
        Pin::new(transport).poll_flush(cx)
    }

    /// Sends close_notify, and shuts the transport down.
    pub(super) fn poll_shutdown(
        &mut self,
        sender: &mut impl Transmit,
        transport: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        sender.close();
        ready!(self.poll_flush(sender, transport, cx))?;
        Pin::new(transport).poll_shutdown(cx)
    }
}

/// Wakes two tasks.
struct Both([Waker; 2]);

impl Wake for Both {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.iter().for_each(Waker::wake_by_ref);
    }
}

/// A waker for two tasks, unless they are the same.
pub(super) fn wakes_both(one: &Waker, other: &Waker) -> Option<Waker> {
    (!one.will_wake(other)).then(|| Waker::from(Arc::new(Both([one.clone(), other.clone()]))))
}
