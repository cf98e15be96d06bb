//! Protection of records by an AEAD (RFC 5246 §6.2.3.3), with the nonces of RFC 5288 §3 and RFC 7905 §2.

use alloc::vec::Vec;
use core::ops::Range;

use super::header::{HEADER_LEN, Header};
use crate::crypto::{AeadAlgorithm, OpeningKey, SealingKey};
use crate::error::Reason;
use crate::message::{ContentType, ProtocolVersion};

/// The current write state (RFC 5246 §6.1): before the first ChangeCipherSpec it has no key.
pub(super) struct WriteState {
    pub(super) key: Option<SealingKey>,
    /// Of the next record.
    pub(super) sequence: u64,
}

impl WriteState {
    pub(super) fn unprotected() -> Self {
        WriteState { key: None, sequence: 0 }
    }

    pub(super) fn protected(key: SealingKey) -> Self {
        WriteState { key: Some(key), sequence: 0 }
    }

    #[inline]
    pub(super) fn is_protected(&self) -> bool {
        self.key.is_some()
    }

    /// Bytes of a record before its content: the header and the explicit nonce.
    #[inline]
    pub(super) fn prefix_len(&self) -> usize {
        HEADER_LEN + self.key.as_ref().map_or(0, |key| key.algorithm().explicit_nonce_len())
    }

    /// Bytes of a record behind its content: the tag.
    #[inline]
    pub(super) fn suffix_len(&self) -> usize {
        self.key.as_ref().map_or(0, |_| AeadAlgorithm::TAG_LEN)
    }

    /// How many more records the key may protect (RFC 9325 §4.4).
    #[inline]
    pub(super) fn records_left(&self) -> u64 {
        self.key.as_ref().map_or(u64::MAX, |key| key.algorithm().record_limit().saturating_sub(self.sequence))
    }

    /// Completes a record in place. `record` is all of it, with room for what stands before and behind the content.
    #[inline]
    pub(super) fn seal(
        &mut self,
        content_type: ContentType,
        version: ProtocolVersion,
        record: &mut [u8],
    ) -> Result<(), Reason> {
        self.complete(content_type, version, record, |key, nonce, aad, sealed| {
            let (content, tag) = sealed.split_last_chunk_mut()?;
            *tag = key.seal_in_place(nonce, aad, content).ok()?;
            Some(())
        })
    }

    /// As [`Self::seal`], with application data that stands somewhere else. It never goes without a key.
    #[inline]
    pub(super) fn seal_data(&mut self, data: &[u8], record: &mut [u8]) -> Result<(), Reason> {
        if !self.is_protected() {
            return Err(not_sealed());
        }
        self.complete(ContentType::APPLICATION_DATA, ProtocolVersion::TLS_1_2, record, |key, nonce, aad, sealed| {
            key.seal_scatter(nonce, aad, data, sealed).ok()
        })
    }

    /// Appends a record of TLS 1.2 to `out`; on an error `out` is as it was.
    #[inline]
    pub(super) fn append(
        &mut self,
        content_type: ContentType,
        content: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let start = out.len();
        out.resize(start + self.prefix_len(), 0);
        out.extend_from_slice(content);
        out.resize(out.len() + self.suffix_len(), 0);
        self.seal(content_type, ProtocolVersion::TLS_1_2, out.get_mut(start..).unwrap_or_default())
            .inspect_err(|_| out.truncate(start))
    }

    /// Writes what stands before the content; `protect` gets the nonce, the additional data, and the place of content and tag.
    #[inline]
    fn complete(
        &mut self,
        content_type: ContentType,
        version: ProtocolVersion,
        record: &mut [u8],
        protect: impl FnOnce(&SealingKey, [u8; 12], &[u8; 13], &mut [u8]) -> Option<()>,
    ) -> Result<(), Reason> {
        // The limit is at most u64::MAX, so the sequence number never wraps (RFC 5246 §6.1).
        if self.records_left() == 0 {
            return Err(Reason::KeyLimit);
        }
        let Some((header, fragment)) = write_header(content_type, version, record) else { return Err(not_sealed()) };
        let Some(key) = &self.key else { return Ok(()) };
        let sealed = seal_fragment(key, self.sequence, header, fragment, protect);
        // Also if that failed half way: a nonce never comes twice.
        self.sequence += 1;
        sealed.ok_or_else(not_sealed)
    }
}

