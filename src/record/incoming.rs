use core::ops::Range;

use super::header::{HEADER_LEN, Header, MAX_FRAGMENT, not_tls};
use super::protect::ReadState;
use crate::crypto::OpeningKey;
use crate::error::Reason;
use crate::message::{ContentType, ProtocolVersion};

/// How many records without content are accepted, one after the other.
pub(crate) const MAX_EMPTY_RECORDS: u8 = 32;

/// How many warning alerts are accepted, one after the other.
pub(crate) const MAX_WARNING_ALERTS: u8 = 4;

/// Takes records from the bytes received: checks the header, decrypts in place, counts what carries nothing.
///
/// After an error the connection is over, and no more may be taken.
pub(crate) struct Incoming {
    pub(super) state: ReadState,
    peer: Peer,
    /// Longest plaintext, in bytes.
    plaintext_limit: u16,
    empty_records: u8,
    warning_alerts: u8,
}

/// What is known of who sends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// Nothing has come yet.
    Unknown,
    /// There was a record.
    SpeaksTls,
    /// The version is agreed on.
    SpeaksTls12,
}

/// How far the receiving side of an established connection is, beside its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Of the next record.
    pub(crate) sequence: u64,
    /// Longest plaintext, in bytes.
    pub(crate) plaintext_limit: u16,
    /// One after the other, at most [`MAX_EMPTY_RECORDS`].
    pub(crate) empty_records: u8,
    /// One after the other, at most [`MAX_WARNING_ALERTS`].
    pub(crate) warning_alerts: u8,
}

/// What was at the front of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Not yet a whole record, and nothing was changed.
    NeedInput {
        /// How many bytes are missing to the whole record, or to its header as long as that is not there.
        missing: usize,
    },
    /// A record, decrypted in place.
    Record {
        content_type: ContentType,
        /// Where in the input the plaintext lies.
        payload: Range<usize>,
        /// Length of the record in the input, in bytes.
        consumed: usize,
    },
}

impl Incoming {
    pub(crate) fn new() -> Self {
        Incoming {
            state: ReadState::unprotected(),
            peer: Peer::Unknown,
            plaintext_limit: MAX_FRAGMENT,
            empty_records: 0,
            warning_alerts: 0,
        }
    }

    /// Of a connection that was dormant.
    pub(crate) fn awake(key: OpeningKey, reached: Reached) -> Self {
        let Reached { sequence, plaintext_limit, empty_records, warning_alerts } = reached;
        let state = ReadState { key: Some(key), sequence };
        Incoming { state, peer: Peer::SpeaksTls12, plaintext_limit, empty_records, warning_alerts }
    }

    /// What a dormant connection keeps.
    pub(crate) fn reached(&self) -> Reached {
        let Incoming { ref state, plaintext_limit, empty_records, warning_alerts, .. } = *self;
        Reached { sequence: state.sequence, plaintext_limit, empty_records, warning_alerts }
    }

    /// The peer's ChangeCipherSpec: what follows is protected by `key`, and counted from 0.
    pub(crate) fn set_key(&mut self, key: OpeningKey) {
        self.state = ReadState::protected(key);
    }

    /// From now on each record has to name TLS 1.2 as its version.
    pub(crate) fn version_agreed(&mut self) {
        self.peer = Peer::SpeaksTls12;
    }

    /// From now on no record may have more plaintext, in bytes (RFC 6066 §4, RFC 8449 §4).
    pub(crate) fn limit_plaintext(&mut self, limit: u16) {
        self.plaintext_limit = limit.min(MAX_FRAGMENT);
    }

    /// Most plaintext that a record may have, in bytes.
    pub(crate) fn plaintext_limit(&self) -> usize {
        self.plaintext_limit.into()
    }

