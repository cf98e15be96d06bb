use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use crate::error::Reason;
use crate::message::{HEADER_LEN, HandshakeType};

/// How long the handshake messages of a peer may be that is not known yet. Lengths in bytes, without the header of
/// four bytes. Start with [`MessageLimits::client`] or [`MessageLimits::server`], and set what is to differ.
///
/// A message that came in one record is not held as it was received; one that came in parts is, until it was handled. Beside that
/// a server keeps a ClientHello while a question about it is put off, and both sides keep the certificates; where a client may be
/// authenticated, the transcript has all messages once more (RFC 5246 §7.4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// The message at `start` was held against its limit.
    is_checked: bool,
}

impl Join {
    pub(crate) fn new(limits: MessageLimits) -> Self {
        Join { limits, other_left: limits.other, buffer: Vec::new(), start: 0, is_checked: false }
    }

    /// Takes over all that another one has, also what that handed out since its last [`Self::push`], to be held against our
    /// own limits.
    pub(crate) fn take_over(&mut self, other: Join) {
        *self = Join { buffer: other.buffer, ..Join::new(self.limits) };
    }

    /// Adds the content of a handshake record. Messages that were handed out are forgotten, and their ranges void.
    pub(crate) fn push(&mut self, fragment: &[u8]) {
        self.buffer.drain(..self.start);
        self.start = 0;
        // A message that is under way gets its room at once, and no more than that.
        let whole = self.header().filter(|_| self.is_checked).map_or(0, |(_, length)| HEADER_LEN + length);
        let wanted = whole.max(self.buffer.len() + fragment.len());
        self.buffer.reserve_exact(wanted - self.buffer.len());
        self.buffer.extend_from_slice(fragment);
    }

    /// The type of the next message, once its header is there.
    pub(crate) fn peek(&self) -> Option<HandshakeType> {
        self.header().map(|(message, _)| message)
    }

    /// As [`Self::peek`], where `fresh` follows what is inside.
    pub(crate) fn peek_with(&self, fresh: &[u8]) -> Option<HandshakeType> {
        let next = if self.is_aligned() { header(fresh) } else { self.header() };
        next.map(|(message, _)| message)
    }

