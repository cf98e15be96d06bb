use alloc::vec::Vec;
use core::ops::Range;

use super::header::{HEADER_LEN, MAX_FRAGMENT};
use super::protect::WriteState;
use super::size::{Growth, RecordSize};
use crate::alert::{AlertDescription, AlertLevel};
use crate::codec::{Prefix, Writer};
use crate::crypto::{AeadAlgorithm, SealingKey};
use crate::error::Reason;
use crate::message::{ContentType, HandshakeType, ProtocolVersion};

/// What `seal_in_place` may put before a plaintext, in bytes: the header (5) and, with AES-GCM, the explicit nonce (8).
pub const MAX_HEADROOM: usize = HEADER_LEN + 8;

/// What `seal_in_place` puts behind a plaintext, in bytes: the tag.
pub const TAG_LEN: usize = AeadAlgorithm::TAG_LEN;

/// Less plaintext than this, in bytes, is not worth a record of its own just to fill the output.
const SCRAP: usize = 512;

/// Of the records that a key may protect, the last few are kept for alerts.
pub(crate) const ALERT_RESERVE: u64 = 16;

/// Bytes reserved when the first message of a flight is written, so that small flights need one allocation.
const FLIGHT_CAPACITY: usize = 512;

/// Bytes reserved for the end of a flight: the records of ChangeCipherSpec and Finished.
const END_CAPACITY: usize = 64;

/// Room of so many bytes stays for the next flight, until the handshake is done.
const KEPT_CAPACITY: usize = 1024;

