use alloc::vec::Vec;

use super::header::MAX_FRAGMENT;
use super::protect::WriteState;
use crate::alert::{AlertDescription, AlertLevel};
use crate::codec::{Prefix, Writer};
use crate::crypto::SealingKey;
use crate::error::Reason;
use crate::message::{ContentType, HandshakeType, ProtocolVersion};

/// Of the records that a key may protect, the last few are kept for alerts.
const ALERT_RESERVE: u64 = 16;

/// Bytes reserved when the first message of a flight is written, so that small flights need one allocation.
const FLIGHT_CAPACITY: usize = 512;

/// Makes records. Those of the handshake, and alerts, wait in a queue; application data is sealed straight into the
/// caller's buffer.
pub(crate) struct Outgoing {
    state: WriteState,
    /// Version in the records of the next flight.
    flight_version: ProtocolVersion,
    /// Most plaintext in a record, in bytes.
    max_fragment: usize,
    /// Records, and behind them the messages of an unfinished flight.
    queue: Vec<u8>,
    /// How much of the queue has been drained.
    drained: usize,
    /// Where in the queue the unfinished flight starts.
    flight: Option<usize>,
}

/// What a call has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Sent {
    /// How many bytes of the plaintext were taken.
    pub taken: usize,
    /// How many bytes of output were produced.
    pub produced: usize,
}

impl Outgoing {
    /// The records of the first flight name `first_flight` as their version, all others TLS 1.2.
    pub(crate) fn new(first_flight: ProtocolVersion) -> Self {
        Outgoing {
            state: WriteState::unprotected(),
            flight_version: first_flight,
            max_fragment: MAX_FRAGMENT,
            queue: Vec::new(),
            drained: 0,
            flight: None,
        }
    }

    /// From now on no record gets more plaintext, in bytes (RFC 6066 §4, RFC 8449); at least one.
    pub(crate) fn limit_fragment(&mut self, limit: usize) {
        self.max_fragment = limit.clamp(1, MAX_FRAGMENT);
    }

    /// Appends a handshake message to the flight, and returns all of it, for the transcript.
    pub(crate) fn message(
        &mut self,
        message: HandshakeType,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], Reason> {
        let start = self.queue.len();
        if self.flight.is_none() {
            self.queue.reserve(FLIGHT_CAPACITY);
        }
        let mut w = Writer::new(&mut self.queue);
        w.u8(message.0);
        w.sub(Prefix::U24, message.name().unwrap_or("a handshake message"), write);
        if let Err(error) = w.finish() {
            self.queue.truncate(start);
            return Err(Reason::TooLong(error.0));
        }
        self.flight.get_or_insert(start);
        Ok(self.queue.get(start..).unwrap_or_default())
    }

    /// Ends the flight: its messages become as few records as possible, wherever one message ends and the next begins
    /// (RFC 5246 §6.2.1). Until now nothing of it could be drained, so the records depend on the flight alone.
    pub(crate) fn flush_flight(&mut self) -> Result<(), Reason> {
        let Some(start) = self.flight else { return Ok(()) };
        let length = self.queue.len() - start;
        let records = length.div_ceil(self.max_fragment);
        if u64::try_from(records).map_or(true, |records| records > self.records_left()) {
            return Err(Reason::KeyLimit);
        }
        self.queue.resize(start + self.sealed_len(length), 0);
        // From the last one on, each fragment moves to its place in its record.
        let overhead = self.overhead();
        for index in (0..records).rev() {
            let from = start + index * self.max_fragment;
            let to = from + index * overhead + self.state.prefix_len();
            let end = (start + length).min(from + self.max_fragment);
            self.queue.copy_within(from..end, to);
        }
        let version = core::mem::replace(&mut self.flight_version, ProtocolVersion::TLS_1_2);
        for record in self.queue.get_mut(start..).unwrap_or_default().chunks_mut(self.max_fragment + overhead) {
            self.state.seal(ContentType::HANDSHAKE, version, record)?;
        }
        self.flight = None;
        Ok(())
    }

    /// Ends the flight, sends ChangeCipherSpec (RFC 5246 §7.1), and protects with `key` what follows.
    pub(crate) fn change_cipher_spec(&mut self, key: SealingKey) -> Result<(), Reason> {
        self.flush_flight()?;
        self.state.append(ContentType::CHANGE_CIPHER_SPEC, &[1], &mut self.queue)?;
        self.state = WriteState::protected(key);
        Ok(())
    }