    /// The next whole message, if it lies at the front of `fresh` and nothing is inside: it needs no room here. Otherwise all of
    /// `fresh` is added, for [`Self::next`].
    pub(crate) fn next_of<'a>(&mut self, fresh: &mut &'a [u8]) -> Result<Option<(HandshakeType, &'a [u8])>, Reason> {
        if self.is_aligned()
            && let Some((message, length)) = header(fresh)
        {
            // A message that was in parts has been handed out; what lies in place would keep its bytes here for long.
            self.release();
            self.check(message, length)?;
            if let Some((whole, rest)) = fresh.split_at_checked(HEADER_LEN + length) {
                *fresh = rest;
                return Ok(Some((message, whole)));
            }
            self.is_checked = true;
        }
        if !fresh.is_empty() {
            self.push(mem::take(fresh));
        }
        Ok(None)
    }

    /// The next whole message: its type, and where it lies with its header. Its length is held against its limit before any
    /// of it is waited for; after an error nothing more is to be asked.
    pub(crate) fn next(&mut self) -> Result<Option<(HandshakeType, Range<usize>)>, Reason> {
        let Some((message, length)) = self.header() else { return Ok(None) };
        if !self.is_checked {
            self.check(message, length)?;
            self.is_checked = true;
        }
        let end = self.start + HEADER_LEN + length;
        if end > self.buffer.len() {
            return Ok(None);
        }
        let range = self.start..end;
        self.start = end;
        self.is_checked = false;
        Ok(Some((message, range)))
    }

    /// The bytes at a range that [`Self::next`] gave since the last [`Self::push`] or [`Self::next_of`].
    pub(crate) fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.buffer.get(range).unwrap_or_default()
    }

    /// Whether no byte is left, neither of a whole message nor of a part, so that keys may change here
    /// (RFC 5246 §7.1).
    #[inline]
    pub(crate) fn is_aligned(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// Gives the memory back, if nothing is left.
    pub(crate) fn release(&mut self) {
        if self.is_aligned() {
            self.discard();
        }
    }

    /// Gives the memory back, whatever is left.
    pub(crate) fn discard(&mut self) {
        self.buffer = Vec::new();
        self.start = 0;
        self.is_checked = false;
    }

    /// The handshake is over: what comes from now on is counted anew.
    pub(crate) fn renew(&mut self) {
        self.release();
        self.other_left = self.limits.other;
    }

    /// Type and length of the next message, once its header is there.
    fn header(&self) -> Option<(HandshakeType, usize)> {
        header(self.buffer.get(self.start..)?)
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

/// Type and length of a message, once its header is there.
fn header(bytes: &[u8]) -> Option<(HandshakeType, usize)> {
    let [message, a, b, c] = *bytes.first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    Some((HandshakeType(message), length))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    fn message(message: HandshakeType, body: &[u8]) -> Vec<u8> {
        let [_, length @ ..] = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[message.0][..], &length, body].concat()
    }

    fn join() -> Join {
        Join::new(MessageLimits { certificate: 3000, certificate_status: 2000, other: 1000 })
    }

    fn too_long(message: HandshakeType, length: usize, limit: usize, setting: &'static str) -> Result<usize, Reason> {
        Err(Reason::MessageTooLong { message, length, limit, setting })
    }

    /// Takes all whole messages.
    fn take(join: &mut Join) -> Result<Vec<(HandshakeType, Vec<u8>)>, Reason> {
        let mut whole = Vec::new();
        while let Some((message, range)) = join.next()? {
            whole.push((message, join.bytes(range).to_vec()));
        }
        Ok(whole)
    }

    /// How many whole messages come out when this is added.
    fn push(join: &mut Join, bytes: &[u8]) -> Result<usize, Reason> {
        join.push(bytes);
        take(join).map(|whole| whole.len())
    }

    proptest! {
        #[test]
        fn messages_come_whole_out_of_any_fragments(
            bodies in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..400)), 0..12),
            cuts in prop::collection::vec(prop_oneof![0usize..8, 0usize..1500], 0..40),
        ) {
            let mut join = Join::new(MessageLimits { certificate: 400, certificate_status: 400, other: 12 * 400 });
            let whole: Vec<(HandshakeType, Vec<u8>)> = bodies
                .into_iter()
                .map(|(number, body)| (HandshakeType(number), message(HandshakeType(number), &body)))
                .collect();
            let stream: Vec<u8> = whole.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
            let ends: Vec<usize> = whole
                .iter()
                .scan(0, |at, (_, bytes)| {
                    *at += bytes.len();
                    Some(*at)
                })
                .collect();
            let (mut got, mut at) = (Vec::new(), 0);
            for size in cuts.into_iter().chain([stream.len()]) {
                let end = stream.len().min(at + size);
                join.push(&stream[at..end]);
                at = end;
                got.extend(take(&mut join).unwrap());
                prop_assert_eq!(got.len(), ends.iter().filter(|end| **end <= at).count(), "as soon as it is whole");
                prop_assert_eq!(join.is_aligned(), at == 0 || ends.contains(&at));
                prop_assert!(join.buffer.len() <= 404 + size, "what was handed out is forgotten");
            }
            prop_assert_eq!(got, whole);
            join.release();
            prop_assert_eq!(join.buffer.capacity(), 0);
        }
    }

    /// Whole messages, and why there are no more of them.
    type Taken = (Vec<(HandshakeType, Vec<u8>)>, Option<Reason>);

    /// By [`Join::push`] and [`Join::next`] alone.
    fn by_push(join: &mut Join, fragment: &[u8], taken: &mut Taken) {
        join.push(fragment);
        loop {
            match join.next() {
                Ok(Some((message, range))) => taken.0.push((message, join.bytes(range).to_vec())),
                Ok(None) => return,
                Err(reason) => return taken.1 = Some(reason),
            }
        }
    }

    /// As a handshake does: where the messages lie. When `pauses` says so, the rest of the record is kept for later.
    fn in_place(join: &mut Join, mut fresh: &[u8], pauses: &mut impl Iterator<Item = bool>, taken: &mut Taken) {
        loop {
            let peeked = join.peek_with(fresh);
            let message = match join.next_of(&mut fresh) {
                Ok(Some((message, bytes))) => Ok(Some((message, bytes.to_vec()))),
                Ok(None) => join.next().map(|next| next.map(|(message, range)| (message, join.bytes(range).to_vec()))),
                Err(reason) => Err(reason),
            };
            match message {
                Ok(Some((message, bytes))) => {
                    assert!(peeked.is_none_or(|peeked| peeked == message), "{peeked:?} is not {message}");
                    taken.0.push((message, bytes));
                }
                Ok(None) => return assert!(fresh.is_empty(), "what is no whole message is kept"),
                Err(reason) => return taken.1 = Some(reason),
            }
            if pauses.next().unwrap_or_default() && !fresh.is_empty() {
                join.push(mem::take(&mut fresh));
            }
        }
    }

    proptest! {
        #[test]
        fn messages_in_place_are_those_that_were_pushed_and_limits_are_the_same(
            bodies in prop::collection::vec((prop_oneof![Just(11), Just(22), Just(0), any::<u8>()], 0_usize..300), 0..12),
            cuts in prop::collection::vec(prop_oneof![0usize..8, 0usize..1500], 0..40),
            pauses in prop::collection::vec(any::<bool>(), 12),
        ) {
            let limits = MessageLimits { certificate: 290, certificate_status: 280, other: 1200 };
            let (mut pushed, mut placed) = (Join::new(limits), Join::new(limits));
            let message = |(index, (number, length)): (usize, &(u8, usize))| {
                message(HandshakeType(*number), &vec![u8::try_from(index).unwrap(); *length])
            };
            let stream: Vec<u8> = bodies.iter().enumerate().flat_map(message).collect();
            let (mut expected, mut got) = (Taken::default(), Taken::default());
            let (mut at, mut last, mut pauses) = (0, 0, pauses.into_iter());
            for size in cuts.into_iter().chain([stream.len()]) {
                let end = stream.len().min(at + size);
                by_push(&mut pushed, &stream[at..end], &mut expected);
                in_place(&mut placed, &stream[at..end], &mut pauses, &mut got);
                last = if end > at { end - at } else { last };
                at = end;
                prop_assert_eq!(&got, &expected);
                if got.1.is_some() {
                    break;
                }
                prop_assert_eq!(placed.is_aligned(), pushed.is_aligned());
                prop_assert_eq!(placed.peek(), pushed.peek());
                prop_assert!(placed.buffer.len() <= 304 + last, "what was handed out is forgotten with the next record");
            }
        }
    }

    #[test]
    fn a_message_that_lies_whole_in_its_record_needs_no_room() {
        let mut join = join();
        let record = [message(HandshakeType::SERVER_HELLO, &[1; 50]), message(HandshakeType::CERTIFICATE, &[2; 3000])];
        let record = record.concat();
        let mut fresh = &record[..];
        for (kind, length) in [(HandshakeType::SERVER_HELLO, 54), (HandshakeType::CERTIFICATE, 3004)] {
            assert_eq!(join.peek_with(fresh), Some(kind));
            let place = fresh.as_ptr();
            let (message, bytes) = join.next_of(&mut fresh).unwrap().expect("a whole message");
            assert_eq!((message, bytes.len(), bytes.as_ptr()), (kind, length, place));
        }
        assert_eq!(join.next_of(&mut fresh), Ok(None));
        assert_eq!((join.is_aligned(), join.buffer.capacity()), (true, 0));
    }

    #[test]
    fn behind_what_is_kept_nothing_is_taken_in_place() {
        let mut join = join();
        let message = message(HandshakeType::SERVER_HELLO, b"body");
        let record = [&message[2..], &message].concat();
        assert_eq!(join.next_of(&mut &message[..2]), Ok(None));
        assert_eq!(join.peek_with(&record), None, "the header is not whole yet");
        let mut fresh = &record[..];
        assert_eq!(join.next_of(&mut fresh), Ok(None));
        assert!(fresh.is_empty());
        assert_eq!(take(&mut join).map(|whole| whole.len()), Ok(2));
    }

    #[test]
    fn each_limit_is_held_at_the_header_wherever_that_ends() {
        for (kind, limit, setting) in [
            (HandshakeType::CERTIFICATE, 3000, "message_limits.certificate"),
            (HandshakeType::CERTIFICATE_STATUS, 2000, "message_limits.certificate_status"),
            (HandshakeType::CLIENT_HELLO, 1000, "message_limits.other"),
            (HandshakeType::HELLO_REQUEST, 1000, "message_limits.other"),
            (HandshakeType(99), 1000, "message_limits.other"),
        ] {
            let fits = message(kind, &vec![0; limit]);
            let long = message(kind, &vec![0; limit + 1]);
            assert_eq!(push(&mut join(), &fits), Ok(1));
            let expected = too_long(kind, limit + 1, limit, setting);
            assert_eq!(push(&mut join(), &long[..4]), expected);
            // Cut within the header.
            let mut cut = join();
            assert_eq!(push(&mut cut, &long[..3]), Ok(0));
            assert_eq!(push(&mut cut, &long[3..4]), expected);
            // Behind another message, in the same record.
            let behind = [&message(HandshakeType::SERVER_HELLO_DONE, b"")[..], &long[..4]].concat();
            assert_eq!(push(&mut join(), &behind), expected);
        }
    }

    #[test]
    fn a_message_of_sixteen_megabytes_is_never_held() {
        let mut join = join();
        assert!(push(&mut join, &[11, 0xff, 0xff, 0xff]).is_err());
        assert!(join.buffer.capacity() < 100);
    }

    #[test]
    fn the_limit_of_all_other_messages_is_for_their_sum() {
        let mut join = join();
        for (kind, length) in [
            (HandshakeType::SERVER_HELLO, 300),
            (HandshakeType::CERTIFICATE, 3000),
            (HandshakeType::HELLO_REQUEST, 900),
            (HandshakeType::CERTIFICATE_STATUS, 2000),
            (HandshakeType::SERVER_KEY_EXCHANGE, 600),
            (HandshakeType::FINISHED, 100),
            (HandshakeType::SERVER_HELLO_DONE, 0),
        ] {
            assert_eq!(push(&mut join, &message(kind, &vec![0; length])), Ok(1), "{kind}");
        }
        let expected = too_long(HandshakeType::FINISHED, 1, 0, "message_limits.other");
        assert_eq!(push(&mut join, &message(HandshakeType::FINISHED, b"x")), expected);
        let mut renewed = Join::new(MessageLimits { other: 1000, ..MessageLimits::client() });
        assert_eq!(push(&mut renewed, &message(HandshakeType::SERVER_HELLO, &[0; 1000])), Ok(1));
        renewed.renew();
        assert_eq!(push(&mut renewed, &message(HandshakeType::SERVER_HELLO, &[0; 1000])), Ok(1), "the next handshake");
    }

    #[test]
    fn a_part_of_a_message_or_a_whole_one_not_taken_is_not_aligned() {
        let mut join = join();
        assert!(join.is_aligned());
        join.push(&[20]);
        assert!(!join.is_aligned());
        assert_eq!(join.next(), Ok(None));
        join.release();
        join.push(&[0, 0, 0]);
        assert!(!join.is_aligned());
        assert_eq!(join.next(), Ok(Some((HandshakeType::FINISHED, 0..4))));
        assert!(join.is_aligned());
    }

    #[test]
    fn the_defaults_are_those_that_the_documentation_states() {
        let client = MessageLimits { certificate: 32 * 1024, certificate_status: 8 * 1024, other: 8 * 1024 };
        assert_eq!(MessageLimits::client(), client);
        assert_eq!(MessageLimits::server(), MessageLimits { certificate: 16 * 1024, ..client });
    }
}
