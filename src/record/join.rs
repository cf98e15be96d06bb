use alloc::vec::Vec;
use core::ops::Range;

use crate::codec::Reader;
use crate::error::Reason;
use crate::message::HandshakeType;

/// Size of a handshake message's header, in bytes: type and length (RFC 5246 §7.4).
const HEADER_LEN: usize = 4;

/// How long the handshake messages of a peer may be that is not known yet. Lengths in bytes, without the header of
/// four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimits {
    /// The longest `Certificate`.
    pub certificate: usize,
    /// The longest `CertificateStatus`.
    pub certificate_status: usize,
    /// All other messages of one handshake, together.
    pub other: usize,
}

impl MessageLimits {
    /// The default of a client: 32 KiB, 8 KiB, 8 KiB.
    #[must_use]
    pub const fn client() -> Self {
        MessageLimits { certificate: 32 << 10, certificate_status: 8 << 10, other: 8 << 10 }
    }

    /// The default of a server: 16 KiB, 8 KiB, 8 KiB.
    #[must_use]
    pub const fn server() -> Self {
        MessageLimits { certificate: 16 << 10, ..Self::client() }
    }
}

/// Joins the handshake messages of one handshake from the records that they come in: a message may span records, and a
/// record hold several messages (RFC 5246 §6.2.1).
pub(crate) struct Join {
    limits: MessageLimits,
    /// How many bytes all other messages may still have.
    other_left: usize,
    buffer: Vec<u8>,
    /// Up to here, messages have been handed out.
    start: usize,
    /// Where the first message starts whose header has not been seen; may lie beyond the buffer.
    unseen: usize,
}

impl Join {
    pub(crate) fn new(limits: MessageLimits) -> Self {
        Join { limits, other_left: limits.other, buffer: Vec::new(), start: 0, unseen: 0 }
    }

    /// Adds the content of a handshake record. Messages that were handed out are forgotten, and their ranges void.
    pub(crate) fn push(&mut self, fragment: &[u8]) -> Result<(), Reason> {
        self.buffer.drain(..self.start);
        self.unseen -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(fragment);
        while let Some((message, length)) = self.header(self.unseen) {
            self.check(message, length)?;
            self.unseen += HEADER_LEN + length;
        }
        Ok(())
    }

    /// The next whole message: its type, and where it lies with its header.
    pub(crate) fn next(&mut self) -> Option<(HandshakeType, Range<usize>)> {
        let (message, length) = self.header(self.start)?;
        let end = self.start + HEADER_LEN + length;
        if end > self.buffer.len() {
            return None;
        }
        let range = self.start..end;
        self.start = end;
        Some((message, range))
    }

    /// The bytes at a range that [`Self::next`] gave since the last [`Self::push`].
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    /// Whether no byte is left, neither of a whole message nor of a part, so that keys may change here
    /// (RFC 5246 §7.1).
    pub(crate) fn is_aligned(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Gives the memory back, if nothing is left.
    pub(crate) fn release(&mut self) {
        if self.is_aligned() {
            self.buffer = Vec::new();
            self.start = 0;
            self.unseen = 0;
        }
    }

    /// Type and length of the message at `at`, once its header is there.
    fn header(&self, at: usize) -> Option<(HandshakeType, usize)> {
        let mut reader = Reader::new(self.buffer.get(at..)?);
        let message = HandshakeType(reader.u8("").ok()?);
        let length = usize::try_from(reader.u24("").ok()?).ok()?;
        Some((message, length))
    }

    /// Holds a message against its limit, before any of it is waited for.
    fn check(&mut self, message: HandshakeType, length: usize) -> Result<(), Reason> {
        let within = |limit, setting| {
            if length > limit { Err(Reason::MessageTooLong { message, length, limit, setting }) } else { Ok(()) }
        };
        match message {
            HandshakeType::CERTIFICATE => within(self.limits.certificate, "message_limits.certificate"),
            HandshakeType::CERTIFICATE_STATUS => {
                within(self.limits.certificate_status, "message_limits.certificate_status")
            }
            // It is no part of a handshake (RFC 5246 §7.4.1.1); how many may come is limited elsewhere.
            HandshakeType::HELLO_REQUEST => within(self.limits.other, "message_limits.other"),
            _ => {
                within(self.other_left, "message_limits.other")?;
                self.other_left -= length;
                Ok(())
            }
        }
    }
}
