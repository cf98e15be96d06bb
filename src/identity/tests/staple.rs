//! OCSP responses made for the occasion (RFC 6960 §4.2.1), also such as no responder would make.

use alloc::vec::Vec;

use pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};
use rcgen::{KeyPair, SigningKey};

use super::authority::Authority;
use crate::crypto::{Backend, certificate_issuer, sha1_name, sha256};

pub(super) const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
pub(super) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// The status of a certificate, as it stands in an answer.
pub(super) const GOOD: &[u8] = &[0x80, 0];
pub(super) const UNKNOWN: &[u8] = &[0x82, 0];

pub(super) fn revoked() -> Vec<u8> {
    tlv(0xa1, &[&tlv(0x18, &[b"20250101000000Z"])])
}

/// A tag, the length of all `parts`, and these.
pub(super) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match (content.len(), length) {
        (0..0x80, [_, length]) => [tag, length].to_vec(),
        (0x80..0x100, [_, length]) => [tag, 0x81, length].to_vec(),
        (_, [high, low]) => [tag, 0x82, high, low].to_vec(),
    };
    [head, content].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, parts)
}

/// Extensions with one that nobody knows.
pub(super) fn extensions(critical: bool) -> Vec<u8> {
    let flag = if critical { tlv(0x01, &[&[0xff]]) } else { Vec::new() };
    tlv(0xa1, &[&sequence(&[&sequence(&[&tlv(0x06, &[&[0x2a, 3, 4]]), &flag, &tlv(0x04, &[&[5, 0]])])])])
}

/// What a response says about one certificate.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) hash: &'static [u8],
    /// The issuer's Name, as DER.
    pub(super) issuer_name: Vec<u8>,
    /// The issuer's key: the content of its bit string.
    pub(super) issuer_key: Vec<u8>,
    pub(super) serial: Vec<u8>,
    pub(super) status: Vec<u8>,
    pub(super) this_update: &'static str,
    pub(super) next_update: Option<&'static str>,
    pub(super) extensions: Vec<u8>,
}

impl Answer {
    /// That `leaf` with this serial number, issued by `authority`, is good: for the half hour before and after the tests' now.
    pub(super) fn good(leaf: &CertificateDer<'_>, serial: u16, authority: &Authority) -> Self {
        Answer {
            hash: SHA1,
            issuer_name: certificate_issuer(leaf).unwrap().to_vec(),
            issuer_key: authority.issuer.key().public_key_raw().to_vec(),
            serial: serial.to_be_bytes().to_vec(),
            status: GOOD.to_vec(),
            this_update: "20250615143640Z",
            next_update: Some("20250615153640Z"),
            extensions: Vec::new(),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let hash = |bytes: &[u8]| match self.hash {
            SHA1 => sha1_name(Backend::default(), bytes).as_ref().to_vec(),
            _ => sha256(Backend::default(), bytes).to_vec(),
        };
        let id = sequence(&[
            &sequence(&[&tlv(0x06, &[self.hash]), &[5, 0]]),
            &tlv(0x04, &[&hash(&self.issuer_name)]),
            &tlv(0x04, &[&hash(&self.issuer_key)]),
            &tlv(0x02, &[&self.serial]),
        ]);
        let next_update = self.next_update.map(|time| tlv(0xa0, &[&tlv(0x18, &[time.as_bytes()])])).unwrap_or_default();
        let this_update = tlv(0x18, &[self.this_update.as_bytes()]);
        sequence(&[&id, &self.status, &this_update, &next_update, &self.extensions])
    }
}

/// Whom a response names as its signer.
#[derive(Clone)]
pub(super) enum Responder {
    /// By the DER of its Name.
    Name(Vec<u8>),
    /// By its key.
    Key(Vec<u8>),
}

impl Responder {
    pub(super) fn key(key: &KeyPair) -> Self {
        Responder::Key(key.public_key_raw().to_vec())
    }
}

/// A response; its fields are there to be spoilt.
#[derive(Clone)]
pub(super) struct Staple {
    pub(super) status: u8,
    pub(super) response_type: &'static [u8],
    pub(super) version: Vec<u8>,
    pub(super) responder: Responder,
    pub(super) answers: Vec<Answer>,
    pub(super) extensions: Vec<u8>,
    /// Of the signature.
    pub(super) algorithm: AlgorithmIdentifier,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl Staple {
    pub(super) fn new(responder: Responder, answer: Answer) -> Self {
        Staple {
            status: 0,
            response_type: BASIC,
            version: Vec::new(),
            responder,
            answers: [answer].into(),
            extensions: Vec::new(),
            algorithm: alg_id::ECDSA_SHA256,
            certificates: Vec::new(),
        }
    }

    pub(super) fn signed(&self, key: &KeyPair) -> Vec<u8> {
        let status = tlv(0x0a, &[&[self.status]]);
        if self.status != 0 {
            return sequence(&[&status]);
        }
        let responder = match &self.responder {
            Responder::Name(name) => tlv(0xa1, &[name]),
            Responder::Key(key) => tlv(0xa2, &[&tlv(0x04, &[sha1_name(Backend::default(), key).as_ref()])]),
        };
        let answers: Vec<_> = self.answers.iter().map(Answer::encode).collect();
        let produced = tlv(0x18, &[b"20250615143640Z"]);
        let data = sequence(&[&self.version, &responder, &produced, &sequence(&[&answers.concat()]), &self.extensions]);
        let signature = tlv(0x03, &[&[0], &key.sign(&data).unwrap()]);
        let certificates = self.certificates.iter().map(AsRef::as_ref).collect::<Vec<&[u8]>>();
        let certificates = match certificates.as_slice() {
            [] => Vec::new(),
            some => tlv(0xa0, &[&sequence(some)]),
        };
        let basic = sequence(&[&data, &sequence(&[&self.algorithm]), &signature, &certificates]);
        let bytes = sequence(&[&tlv(0x06, &[self.response_type]), &tlv(0x04, &[&basic])]);
        sequence(&[&status, &tlv(0xa0, &[&bytes])])
    }
}
