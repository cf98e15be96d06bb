//! A blocking or non-blocking stream over any `Read + Write`: a thin driver of a connection.

pub(crate) mod buffers;

use alloc::boxed::Box;
use core::fmt;
use std::io::{self, ErrorKind, Read, Write};

use crate::ask::Ask;
use crate::connection::{Connection, Event};
use crate::error::{Error, Reason};
use crate::record_buffer::RecordBuffer;
use buffers::{Inlet, Outlet};

/// A connection and its transport, as one stream of plaintext.
///
/// The transport may be non-blocking: `WouldBlock` from anywhere loses nothing, and the same call can be made again. What it
/// waits for is a decision if [`Self::is_waiting`] says so, to write if [`Self::wants_write`] does, and else to read.
///
/// The handshake is done by the first call that needs it, or by [`Self::handshake`]. Errors of TLS hold an [`Error`]; an end of
/// the transport without close_notify is `UnexpectedEof`. The peer's close_notify is answered by ours, as RFC 5246 §7.2.1
/// demands, unless [`Self::allow_half_close`] was called.
///
/// Each `write` makes at least one record: write what belongs together in one go, or through an `io::BufWriter`.
pub struct TlsStream<C, T> {
    connection: C,
    transport: T,
    inlet: Inlet,
    outlet: Outlet,
    question: Option<Ask>,
    is_waiting: bool,
    is_half_close_allowed: bool,
}

impl<C: Connection, T: Read + Write> TlsStream<C, T> {
    /// Puts a connection onto its transport. Nothing is sent yet.
    pub fn new(connection: C, transport: T) -> Self {
        TlsStream::with_received(connection, transport, RecordBuffer::new())
    }

    /// As [`Self::new`], where bytes of the transport were received already: those that an
    /// [`Acceptor`](crate::Acceptor) left, or what [`Self::into_parts`] gave.
    pub fn with_received(connection: C, transport: T, received: RecordBuffer) -> Self {
        TlsStream {
            connection,
            transport,
            inlet: Inlet::new(received),
            outlet: Outlet::default(),
            question: None,
            is_waiting: false,
            is_half_close_allowed: false,
        }
    }

    /// Lets us go on writing when the peer has closed its side.
    #[must_use]
    pub fn allow_half_close(mut self) -> Self {
        self.is_half_close_allowed = true;
        self
    }

    /// Does the handshake, unless it is done, and sends all of it.
    ///
    /// # Errors
    /// Those of the connection and of the transport; and `WouldBlock` also if the handshake waits for a decision: see
    /// [`Self::question`].
    pub fn handshake(&mut self) -> io::Result<()> {
        self.establish()?;
        // A server has the last word: its peer waits for it.
        self.send()
    }

    fn establish(&mut self) -> io::Result<()> {
        while !self.connection.is_established() {
            if let Err(error) = self.send() {
                return Err(self.last_words(error));
            }
            self.advance()?;
        }
        Ok(())
    }

    /// The question that the handshake waits for: answer it by [`Self::connection_mut`], then make the call again that
    /// said `WouldBlock`.
    pub fn question(&mut self) -> Option<Ask> {
        self.question.take()
    }

    /// Tells the peer that no more data will come (close_notify), and shuts nothing else down: its data can still be read.
    ///
    /// # Errors
    /// Those of the transport.
    pub fn close(&mut self) -> io::Result<()> {
        self.connection.close();
        if self.connection.error().is_some() {
            // Nobody waits for a decision any more.
            self.question = None;
            self.is_waiting = false;
        }
        self.flush()
    }

    /// The connection, for what was agreed on.
    pub fn connection(&self) -> &C {
        &self.connection
    }