    /// Takes at most one record from the front of `input`.
    #[inline]
    pub(crate) fn take(&mut self, input: &mut [u8]) -> Result<Taken, Reason> {
        let available = input.len();
        let Some((header, body)) = input.split_first_chunk_mut() else {
            return Ok(Taken::NeedInput { missing: HEADER_LEN - available });
        };
        let header = self.check(*header)?;
        let consumed = HEADER_LEN + usize::from(header.length);
        let Some(fragment) = body.get_mut(..usize::from(header.length)) else {
            return Ok(Taken::NeedInput { missing: consumed - available });
        };
        let plaintext = self.state.open(header, fragment)?;
        self.count(header.content_type, plaintext.is_empty())?;
        if self.peer == Peer::Unknown {
            self.peer = Peer::SpeaksTls;
        }
        let payload = HEADER_LEN + plaintext.start..HEADER_LEN + plaintext.end;
        Ok(Taken::Record { content_type: header.content_type, payload, consumed })
    }

    /// Counts a warning alert other than close_notify, and refuses one too many.
    pub(crate) fn count_warning(&mut self) -> Result<(), Reason> {
        if self.warning_alerts == MAX_WARNING_ALERTS {
            return Err(Reason::TooManyWarningAlerts { limit: MAX_WARNING_ALERTS });
        }
        self.warning_alerts += 1;
        Ok(())
    }

    /// Refuses, before the fragment is waited for, what can be seen at the header.
    #[inline]
    fn check(&self, bytes: [u8; HEADER_LEN]) -> Result<Header, Reason> {
        if self.peer == Peer::Unknown
            && let Some(guess) = not_tls(bytes)
        {
            return Err(Reason::NotTls(guess));
        }
        let header = Header::from_bytes(bytes);
        // RFC 5246 §6: an unexpected record type is answered with unexpected_message.
        if !header.has_known_type() {
            return Err(Reason::ContentType(header.content_type));
        }
        // RFC 5246 appendix E.1: whatever 3.x stands before the version is agreed on is accepted.
        let version_fits = match self.peer {
            Peer::Unknown | Peer::SpeaksTls => header.has_tls_version(),
            Peer::SpeaksTls12 => header.version == ProtocolVersion::TLS_1_2,
        };
        if !version_fits {
            return Err(Reason::RecordVersion(header.version));
        }
        // RFC 5246 §6.2.1, §6.2.3: here the expansion is known exactly, so a longer one would decrypt to too much.
        let length = usize::from(header.length);
        let limit = self.plaintext_limit() + self.state.expansion();
        if length > limit {
            return Err(Reason::RecordOverflow { length, limit });
        }
        // RFC 5246 §6.2.3.3: what cannot hold a nonce and a tag cannot be decrypted.
        if length < self.state.expansion() {
            return Err(Reason::BadRecordMac { sequence: self.state.sequence });
        }
        Ok(header)
    }