    /// Queues an alert. A fatal one takes the place of a flight that is not finished; a warning goes behind it.
    ///
    /// When the key's last record is spent, nothing can be sent any more, not even this.
    pub(crate) fn alert(&mut self, description: AlertDescription) {
        let level = description.level();
        if level == AlertLevel::Fatal {
            self.discard_flight();
        }
        _ = self
            .flush_flight()
            .and_then(|()| self.state.append(ContentType::ALERT, &[level.code(), description.0], &mut self.queue));
    }

    /// Takes back the messages of a flight that is not finished: none of it was seen outside.
    pub(crate) fn discard_flight(&mut self) {
        if let Some(start) = self.flight.take() {
            self.queue.truncate(start);
        }
    }

    /// How many bytes can be drained.
    pub(crate) fn pending(&self) -> usize {
        self.ready().len()
    }

    /// Moves queued bytes to `out`, as many as fit, and says how many. An emptied queue holds no memory.
    pub(crate) fn drain(&mut self, out: &mut [u8]) -> usize {
        let ready = self.ready();
        let count = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), ready.get(..count)) {
            to.copy_from_slice(from);
        }
        self.forget(count);
        count
    }

    /// Bytes that a record has beside its plaintext.
    pub(crate) fn overhead(&self) -> usize {
        self.state.prefix_len() + self.state.suffix_len()
    }

    /// Size of the records, in bytes, that carry `plaintext_len` bytes.
    pub(crate) fn sealed_len(&self, plaintext_len: usize) -> usize {
        plaintext_len.div_ceil(self.max_fragment).saturating_mul(self.overhead()).saturating_add(plaintext_len)
    }

    /// How many more records of application data the key may protect (RFC 9325 §4.4).
    pub(crate) fn records_left(&self) -> u64 {
        self.state.records_left().saturating_sub(ALERT_RESERVE)
    }

    /// Drains the queue into `out`; when it is empty and there is a key, as many records of application data follow as
    /// fit.
    #[inline]
    pub(crate) fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> Result<Sent, Reason> {
        self.check_key_limit(plaintext)?;
        let mut produced = self.drain(out);
        let mut left = plaintext;
        let (prefix, overhead) = (self.state.prefix_len(), self.overhead());
        while self.may_seal()
            && let Some(room) = out.len().checked_sub(produced + overhead)
            && let length = left.len().min(self.max_fragment).min(room)
            && length > 0
            && let Some((content, rest)) = left.split_at_checked(length)
            && let Some(record) = out.get_mut(produced..produced + overhead + length)
        {
            if let Some(place) = record.get_mut(prefix..prefix + length) {
                place.copy_from_slice(content);
            }
            self.state.seal(ContentType::APPLICATION_DATA, ProtocolVersion::TLS_1_2, record)?;
            produced += record.len();
            left = rest;
        }
        Ok(Sent { taken: plaintext.len() - left.len(), produced })
    }

    /// As [`Self::seal`], but appends to a vector, which grows as needed.
    pub(crate) fn seal_vec(&mut self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<Sent, Reason> {
        self.check_key_limit(plaintext)?;
        let start = out.len();
        out.reserve(self.pending().saturating_add(self.sealed_len(plaintext.len())));
        out.extend_from_slice(self.ready());
        self.forget(self.pending());
        let mut taken = 0;
        for content in plaintext.chunks(self.max_fragment) {
            if !self.may_seal() {
                break;
            }
            self.state.append(ContentType::APPLICATION_DATA, content, out)?;
            taken += content.len();
        }
        Ok(Sent { taken, produced: out.len() - start })
    }

    /// Application data follows the queue, and is never sent without a key.
    fn may_seal(&self) -> bool {
        self.pending() == 0 && self.state.is_protected() && self.records_left() > 0
    }

    fn check_key_limit(&self, plaintext: &[u8]) -> Result<(), Reason> {
        let exhausted = self.pending() == 0 && self.records_left() == 0 && !plaintext.is_empty();
        if exhausted { Err(Reason::KeyLimit) } else { Ok(()) }
    }

    fn ready(&self) -> &[u8] {
        self.queue.get(self.drained..self.flight.unwrap_or(self.queue.len())).unwrap_or_default()
    }

    /// `count` more bytes of the queue are drained.
    fn forget(&mut self, count: usize) {
        self.drained += count;
        if self.drained == self.queue.len() {
            self.queue = Vec::new();
            self.drained = 0;
        }
    }
}