/// Makes records. Those of the handshake, and alerts, wait in a queue; application data is sealed straight into the
/// caller's buffer.
pub(crate) struct Outgoing {
    state: WriteState,
    /// Version in the records of the next flight.
    flight_version: ProtocolVersion,
    /// Most plaintext in a record, in bytes, that the peer takes.
    max_fragment: u16,
    /// How much of that data gets.
    growth: Growth,
    /// Records, and behind them the messages of an unfinished flight.
    queue: Vec<u8>,
    /// How much of the queue has been drained.
    drained: usize,
    /// How much of the queue is records; what is behind them is the unfinished flight.
    records: usize,
    /// No flight will follow.
    is_done: bool,
    /// Nothing will follow what is queued: close_notify is the last of it, or was.
    pub(crate) is_closed: bool,
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
            growth: Growth::new(RecordSize::default()),
            queue: Vec::new(),
            drained: 0,
            records: 0,
            is_done: false,
            is_closed: false,
        }
    }

    /// Of a connection that was dormant: the next record has this sequence number.
    pub(crate) fn awake(key: SealingKey, sequence: u64, max_fragment: u16) -> Self {
        let state = WriteState { key: Some(key), sequence };
        let mut outgoing = Outgoing { state, is_done: true, ..Outgoing::new(ProtocolVersion::TLS_1_2) };
        outgoing.limit_fragment(max_fragment);
        outgoing
    }

    /// As [`Self::max_fragment`], in as many bits as it has.
    pub(crate) fn fragment_limit(&self) -> u16 {
        self.max_fragment
    }

    /// The sequence number of the next record.
    pub(crate) fn sequence(&self) -> u64 {
        self.state.sequence
    }

    pub(crate) fn with_record_size(self, size: RecordSize) -> Self {
        Outgoing { growth: Growth::new(size), ..self }
    }

    /// From now on no record gets more plaintext, in bytes (RFC 6066 §4, RFC 8449 §4); at least one.
    pub(crate) fn limit_fragment(&mut self, limit: u16) {
        self.max_fragment = limit.clamp(1, MAX_FRAGMENT);
    }

    /// Most plaintext in a record, in bytes, that the peer takes.
    pub(crate) fn max_fragment(&self) -> usize {
        self.max_fragment.into()
    }

    /// If records grow, they are small ones again.
    pub(crate) fn start_small_again(&mut self) {
        self.growth.start_again();
    }

    /// Appends a handshake message to the flight, and returns all of it, for the transcript.
    pub(crate) fn message(
        &mut self,
        message: HandshakeType,
        write: impl FnOnce(&mut Writer<'_>),
    ) -> Result<&[u8], Reason> {
        let start = self.queue.len();
        if self.queue.is_empty() {
            self.queue.reserve(FLIGHT_CAPACITY);
        }
        let mut w = Writer::new(&mut self.queue);
        w.u8(message.0);
        w.sub(Prefix::U24, message.name().unwrap_or("a handshake message"), write);
        if let Err(error) = w.finish() {
            self.queue.truncate(start);
            return Err(Reason::TooLong(error.0));
        }
        Ok(self.queue.get(start..).unwrap_or_default())
    }

    /// Ends the flight: its messages become as few records as possible, wherever one message ends and the next begins
    /// (RFC 5246 §6.2.1). Until now nothing of it could be drained, so the records depend on the flight alone.
    pub(crate) fn flush_flight(&mut self) -> Result<(), Reason> {
        let start = self.records;
        let length = self.queue.len() - start;
        if length == 0 {
            return Ok(());
        }
        let (max_fragment, overhead) = (self.max_fragment(), self.overhead());
        let records = length.div_ceil(max_fragment);
        if u64::try_from(records).unwrap_or(u64::MAX) > self.records_left() {
            return Err(Reason::KeyLimit);
        }
        self.queue.resize(start + records * overhead + length, 0);
        // From the last one on, each fragment moves to its place in its record.
        for index in (0..records).rev() {
            let from = start + index * max_fragment;
            let to = from + index * overhead + self.state.prefix_len();
            let end = (start + length).min(from + max_fragment);
            self.queue.copy_within(from..end, to);
        }
        let version = core::mem::replace(&mut self.flight_version, ProtocolVersion::TLS_1_2);
        for record in self.queue.get_mut(start..).unwrap_or_default().chunks_mut(max_fragment + overhead) {
            self.state.seal(ContentType::HANDSHAKE, version, record)?;
        }
        self.records = self.queue.len();
        Ok(())
    }

    /// Ends the flight, sends ChangeCipherSpec (RFC 5246 §7.1), and protects with `key` what follows.
    pub(crate) fn change_cipher_spec(&mut self, key: SealingKey) -> Result<(), Reason> {
        self.flush_flight()?;
        self.queue.reserve(END_CAPACITY);
        self.append(ContentType::CHANGE_CIPHER_SPEC, &[1])?;
        self.state = WriteState::protected(key);
        Ok(())
    }

    /// Queues an alert. A fatal one takes the place of an unfinished flight; a warning goes behind what there is of it.
    ///
    /// When the key's last record is spent, nothing can be sent any more, not even this.
    pub(crate) fn alert(&mut self, description: AlertDescription) {
        let level = description.level();
        if level == AlertLevel::Fatal {
            self.discard_flight();
        }
        _ = self.flush_flight().and_then(|()| self.append(ContentType::ALERT, &[level.code(), description.0]));
    }

    /// Behind a flight that is finished.
    fn append(&mut self, content_type: ContentType, content: &[u8]) -> Result<(), Reason> {
        self.state.append(content_type, content, &mut self.queue)?;
        self.records = self.queue.len();
        Ok(())
    }

    /// Takes back the messages of a flight that is not finished: none of it was seen outside.
    pub(crate) fn discard_flight(&mut self) {
        if self.records < self.queue.len() {
            self.queue.truncate(self.records);
            self.queue.shrink_to_fit();
        }
    }

    /// How many bytes can be drained.
    pub(crate) fn pending(&self) -> usize {
        self.ready().len()
    }

    /// The handshake is over, well or badly: from here on, an emptied queue holds no memory.
    pub(crate) fn handshake_done(&mut self) {
        self.is_done = true;
        self.forget(0);
    }

    /// Reserves room for so many bytes of messages, and a few more.
    pub(crate) fn reserve(&mut self, length: usize) {
        self.queue.reserve(length + FLIGHT_CAPACITY);
    }

    /// Moves queued bytes to `out`, as many as fit, and says how many.
    #[inline]
    pub(crate) fn drain(&mut self, out: &mut [u8]) -> usize {
        if self.queue.is_empty() { 0 } else { self.drain_queue(out) }
    }

    #[cold]
    fn drain_queue(&mut self, out: &mut [u8]) -> usize {
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

    /// Size of the records, in bytes, that carry `plaintext_len` bytes of data.
    pub(crate) fn sealed_len(&self, plaintext_len: usize) -> usize {
        let overhead = self.overhead();
        let records = self.growth.records(plaintext_len, self.max_fragment(), overhead);
        records.saturating_mul(overhead).saturating_add(plaintext_len)
    }

    /// Most data in the next record, in bytes.
    #[inline]
    fn next_fragment(&self) -> usize {
        self.growth.next(self.overhead()).min(self.max_fragment())
    }

    /// How many more records of application data the key may protect (RFC 9325 §4.4).
    pub(crate) fn records_left(&self) -> u64 {
        self.state.records_left().saturating_sub(ALERT_RESERVE)
    }

    /// Drains the queue into `out`; when it is empty and there is a key, as many records of application data follow as
    /// fit.
    #[inline]
    pub(crate) fn seal(&mut self, plaintext: &[u8], out: &mut [u8]) -> Result<Sent, Reason> {
        let mut produced = self.drain(out);
        let mut records = self.records_now();
        if records == 0 && produced == 0 {
            self.check_key_limit(plaintext)?;
        }
        let mut left = plaintext;
        let overhead = self.overhead();
        while records > 0
            && let Some(room) = out.len().checked_sub(produced + overhead)
            && let full = left.len().min(self.next_fragment())
            && let length = full.min(room)
            && length > 0
            // Where there is room for a scrap only, it waits for the next call.
            && (length == full || length >= SCRAP || produced == 0)
            && let Some((content, rest)) = left.split_at_checked(length)
            && let Some(record) = out.get_mut(produced..produced + overhead + length)
        {
            self.state.seal_data(content, record)?;
            self.growth.sent(length);
            records -= 1;
            produced += overhead + length;
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
        let mut left = plaintext;
        while self.records_now() > 0
            && !left.is_empty()
            && let Some((content, rest)) = left.split_at_checked(left.len().min(self.next_fragment()))
        {
            self.state.append(ContentType::APPLICATION_DATA, content, out)?;
            self.growth.sent(content.len());
            left = rest;
        }
        Ok(Sent { taken: plaintext.len() - left.len(), produced: out.len() - start })
    }

    /// Makes a record of the data at `plaintext` in `buffer`, and says where it stands. Whatever is refused changes nothing.
    #[inline]
    pub(crate) fn seal_in_place(&mut self, buffer: &mut [u8], plaintext: Range<usize>) -> Result<Range<usize>, Reason> {
        if self.records_now() == 0 {
            return Err(self.why_no_data());
        }
        let prefix = self.state.prefix_len();
        let Some(record) = room(buffer, &plaintext, prefix) else {
            return Err(Reason::NotSealed("13 bytes are needed before the plaintext, and 16 behind it"));
        };
        if plaintext.len() > self.max_fragment() {
            return Err(Reason::NotSealed("the plaintext is longer than the peer takes in a record"));
        }
        let start = plaintext.start - prefix;
        if plaintext.is_empty() {
            return Ok(start..start);
        }
        self.state.seal(ContentType::APPLICATION_DATA, ProtocolVersion::TLS_1_2, record)?;
        self.growth.sent(plaintext.len());
        Ok(start..start + record.len())
    }

    /// How many records of application data may follow now. They wait for the queue, and none goes without a key.
    #[inline]
    fn records_now(&self) -> u64 {
        if self.queue.is_empty() && self.state.is_protected() { self.records_left() } else { 0 }
    }

    #[cold]
    fn why_no_data(&self) -> Reason {
        match self.state.is_protected() {
            false => Reason::NotSealed("the handshake is not done"),
            true if self.queue.is_empty() => Reason::KeyLimit,
            true => Reason::NotSealed("output is queued, and has to be written before"),
        }
    }

    fn check_key_limit(&self, plaintext: &[u8]) -> Result<(), Reason> {
        let exhausted = self.pending() == 0 && self.records_left() == 0 && !plaintext.is_empty();
        if exhausted { Err(Reason::KeyLimit) } else { Ok(()) }
    }

    fn ready(&self) -> &[u8] {
        self.queue.get(self.drained..self.records).unwrap_or_default()
    }

    /// `count` more bytes of the queue are drained.
    fn forget(&mut self, count: usize) {
        self.drained += count;
        if self.drained == self.queue.len() {
            self.queue.clear();
            (self.drained, self.records) = (0, 0);
            if self.is_done || self.queue.capacity() > KEPT_CAPACITY {
                self.queue = Vec::new();
            }
        }
    }
}

/// The record around `plaintext`. What the longest prefix needs has to be there under every suite, so that no program comes to
/// depend on the suite.
#[inline]
fn room<'a>(buffer: &'a mut [u8], plaintext: &Range<usize>, prefix: usize) -> Option<&'a mut [u8]> {
    if plaintext.start < MAX_HEADROOM || plaintext.start > plaintext.end {
        return None;
    }
    buffer.get_mut(plaintext.start - prefix..plaintext.end.checked_add(TAG_LEN)?)
}

#[cfg(test)]
mod tests;
