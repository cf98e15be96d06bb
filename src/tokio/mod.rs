//! Streams for the runtime `tokio`: a thin driver of a connection over any `AsyncRead + AsyncWrite`.
//!
//! ```no_run
//! # async fn run(config: std::sync::Arc<tls12::ClientConfig>) -> Result<(), Box<dyn std::error::Error>> {
//! use tls12::pki_types::ServerName;
//! use tls12::tokio::TlsConnector;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio::net::TcpStream;
//!
//! let socket = TcpStream::connect("server.example:443").await?;
//! let mut stream = TlsConnector::new(config).connect(ServerName::try_from("server.example")?, socket).await?;
//! stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
//! stream.flush().await?;
//! let mut answer = Vec::new();
//! stream.read_to_end(&mut answer).await?; // an error, unless the peer closed properly
//! stream.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - **Cancellation.** A future of a read or a write can be dropped at any time: what was received stays in the stream, and data
//!   is either reported as written, or was not taken. What a cancelled flush left is sent by the next call, also by a read. A
//!   handshake that is dropped ends its connection.
//! - **Writes.** What a write took may still be in the stream, sealed: `flush` brings it to the transport. At most 64 KiB of data
//!   wait there; the next write goes on when they are gone. Slices of a vectored write share records.
//! - **Ends.** A read of 0 bytes is the peer's close_notify. The end of the transport without it is `UnexpectedEof`. `shutdown`
//!   sends ours, and shuts the transport down.
//! - **Errors** of TLS hold an [`Error`](crate::Error). The alert for the peer goes out before the error is seen, as far as the
//!   transport takes it then. With halves it goes out at the next call of the [`WriteHalf`], whenever that comes.
//! - **Time.** Nothing here has a time limit: a peer that says nothing keeps a handshake, or a read, waiting for ever. Put a
//!   `tokio::time::timeout` around what must end.
//! - **Memory.** A read that waits keeps 4 KiB for what comes; [`TlsStream::shrink`] says how to rest with less.

mod connect;
mod poll;
mod split;

use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::io::{self, ErrorKind, IoSlice};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ask::{Answer, Ask};
use crate::connection::{Connection, Event, RefusedSplit};
use crate::record_buffer::RecordBuffer;
use crate::stream::buffers::{Inlet, Outlet};
use crate::stream::is_hung_up;
use poll::wakes_both;
use split::Slot;

pub use connect::{TlsAcceptor, TlsConnector};
pub use split::{ReadHalf, WriteHalf};

/// An established connection and its transport, as one stream of plaintext.
pub struct TlsStream<C, T> {
    connection: C,
    transport: T,
    inlet: Inlet,
    outlet: Outlet,
    /// Whom the transport wakes for a call that sends, and waits or was cancelled. A call that reads must not take its place.
    writer: Option<Waker>,
    /// What was sent may be held back by the transport: a flush was not finished, or the reading side had something to say.
    is_flush_due: bool,
    is_half_close_allowed: bool,
}

impl<C: Connection, T: AsyncRead + AsyncWrite + Unpin> TlsStream<C, T> {
    /// Does the handshake of a connection that was made elsewhere. `received` is what came from the transport before: what an
    /// [`Acceptor`](crate::Acceptor) left, or nothing. Questions are put to `decide`, each when the answer to the one before was
    /// taken.
    ///
    /// There is no time limit: see `tokio::time::timeout`.
    ///
    /// # Errors
    /// Those of the connection and of the transport; and `InvalidInput` for a connection whose question somebody else holds: its
    /// answer could not be given.
    pub async fn handshake<D, F>(connection: C, transport: T, received: RecordBuffer, decide: D) -> io::Result<Self>
    where
        D: Fn(Ask) -> F,
        F: Future<Output = Answer>,
    {
        let mut stream = TlsStream {
            connection,
            transport,
            inlet: Inlet::new(received),
            outlet: Outlet::default(),
            writer: None,
            is_flush_due: false,
            is_half_close_allowed: false,
        };
        while !stream.connection.is_established() {
            poll_fn(|cx| stream.poll_flight(cx)).await?;
            match poll_fn(|cx| stream.poll_event(cx)).await? {
                Event::Ask(ask) => {
                    let answer = decide(ask).await;
                    stream.connection.answer(answer).map_err(|refused| refused.error().clone())?;
                }
                Event::Waiting => {
                    return Err(io::Error::new(
                        ErrorKind::InvalidInput,
                        "a question of this connection is already out",
                    ));
                }
                _ => {}
            }
        }
        // A server has the last word: its peer waits for it.
        poll_fn(|cx| stream.poll_flight(cx)).await?;
        stream.outlet.shrink();
        Ok(stream)
    }