    /// Empty records and warning alerts keep a connection busy without getting on. Only what carries something clears
    /// the counters, so that neither of the two hides the other.
    #[inline]
    fn count(&mut self, content_type: ContentType, empty: bool) -> Result<(), Reason> {
        if empty {
            if self.empty_records == MAX_EMPTY_RECORDS {
                return Err(Reason::TooManyEmptyRecords { limit: MAX_EMPTY_RECORDS });
            }
            self.empty_records += 1;
        } else if content_type != ContentType::ALERT {
            self.empty_records = 0;
            self.warning_alerts = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::protect::WriteState;
    use super::super::tests::{AEADS, established, keys, take_all};
    use super::*;
    use crate::crypto::AeadAlgorithm;
    use crate::error::NotTls;

    const DATA: ContentType = ContentType::APPLICATION_DATA;
    const ALERT: ContentType = ContentType::ALERT;

    /// A receiver that plays a driver: each alert is a warning. Takes `records`, each a type and a content.
    fn receive(records: impl IntoIterator<Item = (ContentType, &'static [u8])>) -> Result<(), Reason> {
        let aead = AeadAlgorithm::Aes128Gcm;
        let mut write = WriteState::protected(keys(aead).0);
        let (_, mut incoming) = established(aead);
        for (content_type, content) in records {
            let mut wire = Vec::new();
            write.append(content_type, content, &mut wire).unwrap();
            take_all(&mut incoming, wire)?;
            if content_type == ALERT && !content.is_empty() {
                incoming.count_warning()?;
            }
        }
        Ok(())
    }

    fn empty(count: usize) -> Vec<(ContentType, &'static [u8])> {
        vec![(DATA, b""); count]
    }

    fn warnings(count: usize) -> Vec<(ContentType, &'static [u8])> {
        vec![(ALERT, &[1, 90]); count]
    }

    fn header(content_type: u8, version: u16, length: u16) -> [u8; 5] {
        let version = ProtocolVersion(version);
        Header { content_type: ContentType(content_type), version, length }.to_bytes()
    }

    #[test]
    fn thirty_two_empty_records_in_a_row_pass_and_the_next_does_not() {
        let too_many = Err(Reason::TooManyEmptyRecords { limit: 32 });
        assert_eq!(receive(empty(32)), Ok(()));
        assert_eq!(receive(empty(33)), too_many);
        assert_eq!(receive([empty(32), vec![(DATA, b"x")], empty(32)].concat()), Ok(()));
        assert_eq!(receive([empty(32), vec![(DATA, b"x")], empty(33)].concat()), too_many);
        for content_type in [ContentType::HANDSHAKE, ALERT, ContentType::CHANGE_CIPHER_SPEC] {
            assert_eq!(receive(vec![(content_type, &b""[..]); 33]), too_many, "of any type");
        }
    }

    #[test]
    fn four_warnings_in_a_row_pass_and_the_next_does_not() {
        let too_many = Err(Reason::TooManyWarningAlerts { limit: 4 });
        assert_eq!(receive(warnings(4)), Ok(()));
        assert_eq!(receive(warnings(5)), too_many);
        assert_eq!(receive([warnings(4), vec![(ContentType::HANDSHAKE, b"x")], warnings(4)].concat()), Ok(()));
        assert_eq!(receive([warnings(4), vec![(DATA, b"x")], warnings(5)].concat()), too_many);
    }

    #[test]
    fn empty_records_and_warnings_do_not_hide_each_other() {
        let mix = |empties: usize, alerts: usize| {
            (0..empties.max(alerts)).flat_map(move |index| {
                let one = |wanted: usize| usize::from(index < wanted);
                [empty(one(empties)), warnings(one(alerts))].concat()
            })
        };
        assert_eq!(receive(mix(32, 4)), Ok(()));
        assert_eq!(receive(mix(33, 4)), Err(Reason::TooManyEmptyRecords { limit: 32 }));
        assert_eq!(receive(mix(32, 5)), Err(Reason::TooManyWarningAlerts { limit: 4 }));
    }

    #[test]
    fn a_sequence_number_that_would_wrap_is_refused() {
        for aead in AEADS {
            let (sealing, opening) = keys(aead);
            let mut incoming = Incoming::new();
            incoming.state = ReadState { key: Some(opening), sequence: u64::MAX - 1 };
            let mut wire = Vec::new();
            // The limit of AES-GCM binds who sends (RFC 9325 §4.4), so such a record needs a sender without it.
            let mut write = WriteState { key: Some(sealing), sequence: u64::MAX - 1 };
            if aead == AeadAlgorithm::ChaCha20Poly1305 {
                write.append(DATA, b"last", &mut wire).unwrap();
                assert_eq!(take_all(&mut incoming, wire.clone()), Ok(vec![(DATA, b"last".to_vec())]));
            }
            incoming.state.sequence = u64::MAX;
            wire.resize(64, 0);
            wire[..5].copy_from_slice(&header(23, 0x0303, 59));
            assert_eq!(take_all(&mut incoming, wire), Err(Reason::KeyLimit), "{aead:?}");
        }
    }

    #[test]
    fn a_record_that_is_too_long_is_refused_at_its_header() {
        let mut incoming = Incoming::new();
        let fits = incoming.take(&mut header(22, 0x0301, 16384));
        assert_eq!(fits, Ok(Taken::NeedInput { missing: 16384 }));
        let overflow = incoming.take(&mut header(22, 0x0301, 16385));
        assert_eq!(overflow, Err(Reason::RecordOverflow { length: 16385, limit: 16384 }));

        for (aead, expansion) in AEADS.into_iter().zip([24, 24, 16]) {
            let (_, mut incoming) = established(aead);
            let mut at = |length: u16| incoming.take(&mut header(23, 0x0303, length));
            assert_eq!(at(16384 + expansion), Ok(Taken::NeedInput { missing: usize::from(16384 + expansion) }));
            let limit = usize::from(16384 + expansion);
            assert_eq!(at(16385 + expansion), Err(Reason::RecordOverflow { length: limit + 1, limit }));
            incoming.limit_plaintext(512);
            let limit = usize::from(512 + expansion);
            let overflow = incoming.take(&mut header(23, 0x0303, 513 + expansion));
            assert_eq!(overflow, Err(Reason::RecordOverflow { length: limit + 1, limit }));
        }
    }

    #[test]
    fn a_protected_record_without_room_for_nonce_and_tag_is_a_bad_record() {
        for (aead, expansion) in AEADS.into_iter().zip([24, 24, 16]) {
            for length in 0..expansion {
                let (_, mut incoming) = established(aead);
                let result = incoming.take(&mut header(23, 0x0303, length));
                assert_eq!(result, Err(Reason::BadRecordMac { sequence: 0 }), "{aead:?}, {length} bytes");
            }
        }
    }

    #[test]
    fn any_3_x_passes_before_the_version_is_agreed_on_and_1_2_alone_afterwards() {
        for version in [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x03ff] {
            for content_type in [21, 22] {
                let mut incoming = Incoming::new();
                let mut record = [&header(content_type, version, 2)[..], &[1, 2]].concat();
                assert!(matches!(incoming.take(&mut record), Ok(Taken::Record { .. })), "first record, {version:#06x}");
                assert!(matches!(incoming.take(&mut record), Ok(Taken::Record { .. })), "next record, {version:#06x}");
                incoming.version_agreed();
                let result = incoming.take(&mut record);
                if version == 0x0303 {
                    assert!(matches!(result, Ok(Taken::Record { .. })));
                } else {
                    assert_eq!(result, Err(Reason::RecordVersion(ProtocolVersion(version))));
                }
            }
        }
    }

    #[test]
    fn another_major_version_is_refused_at_once_also_behind_the_first_record() {
        let mut incoming = Incoming::new();
        incoming.take(&mut [22, 3, 1, 0, 1, 0]).unwrap();
        let result = incoming.take(&mut header(22, 0x0203, 1));
        assert_eq!(result, Err(Reason::RecordVersion(ProtocolVersion(0x0203))));
    }

    #[test]
    fn what_is_not_tls_is_recognised_by_five_bytes_at_the_start_alone() {
        for length in 0..5 {
            let missing = 5 - length;
            assert_eq!(Incoming::new().take(&mut b"GET /"[..length].to_vec()), Ok(Taken::NeedInput { missing }));
        }
        let not_tls = Incoming::new().take(&mut b"GET / HTTP/1.1\r\n".to_vec());
        assert_eq!(not_tls, Err(Reason::NotTls(NotTls::HttpRequest)));

        let mut incoming = Incoming::new();
        incoming.take(&mut [22, 3, 1, 0, 1, 0]).unwrap();
        assert_eq!(incoming.take(&mut b"GET / HTTP/1.1\r\n".to_vec()), Err(Reason::ContentType(ContentType(b'G'))));
    }

    #[test]
    fn heartbeat_and_unknown_types_are_refused() {
        let (_, mut established) = established(AeadAlgorithm::Aes128Gcm);
        for content_type in (0..20).chain(24..=255) {
            let expected = Err(Reason::ContentType(ContentType(content_type)));
            assert_eq!(established.take(&mut header(content_type, 0x0303, 40)), expected);
        }
        let first = Incoming::new().take(&mut header(24, 0x0303, 40));
        assert_eq!(first, Err(Reason::ContentType(ContentType::HEARTBEAT)), "heartbeat is TLS");
    }
}
