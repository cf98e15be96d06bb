//! Records as a peer makes and reads them (RFC 5246 §6), written apart from `record/` so that the two check each other.

use alloc::vec::Vec;

use crate::alert::{AlertDescription, AlertLevel};
use crate::crypto::{AeadAlgorithm, OpeningKey, SealingKey};
use crate::message::ContentType;

/// The version that records of TLS 1.2 name.
pub(super) const VERSION: u16 = 0x0303;

/// One direction: what protects the next record.
pub(super) struct Protection<K> {
    key: Option<K>,
    sequence: u64,
}

impl<K> Protection<K> {
    pub(super) fn none() -> Self {
        Protection { key: None, sequence: 0 }
    }

    pub(super) fn with(key: K) -> Self {
        Protection { key: Some(key), sequence: 0 }
    }

    pub(super) fn is_on(&self) -> bool {
        self.key.is_some()
    }
}

impl Protection<SealingKey> {
    /// A whole record.
    pub(super) fn record(&mut self, content_type: ContentType, content: &[u8]) -> Vec<u8> {
        let fragment = match &self.key {
            None => content.to_vec(),
            Some(key) => {
                let (explicit, nonce) = nonce(key.algorithm(), key.iv(), self.sequence, self.sequence);
                let mut sealed = content.to_vec();
                let aad = additional_data(self.sequence, content_type, content.len());
                let tag = key.seal_in_place(nonce, &aad, &mut sealed).expect("a record can be sealed");
                self.sequence += 1;
                [&explicit[..], &sealed, &tag].concat()
            }
        };
        bare_record(content_type, VERSION, &fragment)
    }
}

impl Protection<OpeningKey> {
    /// The content of a record's fragment; that it can be opened is part of every test.
    pub(super) fn open(&mut self, content_type: ContentType, fragment: &[u8]) -> Vec<u8> {
        let Some(key) = &self.key else { return fragment.to_vec() };
        let explicit_len = key.algorithm().explicit_nonce_len();
        let (explicit, sealed) = fragment.split_at(explicit_len);
        let variable = explicit.first_chunk().map_or(self.sequence, |explicit| u64::from_be_bytes(*explicit));
        assert!(explicit.is_empty() || variable == self.sequence, "an explicit nonce is the sequence number");
        let (_, nonce) = nonce(key.algorithm(), key.iv(), self.sequence, variable);
        let mut content = sealed.to_vec();
        let aad = additional_data(self.sequence, content_type, sealed.len() - AeadAlgorithm::TAG_LEN);
        let length =
            key.open_in_place(nonce, &aad, &mut content).expect("the record opens with the keys of the handshake");
        content.truncate(length);
        self.sequence += 1;
        content
    }
}

/// The explicit part and the whole of the nonce (RFC 5288 §3, RFC 7905 §2).
fn nonce(algorithm: AeadAlgorithm, iv: &[u8; 12], sequence: u64, variable: u64) -> (Vec<u8>, [u8; 12]) {
    match algorithm {
        AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm => {
            let explicit = variable.to_be_bytes().to_vec();
            let nonce = [&iv[..4], &explicit[..]].concat().try_into().expect("4 and 8 bytes");
            (explicit, nonce)
        }
        AeadAlgorithm::ChaCha20Poly1305 => {
            let padded = [&[0; 4], &sequence.to_be_bytes()[..]].concat();
            let mixed: Vec<u8> = iv.iter().zip(&padded).map(|(a, b)| a ^ b).collect();
            (Vec::new(), mixed.try_into().expect("12 bytes"))
        }
    }
}

/// RFC 5246 §6.2.3.3.
fn additional_data(sequence: u64, content_type: ContentType, length: usize) -> [u8; 13] {
    let length = u16::try_from(length).expect("a record's length").to_be_bytes();
    let parts: [&[u8]; 4] = [&sequence.to_be_bytes(), &[content_type.0], &VERSION.to_be_bytes(), &length];
    parts.concat().try_into().expect("13 bytes")
}

/// A record with any header, unprotected.
pub(super) fn bare_record(content_type: ContentType, version: u16, fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).expect("a record's length").to_be_bytes();
    [&[content_type.0], &version.to_be_bytes()[..], &length, fragment].concat()
}

/// The records in `bytes`: content type and fragment of each.
pub(super) fn records(mut bytes: &[u8]) -> Vec<(ContentType, Vec<u8>)> {
    let mut records = Vec::new();
    while let Some(([content_type, major, _, high, low], rest)) = bytes.split_first_chunk() {
        assert_eq!(*major, 3, "the record names a version of TLS");
        let (fragment, rest) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        records.push((ContentType(*content_type), fragment.to_vec()));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "the output ends with a whole record");
    records
}

/// The content of an alert record.
pub(super) fn alert(level: AlertLevel, description: AlertDescription) -> [u8; 2] {
    [level.code(), description.0]
}
