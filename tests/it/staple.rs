//! OCSP responses by the authority of these tests (RFC 6960 §4.2.1).

use rcgen::{PublicKeyData, SigningKey};
use sha2::{Digest, Sha256};
use tls12::{VerifyPeer, WebPkiVerifier};

use crate::credentials::authority;
use crate::given::Ed25519Key;

/// The serial number of the certificates by the authority.
pub(crate) const SERIAL: u8 = 2;

/// What a response says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Status {
    Good,
    Revoked,
}

fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content].concat()
}

/// That the certificate with this number has this status, from the day before the tests' now to three days after it.
pub(crate) fn response(serial: u8, status: Status) -> Vec<u8> {
    let sequence = |parts: &[&[u8]]| tlv(0x30, parts);
    let time = |time: &str| tlv(0x18, &[time.as_bytes()]);
    // The authority's key.
    let key = Ed25519Key::new(99).pair();
    let name = WebPkiVerifier::new([authority().root()]).unwrap().authorities().remove(0);
    let sha256 = sequence(&[&tlv(6, &[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]])]);
    let hash = |bytes: &[u8]| tlv(4, &[&Sha256::digest(bytes)]);
    let id = sequence(&[&sha256, &hash(&name), &hash(key.der_bytes()), &tlv(2, &[&[serial]])]);
    let status = match status {
        Status::Good => tlv(0x80, &[]),
        Status::Revoked => tlv(0xa1, &[&time("20250601000000Z")]),
    };
    let next_update = tlv(0xa0, &[&time("20260104000000Z")]);
    let answer = sequence(&[&id, &status, &time("20251231000000Z"), &next_update]);
    let data = sequence(&[&tlv(0xa1, &[&name]), &time("20251231000000Z"), &sequence(&[&answer])]);
    let ed25519 = sequence(&[&tlv(6, &[&[0x2b, 0x65, 0x70]])]);
    let signature = tlv(3, &[&[0], &key.sign(&data).unwrap()]);
    let basic = sequence(&[&data, &ed25519, &signature]);
    let basic_type = tlv(6, &[&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01]]);
    sequence(&[&tlv(0x0a, &[&[0]]), &tlv(0xa0, &[&sequence(&[&basic_type, &tlv(4, &[&basic])])])])
}
