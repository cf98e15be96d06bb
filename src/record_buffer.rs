//! A receive buffer, so that nobody has to shift bytes by hand.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::ask::Ask;
use crate::connection::{Acceptance, Accepting, Acceptor, AlertToken, Connection, Event, Receive, Received, Receiver};
use crate::error::Error;

/// What is asked of the transport at a time, unless a record needs more, in bytes.
const CHUNK: usize = 4 << 10;

/// Holds what was received and not yet read. Its memory grows with the records of the peer, up to one record of the
/// largest size and a chunk of 4 KiB.
#[derive(Default)]
pub struct RecordBuffer {
    bytes: Vec<u8>,
    /// What of `bytes` was received and is not consumed.
    filled: Range<usize>,
    /// At least so many bytes more make a record.
    missing: usize,
}

/// As [`Event`], with the data itself.
#[derive(Debug)]
pub enum Step<'a> {
    /// The buffer holds no whole record: fill it.
    NeedInput,
    /// Something that is not for the application went by. There may be output now.
    Progress,
    /// The handshake waits for a decision.
    Ask(Ask),
    /// The handshake still waits for that decision.
    Waiting,
    /// The handshake is done.
    Established,
    /// Data of the peer. It is gone at the next step.
    Data(&'a mut [u8]),
    /// The peer's close_notify.
    Closed,
    /// The connection has failed, and an alert for the peer waits to be written; the next step returns the error.
    Failing,
}

/// A [`Step`] of a [`Receiver`].
#[derive(Debug)]
pub enum HalfStep<'a> {
    /// The buffer holds no whole record: fill it.
    NeedInput,
    /// Something that is not for the application went by.
    Progress,
    /// Data of the peer. It is gone at the next step.
    Data(&'a mut [u8]),
    /// The peer's close_notify.
    Closed,
    /// There is something to say to the peer: hand it to [`Sender::alert`](crate::Sender::alert), and step on.
    SendAlert(AlertToken),
}

/// Says how much there is; some of it was decrypted, and is nobody's business.
impl fmt::Debug for RecordBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBuffer").field("unread", &self.filled.len()).field("size", &self.bytes.len()).finish()
    }
}

impl RecordBuffer {
    /// An empty buffer, which holds no memory.
    #[must_use]
    pub fn new() -> Self {
        RecordBuffer::default()
    }

    /// A buffer in which this was received already: what [`Self::into_unread`] gave, in another process.
    #[must_use]
    pub fn with_unread(bytes: Vec<u8>) -> Self {
        RecordBuffer { filled: 0..bytes.len(), bytes, missing: 0 }
    }

    /// The received bytes that no step has consumed, to be read elsewhere.
    #[must_use]
    pub fn into_unread(mut self) -> Vec<u8> {
        self.shrink();
        self.bytes
    }