    /// The connection, to answer its questions.
    pub fn connection_mut(&mut self) -> &mut C {
        &mut self.connection
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport. Reading or writing here breaks the connection.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Whether something waits for the transport to take it.
    pub fn wants_write(&self) -> bool {
        !self.outlet.left().is_empty() || self.connection.wants_write()
    }

    /// Whether the handshake waits for a decision.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Gives back memory that is not in use, for connections that rest.
    pub fn shrink(&mut self) {
        self.inlet.shrink();
        self.outlet.shrink();
    }

    /// The connection, its transport, and what was received from that but not consumed.
    ///
    /// # Errors
    /// The stream itself, while it holds what would be lost: output that was not flushed, data that was not read, a question
    /// that was not taken.
    pub fn into_parts(self) -> Result<(C, T, RecordBuffer), Box<Self>> {
        if self.wants_write() || !self.inlet.data().is_empty() || self.question.is_some() {
            return Err(Box::new(self));
        }
        Ok((self.connection, self.transport, self.inlet.received))
    }

    /// Gives the transport all that waits.
    fn send(&mut self) -> io::Result<()> {
        loop {
            while !self.outlet.left().is_empty() {
                match self.transport.write(self.outlet.left()) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => self.outlet.wrote(count),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            if !self.connection.wants_write() {
                return Ok(());
            }
            self.outlet.seal(&mut self.connection, &[])?;
        }
    }

    /// One step on the receiving side; `false` at the end of the peer's data.
    fn advance(&mut self) -> io::Result<bool> {
        self.is_waiting = false;
        match self.inlet.next_event(&mut self.connection) {
            Ok(Event::NeedInput { .. }) => {
                if self.inlet.received.fill_from(&mut self.transport)? == 0 {
                    self.connection.end_of_input()?;
                    return Ok(false);
                }
            }
            Ok(Event::Closed) => {
                if !self.is_half_close_allowed {
                    self.connection.close();
                }
                // As with each alert: it goes out as far as the transport takes it now.
                _ = self.send();
                return Ok(false);
            }
            Ok(Event::Ask(ask)) => {
                self.question = Some(ask);
                return Err(self.waits());
            }
            Ok(Event::Waiting) => return Err(self.waits()),
            Ok(Event::Data(_) | Event::Established | Event::Progress | Event::SendAlert(_)) => {}
            // The error follows at the next step.
            Ok(Event::Failing) => _ = self.send(),
            Err(error) => {
                _ = self.send();
                return Err(error.into());
            }
        }
        Ok(true)
    }

    fn waits(&mut self) -> io::Error {
        self.is_waiting = true;
        io::Error::new(ErrorKind::WouldBlock, "the handshake waits for a decision")
    }

    /// The transport takes nothing now. If the connection has failed, or the peer has hung up and said why, that is the better
    /// error.
    fn last_words(&mut self, error: io::Error) -> io::Error {
        if let Some(reason) = self.connection.error() {
            return reason.clone().into();
        }
        while is_hung_up(&error) {
            match self.inlet.next_event(&mut self.connection) {
                Ok(Event::NeedInput { .. }) => match self.inlet.received.fill_from(&mut self.transport) {
                    Ok(1..) => {}
                    _ => break,
                },
                Ok(Event::Progress | Event::Failing) => {}
                Ok(Event::Ask(ask)) => {
                    self.question = Some(ask);
                    break;
                }
                // Established at the latest: data that follows is for whoever reads.
                Ok(_) => break,
                Err(reason) => return reason.into(),
            }
        }
        error
    }
}

impl<C: Connection, T: Read + Write> Read for TlsStream<C, T> {
    /// Reads data of the peer; 0 is its close_notify.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.inlet.data().is_empty() {
                let count = self.inlet.data().read(out)?;
                self.inlet.take(count);
                return Ok(count);
            }
            self.establish()?;
            // A transport that takes nothing must not keep us from reading; the next call that sends will say so.
            _ = self.send();
            if !self.advance()? {
                return Ok(0);
            }
        }
    }
}

impl<C: Connection, T: Read + Write> Write for TlsStream<C, T> {
    /// Seals data and gives it to the transport. What was taken will be sent, if not now, then by a later call of any kind.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.establish()?;
        // What was taken before goes first, so that the output stays bounded.
        self.send()?;
        let taken = self.outlet.seal(&mut self.connection, data)?;
        // What is taken is taken: if the transport fails now, the next call says so.
        _ = self.send();
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.transport.flush()
    }
}

/// Whether the transport takes nothing any more, because the peer is gone.
pub(crate) fn is_hung_up(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted)
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.reason() {
            Reason::Truncated => ErrorKind::UnexpectedEof,
            Reason::PeerAlert(_) | Reason::ClosedInHandshake | Reason::Closed => ErrorKind::ConnectionAborted,
            Reason::WriteAfterClose => ErrorKind::BrokenPipe,
            _ => ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
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