    /// Lets us go on writing when the peer has closed its side. Otherwise its close_notify is answered by ours at once, as
    /// RFC 5246 §7.2.1 demands.
    #[must_use]
    pub fn allow_half_close(mut self) -> Self {
        self.is_half_close_allowed = true;
        self
    }

    /// Two halves that can live in two tasks, and share nothing but what `divide` makes of the transport: for a socket that
    /// is its own method, for anything else a function of `tokio`.
    ///
    /// ```no_run
    /// # use tls12::ClientConnection;
    /// # use tls12::tokio::{ReadHalf, TlsStream, WriteHalf};
    /// # use tokio::net::TcpStream;
    /// # use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
    /// # fn split(stream: TlsStream<ClientConnection, TcpStream>) -> Result<(), Box<dyn std::error::Error>> {
    /// let (reading, writing): (ReadHalf<OwnedReadHalf>, WriteHalf<OwnedWriteHalf>) =
    ///     stream.into_split(TcpStream::into_split)?;
    /// # Ok(())
    /// # }
    /// # fn any(stream: TlsStream<ClientConnection, tokio::io::DuplexStream>) -> Result<(), Box<dyn std::error::Error>> {
    /// let (reading, writing) = stream.into_split(tokio::io::split)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The connection has failed. The stream comes back.
    pub fn into_split<R, W>(
        self,
        divide: impl FnOnce(T) -> (R, W),
    ) -> Result<(ReadHalf<R>, WriteHalf<W>), RefusedSplit<Self>> {
        let TlsStream { connection, transport, inlet, outlet, writer, is_flush_due, is_half_close_allowed } = self;
        let (receiver, sender) = match connection.split() {
            Ok(halves) => halves,
            Err(refused) => {
                return Err(refused.map(|connection| TlsStream {
                    connection,
                    transport,
                    inlet,
                    outlet,
                    writer,
                    is_flush_due,
                    is_half_close_allowed,
                }));
            }
        };
        let (reading, writing) = divide(transport);
        let slot = Slot::default();
        Ok((
            ReadHalf::new(receiver, inlet, reading, slot.clone(), is_half_close_allowed),
            WriteHalf::new(sender, outlet, writing, slot),
        ))
    }

