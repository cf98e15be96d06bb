//! Stapled OCSP responses (RFC 6066 §8, RFC 6960): which are asked for, and what they have to say.

mod response;
mod signer;

use alloc::string::ToString;
use core::slice;

use ::webpki::{VerifiedPath, anchor_from_trusted_cert};
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Reader, SliceReader};
use pki_types::{TrustAnchor, UnixTime};

use self::response::{Answer, CertId, CertStatus, IdHash, Response};
use super::explain::explain;
use super::glance::Glance;
use crate::crypto::{Backend, sha1_name, sha256};
use crate::error::{CertificateError, OcspError};
use crate::identity::Peer;

/// What a client makes of the OCSP responses that servers staple to their certificates (RFC 6066 §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OcspPolicy {
    /// It does not ask for them.
    Ignore,
    /// It asks. A response that comes has to be right; one has to come if the certificate says so (RFC 7633).
    #[default]
    Check,
    /// It asks, and a right response has to come.
    Required,
}

/// The settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ocsp {
    pub(super) policy: OcspPolicy,
    /// How far `thisUpdate` may lie in the future, in seconds.
    pub(super) skew: u64,
    /// How old a response without `nextUpdate` may be, in seconds.
    pub(super) max_age: u64,
}

impl Default for Ocsp {
    fn default() -> Self {
        Ocsp { policy: OcspPolicy::default(), skew: 5 * 60, max_age: 24 * 60 * 60 }
    }
}

/// The issuer of the certificate in the verified path.
pub(super) struct Issuer<'a> {
    pub(super) anchor: &'a TrustAnchor<'a>,
    /// The content of the AlgorithmIdentifier of its key.
    pub(super) key_algorithm: &'a [u8],
    /// The content of the key's bit string.
    pub(super) key: &'a [u8],
}

impl<'a> Issuer<'a> {
    fn new(anchor: &'a TrustAnchor<'a>) -> der::Result<Self> {
        let (key_algorithm, key) = key_parts(&anchor.subject_public_key_info)?;
        Ok(Issuer { anchor, key_algorithm, key })
    }
}

/// The content of the AlgorithmIdentifier, and the key, in the content of a SubjectPublicKeyInfo (RFC 5280 §4.1).
pub(super) fn key_parts(spki: &[u8]) -> der::Result<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(spki)?;
    let algorithm = AnyRef::decode(&mut reader)?.value();
    let key = BitStringRef::decode(&mut reader)?;
    Ok((algorithm, reader.finish().map(|()| key.raw_bytes())?))
}

impl Ocsp {
    /// Checks what the server stapled to `leaf`, to which `path` leads.
    pub(super) fn check(
        self,
        backend: Backend,
        peer: &Peer<'_>,
        leaf: &Glance<'_>,
        path: &VerifiedPath<'_>,
    ) -> Result<(), CertificateError> {
        match peer.ocsp_response {
            _ if self.policy == OcspPolicy::Ignore => Ok(()),
            Some(response) => match path.intermediate_certificates().next() {
                Some(above) => {
                    let above = above.der();
                    let issuer = anchor_from_trusted_cert(&above);
                    let issuer = issuer.map_err(|error| explain(error, slice::from_ref(&above)))?;
                    self.check_response(backend, response, peer.now, leaf, &issuer)
                }
                None => self.check_response(backend, response, peer.now, leaf, path.anchor()),
            },
            // RFC 6066 §8: a session that is resumed has no CertificateStatus.
            None if peer.resumed => Ok(()),
            None if self.policy == OcspPolicy::Required => Err(CertificateError::MissingOcspResponse),
            // RFC 7633 §4.3.3: the server does what its certificate promises, where we asked.
            None if leaf.must_staple().map_err(bad_encoding)? => Err(CertificateError::MissingOcspResponse),
            None => Ok(()),
        }
    }

    fn check_response(
        self,
        backend: Backend,
        response: &[u8],
        now: UnixTime,
        leaf: &Glance<'_>,
        issuer: &TrustAnchor<'_>,
    ) -> Result<(), CertificateError> {
        let response = Response::read(response)?;
        let issuer = Issuer::new(issuer).map_err(bad_encoding)?;
        let answer = find(backend, &response, leaf, &issuer)?;
        signer::check(backend, &response, &issuer, now)?;
        self.check_times(&answer, now.as_secs())?;
        match answer.status {
            CertStatus::Good => Ok(()),
            CertStatus::Revoked => Err(CertificateError::Revoked),
            CertStatus::Unknown => Err(OcspError::UnknownCertificate.into()),
        }
    }

    /// RFC 6960 §3.2, §4.2.2.1.
    fn check_times(self, answer: &Answer<'_>, now: u64) -> Result<(), OcspError> {
        let this_update = answer.this_update;
        if this_update > now.saturating_add(self.skew) {
            return Err(OcspError::NotValidYet { now, this_update });
        }
        let until = answer.next_update.unwrap_or_else(|| this_update.saturating_add(self.max_age));
        if until < now { Err(OcspError::Expired { now, until }) } else { Ok(()) }
    }
}

/// The first answer that is about `leaf` (RFC 6960 §3.2).
fn find<'a>(
    backend: Backend,
    response: &Response<'a>,
    leaf: &Glance<'_>,
    issuer: &Issuer<'_>,
) -> Result<Answer<'a>, OcspError> {
    for answer in response.answers() {
        let answer = answer?;
        if is_about(backend, &answer.id, leaf, issuer) {
            return Ok(answer);
        }
    }
    Err(OcspError::OtherCertificate)
}

/// RFC 6960 §4.1.1: by the hashes of the issuer's name and key, and the serial number.
fn is_about(backend: Backend, id: &CertId<'_>, leaf: &Glance<'_>, issuer: &Issuer<'_>) -> bool {
    let is_hash_of = |hash: &[u8], of: &[u8]| match id.hash {
        Some(IdHash::Sha1) => sha1_name(backend, of).as_ref() == hash,
        Some(IdHash::Sha256) => sha256(backend, of) == hash,
        None => false,
    };
    id.serial == leaf.serial && is_hash_of(id.issuer_name, leaf.issuer) && is_hash_of(id.issuer_key, issuer.key)
}

fn bad_encoding(error: der::Error) -> CertificateError {
    CertificateError::BadEncoding(error.to_string())
}