#[inline]
fn write_header(content_type: ContentType, version: ProtocolVersion, record: &mut [u8]) -> Option<(Header, &mut [u8])> {
    let (place, fragment) = record.split_first_chunk_mut()?;
    let header = Header { content_type, version, length: u16::try_from(fragment.len()).ok()? };
    *place = header.to_bytes();
    Some((header, fragment))
}

#[inline]
fn seal_fragment(
    key: &SealingKey,
    sequence: u64,
    header: Header,
    fragment: &mut [u8],
    protect: impl FnOnce(&SealingKey, [u8; 12], &[u8; 13], &mut [u8]) -> Option<()>,
) -> Option<()> {
    let (explicit, sealed) = fragment.split_at_mut_checked(key.algorithm().explicit_nonce_len())?;
    // An explicit nonce is the sequence number (RFC 5288 §3 allows it): it cannot come twice under one key.
    if let Some(place) = explicit.first_chunk_mut() {
        *place = sequence.to_be_bytes();
    }
    let length = u16::try_from(sealed.len().checked_sub(AeadAlgorithm::TAG_LEN)?).ok()?;
    let aad = additional_data(sequence, Header { length, ..header });
    protect(key, nonce(key.iv(), sequence), &aad, sealed)
}

/// The current read state (RFC 5246 §6.1): before the first ChangeCipherSpec it has no key.
pub(super) struct ReadState {
    pub(super) key: Option<OpeningKey>,
    /// Of the next record.
    pub(super) sequence: u64,
}

impl ReadState {
    pub(super) fn unprotected() -> Self {
        ReadState { key: None, sequence: 0 }
    }

    pub(super) fn protected(key: OpeningKey) -> Self {
        ReadState { key: Some(key), sequence: 0 }
    }

    /// Bytes of a fragment that are not its plaintext: the explicit nonce and the tag.
    #[inline]
    pub(super) fn expansion(&self) -> usize {
        self.key.as_ref().map_or(0, |key| key.algorithm().explicit_nonce_len() + AeadAlgorithm::TAG_LEN)
    }

    /// Decrypts a record's fragment in place and says where in it the plaintext lies.
    #[inline]
    pub(super) fn open(&mut self, header: Header, fragment: &mut [u8]) -> Result<Range<usize>, Reason> {
        let Some(key) = &self.key else { return Ok(0..fragment.len()) };
        // RFC 5246 §6.1: sequence numbers do not wrap.
        let Some(next) = self.sequence.checked_add(1) else { return Err(Reason::KeyLimit) };
        let Some(plaintext) = open(key, self.sequence, header, fragment) else {
            return Err(Reason::BadRecordMac { sequence: self.sequence });
        };
        self.sequence = next;
        Ok(plaintext)
    }
}

#[cold]
fn not_sealed() -> Reason {
    Reason::Local { what: "the AEAD", why: "it could not seal a record".into() }
}

#[inline]
fn open(key: &OpeningKey, sequence: u64, header: Header, fragment: &mut [u8]) -> Option<Range<usize>> {
    let start = key.algorithm().explicit_nonce_len();
    let (explicit, sealed) = fragment.split_at_mut_checked(start)?;
    // The explicit nonce is the peer's choice; without one the sequence number takes its place.
    let variable = explicit.first_chunk().map_or(sequence, |explicit| u64::from_be_bytes(*explicit));
    let plain = Header { length: u16::try_from(sealed.len().checked_sub(AeadAlgorithm::TAG_LEN)?).ok()?, ..header };
    let length = key.open_in_place(nonce(key.iv(), variable), &additional_data(sequence, plain), sealed).ok()?;
    Some(start..start + length)
}

/// The nonce of AES-GCM is `iv[4] || variable[8]` (RFC 5288 §3), that of ChaCha20-Poly1305 `iv[12]` XOR the variable
/// part, padded on the left (RFC 7905 §2). With zeros behind the shorter iv they are the same.
#[inline]
fn nonce(iv: &[u8; 12], variable: u64) -> [u8; 12] {
    let [a, b, c, d, xored @ ..] = *iv;
    let [e, f, g, h, i, j, k, l] = (u64::from_be_bytes(xored) ^ variable).to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

/// RFC 5246 §6.2.3.3: `seq_num + TLSCompressed.type + TLSCompressed.version + TLSCompressed.length`.
#[inline]
fn additional_data(sequence: u64, plain: Header) -> [u8; 13] {
    let [a, b, c, d, e, f, g, h] = sequence.to_be_bytes();
    let [content_type, major, minor, high, low] = plain.to_bytes();
    [a, b, c, d, e, f, g, h, content_type, major, minor, high, low]
}