    /// Sends what waits, as part of the handshake. If the connection has failed, or the peer has hung up and said why, that is
    /// a better error than the transport's.
    fn poll_flight(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = ready!(self.outlet.poll_flush(&mut self.connection, &mut self.transport, cx));
        let Err(error) = sent else { return Poll::Ready(Ok(())) };
        while is_hung_up(&error) && self.connection.error().is_none() {
            match self.poll_event(cx) {
                Poll::Ready(Ok(Event::Progress | Event::Failing)) => {}
                _ => break,
            }
        }
        Poll::Ready(Err(match self.connection.error() {
            Some(reason) if reason.reason() != &crate::Reason::Truncated => reason.clone().into(),
            _ => error,
        }))
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Event>> {
        self.inlet.poll_event(&mut self.connection, &mut self.transport, cx)
    }

    /// Sends what the reading side has to say, and what a cancelled call left, as far as the transport takes it now. A transport
    /// that takes nothing must not keep us from reading; the next call that sends will say so.
    fn send_beside(&mut self, cx: &Context<'_>) {
        self.is_flush_due |= self.connection.wants_write();
        if self.outlet.left().is_empty() && !self.is_flush_due {
            return;
        }
        // The transport wakes only the last one that it was given. Whether the writer's task is still there, nobody knows.
        let both = self.writer.as_ref().and_then(|writer| wakes_both(writer, cx.waker()));
        let mut cx = Context::from_waker(both.as_ref().unwrap_or(cx.waker()));
        let sent = if self.is_flush_due {
            self.outlet.poll_flush(&mut self.connection, &mut self.transport, &mut cx)
        } else {
            self.outlet.poll_send(&mut self.connection, &mut self.transport, &mut cx)
        };
        if sent.is_ready() {
            self.is_flush_due = false;
            // The transport need not wake it any more.
            self.writer.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Keeps in mind who waits for the transport now, to send.
    fn sending<O>(&mut self, cx: &Context<'_>, result: Poll<io::Result<O>>) -> Poll<io::Result<O>> {
        self.writer = result.is_pending().then(|| cx.waker().clone());
        result
    }
}

impl<C, T> TlsStream<C, T> {
    /// The connection, for what was agreed on.
    pub fn connection(&self) -> &C {
        &self.connection
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport. Reading or writing here breaks the connection.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Gives back memory that is not in use, for connections that rest.
    ///
    /// A read that waits takes 4 KiB again. Who holds many idle connections drops a read that waits, shrinks, and lets the
    /// transport say when there is something to read:
    ///
    /// ```no_run
    /// # use std::future::poll_fn;
    /// # use std::io;
    /// # use std::task::Poll;
    /// # use tls12::ServerConnection;
    /// # use tls12::tokio::TlsStream;
    /// # use tokio::io::AsyncReadExt;
    /// # use tokio::net::TcpStream;
    /// async fn read(stream: &mut TlsStream<ServerConnection, TcpStream>, out: &mut [u8]) -> io::Result<usize> {
    ///     loop {
    ///         let mut reading = Box::pin(stream.read(out));
    ///         if let Poll::Ready(count) = poll_fn(|cx| Poll::Ready(reading.as_mut().poll(cx))).await {
    ///             return count;
    ///         }
    ///         drop(reading);
    ///         stream.shrink();
    ///         stream.transport().readable().await?;
    ///     }
    /// }
    /// ```
    pub fn shrink(&mut self) {
        self.inlet.shrink();
        self.outlet.shrink();
    }
}

impl<C: Connection + Unpin, T: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<C, T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.inlet.give(out) {
            this.send_beside(cx);
            if let Event::Closed = ready!(this.poll_event(cx))? {
                if !this.is_half_close_allowed {
                    this.connection.close();
                }
                this.send_beside(cx);
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<C: Connection + Unpin, T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<C, T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = this.outlet.poll_write(&mut this.connection, &mut this.transport, cx, data);
        this.sending(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = this.outlet.poll_write_vectored(&mut this.connection, &mut this.transport, cx, slices);
        this.sending(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = this.outlet.poll_flush(&mut this.connection, &mut this.transport, cx);
        this.is_flush_due = result.is_pending();
        this.sending(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = this.outlet.poll_shutdown(&mut this.connection, &mut this.transport, cx);
        this.is_flush_due = result.is_pending();
        this.sending(cx, result)
    }
}

impl<C: fmt::Debug, T: fmt::Debug> fmt::Debug for TlsStream<C, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStream")
            .field("connection", &self.connection)
            .field("transport", &self.transport)
            .field("received", &self.inlet.received)
            .field("unsent", &self.outlet.left().len())
            .finish_non_exhaustive()
    }
}
