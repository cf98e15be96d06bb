//! A blocking or non-blocking stream over any `Read + Write`: a thin driver of a connection.

use alloc::vec::Vec;
use core::ops::Range;
use std::io::{self, ErrorKind, Read, Write};

use crate::ask::Ask;
use crate::connection::{Connection, Event};
use crate::error::{Error, Reason};
use crate::record_buffer::RecordBuffer;

/// How much plaintext is sealed before it is given to the transport, in bytes.
const BATCH: usize = 64 << 10;

/// A connection and its transport, as one stream of plaintext.
///
/// The transport may be non-blocking: `WouldBlock` from anywhere loses nothing, and the same call can be made again. The
/// handshake is done by the first call that needs it, or by [`Self::handshake`]. An end of the transport without
/// close_notify is `UnexpectedEof`; all other errors of TLS are `InvalidData`. Both hold an [`Error`].
#[derive(Debug)]
pub struct TlsStream<C, T> {
    connection: C,
    transport: T,
    received: RecordBuffer,
    /// Where in `received` data of the peer stands that was not asked for yet.
    data: Range<usize>,
    /// Bytes for the transport that it did not take yet.
    output: Vec<u8>,
    written: usize,
    question: Option<Ask>,
}

impl<C: Connection, T: Read + Write> TlsStream<C, T> {
    /// Puts a connection onto its transport. Nothing is sent yet.
    pub fn new(connection: C, transport: T) -> Self {
        TlsStream {
            connection,
            transport,
            received: RecordBuffer::new(),
            data: 0..0,
            output: Vec::new(),
            written: 0,
            question: None,
        }
    }

    /// Does the handshake, unless it is done.
    ///
    /// # Errors
    /// Those of the transport; and `WouldBlock` also if the handshake waits for a decision: see [`Self::question`].
    pub fn handshake(&mut self) -> io::Result<()> {
        while !self.connection.is_established() {
            self.send()?;
            self.advance()?;
        }
        self.send()
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

    /// The connection, its transport and what was received from that but not consumed. Output that was not flushed and data that was
    /// not read are lost.
    pub fn into_parts(self) -> (C, T, RecordBuffer) {
        (self.connection, self.transport, self.received)
    }

    /// Gives the transport all that waits.
    fn send(&mut self) -> io::Result<()> {
        loop {
            while let Some(left) = self.output.get(self.written..).filter(|left| !left.is_empty()) {
                match self.transport.write(left) {
                    Ok(0) => return Err(ErrorKind::WriteZero.into()),
                    Ok(count) => self.written += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.output.clear();
            self.written = 0;
            if !self.connection.wants_write() {
                return Ok(());
            }
            self.seal(&[])?;
        }
    }

    /// Appends what the connection has to send to the output; says how much of `plaintext` was taken.
    fn seal(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        Ok(self.connection.write_vec(plaintext, &mut self.output)?.taken)
    }

    /// One step on the receiving side; `false` at the end of the peer's data.
    fn advance(&mut self) -> io::Result<bool> {
        match self.received.next_event(&mut self.connection) {
            Ok(Event::Data(range)) => self.data = range,
            Ok(Event::NeedInput { .. }) => match self.received.fill_from(&mut self.transport) {
                Ok(0) => {
                    self.connection.end_of_input()?;
                    return Ok(false);
                }
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            },
            Ok(Event::Closed) => return Ok(false),
            Ok(Event::Ask(ask)) => {
                self.question = Some(ask);
                return Err(waits());
            }
            Ok(Event::Waiting) => return Err(waits()),
            Ok(Event::Established | Event::Progress) => {}
            // The alert goes out first, unless the transport cannot take it: that must not hide why we failed.
            Ok(Event::Failing) => match self.send() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => return self.advance(),
            },
            Err(error) => {
                _ = self.send();
                return Err(error.into());
            }
        }
        Ok(true)
    }
}

fn waits() -> io::Error {
    io::Error::new(ErrorKind::WouldBlock, "the handshake waits for a decision")
}

impl<C: Connection, T: Read + Write> Read for TlsStream<C, T> {
    /// Reads data of the peer; 0 is its close_notify.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let left = self.received.data(self.data.clone());
            if !left.is_empty() {
                let count = left.len().min(out.len());
                if let (Some(to), Some(from)) = (out.get_mut(..count), left.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.data.start += count;
                return Ok(count);
            }
            if !self.connection.is_established() {
                self.handshake()?;
            }
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
        self.handshake()?;
        // What was taken before goes first, so that the output stays bounded.
        self.send()?;
        let data = data.get(..BATCH).unwrap_or(data);
        let taken = self.seal(data)?;
        match self.send() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()?;
        self.transport.flush()
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.reason() {
            Reason::Truncated => ErrorKind::UnexpectedEof,
            _ => ErrorKind::InvalidData,
        };
        io::Error::new(kind, error)
    }
}