    /// Gives the connection what is there, at most one record.
    ///
    /// # Errors
    /// Why the connection failed.
    pub fn step<C: Connection>(&mut self, connection: &mut C) -> Result<Step<'_>, Error> {
        Ok(match self.next_event(connection)? {
            Event::NeedInput { .. } => Step::NeedInput,
            // A whole connection queues its alerts itself.
            Event::Progress | Event::SendAlert(_) => Step::Progress,
            Event::Ask(ask) => Step::Ask(ask),
            Event::Waiting => Step::Waiting,
            Event::Established => Step::Established,
            Event::Data(range) => Step::Data(self.bytes.get_mut(range).unwrap_or_default()),
            Event::Closed => Step::Closed,
            Event::Failing => Step::Failing,
        })
    }

    /// As [`Self::step`], for the receiving half of a connection.
    ///
    /// # Errors
    /// Why the connection failed.
    pub fn step_half(&mut self, receiver: &mut Receiver) -> Result<HalfStep<'_>, Error> {
        Ok(match self.next_event(receiver)? {
            Event::NeedInput { .. } => HalfStep::NeedInput,
            Event::Data(range) => HalfStep::Data(self.bytes.get_mut(range).unwrap_or_default()),
            Event::Closed => HalfStep::Closed,
            Event::SendAlert(token) => HalfStep::SendAlert(token),
            // There are no others: the handshake is done, and what fails comes as a token.
            _ => HalfStep::Progress,
        })
    }

    /// Gives an acceptor what is there, at most one record. What stands behind the ClientHello stays here: step on with the
    /// connection, or add [`Self::unread`] to the bytes for another stack.
    ///
    /// # Errors
    /// Why the client was refused.
    pub fn accept(&mut self, acceptor: &mut Acceptor) -> Result<Acceptance, Error> {
        let Accepting { consumed, event } =
            acceptor.read(self.bytes.get_mut(self.filled.clone()).unwrap_or_default())?;
        self.consume(consumed);
        if let Acceptance::NeedInput { missing } = event {
            self.missing = missing;
        }
        Ok(event)
    }

    /// As [`Self::step`]; the range of [`Event::Data`] is one of [`Self::data`], good until the next step or fill.
    pub(crate) fn next_event<C: Receive>(&mut self, connection: &mut C) -> Result<Event, Error> {
        let start = self.filled.start;
        let input = self.bytes.get_mut(self.filled.clone()).unwrap_or_default();
        let Received { consumed, event } = connection.read(input)?;
        self.consume(consumed);
        Ok(match event {
            Event::NeedInput { missing } => {
                self.missing = missing;
                Event::NeedInput { missing }
            }
            Event::Data(range) => Event::Data(start + range.start..start + range.end),
            event => event,
        })
    }

    fn consume(&mut self, count: usize) {
        self.filled.start += count;
        if self.filled.is_empty() {
            self.filled = 0..0;
        }
    }

    #[cfg(feature = "std")]
    pub(crate) fn data(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// Received bytes that no step has consumed: behind a [`Step::Closed`], what the peer sent after its TLS.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        self.bytes.get(self.filled.clone()).unwrap_or_default()
    }

    /// Room for at least the rest of the record that is under way, to be received into; say with [`Self::received`] how
    /// much came. For transports that are no `io::Read`.
    pub fn room(&mut self) -> &mut [u8] {
        let needed = self.missing.max(1);
        if self.bytes.len() - self.filled.end < needed.max(CHUNK) && self.filled.start > 0 {
            self.bytes.copy_within(self.filled.clone(), 0);
            self.filled = 0..self.filled.len();
        }
        if self.bytes.len() - self.filled.end < needed {
            let length = self.filled.end + needed.max(CHUNK);
            self.bytes.reserve_exact(length - self.bytes.len());
            self.bytes.resize(length, 0);
        }
        self.bytes.get_mut(self.filled.end..).unwrap_or_default()
    }

    /// So many bytes were put to the front of [`Self::room`]; at most what there was of it counts.
    pub fn received(&mut self, count: usize) {
        self.filled.end = self.filled.end.saturating_add(count).min(self.bytes.len());
        self.missing = self.missing.saturating_sub(count);
    }

    /// Gives back memory that is not in use, for connections that rest.
    pub fn shrink(&mut self) {
        self.bytes.copy_within(self.filled.clone(), 0);
        self.filled = 0..self.filled.len();
        self.bytes.truncate(self.filled.end);
        self.bytes.shrink_to_fit();
    }

    /// Gives back what is beyond a chunk, if nothing is inside.
    #[cfg(feature = "tokio")]
    pub(crate) fn rest(&mut self) {
        if self.filled.is_empty() {
            self.bytes.truncate(CHUNK);
            self.bytes.shrink_to(CHUNK);
        }
    }

    /// Reads once from a transport; 0 is its end.
    ///
    /// # Errors
    /// As `reader`; nothing that was received before is lost.
    #[cfg(feature = "std")]
    pub fn fill_from(&mut self, reader: &mut impl std::io::Read) -> std::io::Result<usize> {
        loop {
            match reader.read(self.room()) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.received(count);
                    return Ok(count);
                }
            }
        }
    }
}
