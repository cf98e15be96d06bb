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
use super::crl::Revocation;
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
    /// Checks what the server stapled to `leaf`, to which `path` leads. Returns until when that counts (seconds since 1970-01-01
    /// 00:00 UTC), if anything was to be checked.
    pub(super) fn check(
        self,
        backend: Backend,
        peer: &Peer<'_>,
        leaf: &Glance<'_>,
        path: &VerifiedPath<'_>,
        revocation: Option<Revocation<'_>>,
    ) -> Result<Option<u64>, CertificateError> {
        let check = |response, issuer: &TrustAnchor<'_>| {
            let issuer = Issuer::new(issuer).map_err(bad_encoding)?;
            let asked = Asked { backend, leaf, issuer: &issuer, now: peer.now, revocation };
            Ok(Some(self.check_response(response, &asked)?))
        };
        match peer.ocsp_response {
            _ if self.policy == OcspPolicy::Ignore => Ok(None),
            Some(response) => match path.intermediate_certificates().next() {
                Some(above) => {
                    let above = above.der();
                    let issuer = anchor_from_trusted_cert(&above);
                    check(response, &issuer.map_err(|error| explain(error, slice::from_ref(&above)))?)
                }
                None => check(response, path.anchor()),
            },
            // RFC 6066 §8: a session that is resumed has no CertificateStatus.
            None if peer.resumed => Ok(None),
            None if self.policy == OcspPolicy::Required => Err(CertificateError::MissingOcspResponse),
            // RFC 7633 §4.3.3: the server does what its certificate promises, where we asked.
            None if leaf.must_staple().map_err(bad_encoding)? => Err(CertificateError::MissingOcspResponse),
            None => Ok(None),
        }
    }

    fn check_response(self, response: &[u8], asked: &Asked<'_>) -> Result<u64, OcspError> {
        let response = Response::read(response)?;
        asked.is_answered_by(&response)?;
        signer::check(&response, asked)?;
        self.judge(response.answers(), asked)
    }

    /// Until when what the answers about the certificate say is that it is good. An issuer may know several things about one
    /// certificate; that it is revoked outweighs the others, and what does not count now does not spoil what does.
    fn judge<'a>(
        self,
        answers: impl Iterator<Item = Result<Answer<'a>, OcspError>>,
        asked: &Asked<'_>,
    ) -> Result<u64, OcspError> {
        let (mut good, mut wrong) = (None, None);
        for answer in answers {
            let answer = answer?;
            if !asked.is_about(&answer.id) {
                continue;
            }
            match self.check_times(&answer, asked.now.as_secs()) {
                Ok(until) => match answer.status {
                    CertStatus::Revoked => return Err(OcspError::Revoked),
                    CertStatus::Good => good = Some(good.map_or(until, |good: u64| good.min(until))),
                    CertStatus::Unknown => wrong = wrong.or(Some(OcspError::UnknownCertificate)),
                },
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        good.ok_or_else(|| wrong.unwrap_or(OcspError::OtherCertificate))
    }

    /// RFC 6960 §3.2, §4.2.2.1: the answer counts now, and until when it does.
    fn check_times(self, answer: &Answer<'_>, now: u64) -> Result<u64, OcspError> {
        let this_update = answer.this_update;
        let until = answer.next_update.unwrap_or_else(|| this_update.saturating_add(self.max_age));
        if until < this_update {
            return Err(OcspError::BadEncoding("nextUpdate lies before thisUpdate".into()));
        }
        if this_update > now.saturating_add(self.skew) {
            return Err(OcspError::NotValidYet { now, this_update });
        }
        if until < now { Err(OcspError::Expired { now, until }) } else { Ok(until) }
    }
}

/// What a response has to be about, and by whom.
pub(super) struct Asked<'a> {
    pub(super) backend: Backend,
    leaf: &'a Glance<'a>,
    pub(super) issuer: &'a Issuer<'a>,
    pub(super) now: UnixTime,
    pub(super) revocation: Option<Revocation<'a>>,
}

impl Asked<'_> {
    /// An answer of `response` is about the certificate (RFC 6960 §3.2).
    fn is_answered_by(&self, response: &Response<'_>) -> Result<(), OcspError> {
        let mut why = OcspError::OtherCertificate;
        for answer in response.answers() {
            let id = answer?.id;
            if self.is_about(&id) {
                return Ok(());
            }
            if id.hash.is_none() && id.serial == self.leaf.serial {
                why = OcspError::UnknownHash;
            }
        }
        Err(why)
    }

    /// RFC 6960 §4.1.1: by the hashes of the issuer's name and key, and the serial number.
    fn is_about(&self, id: &CertId<'_>) -> bool {
        let is_hash_of = |hash: &[u8], of: &[u8]| match id.hash {
            Some(IdHash::Sha1) => sha1_name(self.backend, of).as_ref() == hash,
            Some(IdHash::Sha256) => sha256(self.backend, of) == hash,
            None => false,
        };
        id.serial == self.leaf.serial
            && is_hash_of(id.issuer_key, self.issuer.key)
            && is_hash_of(id.issuer_name, self.leaf.issuer)
    }
}

fn bad_encoding(error: der::Error) -> CertificateError {
    CertificateError::BadEncoding(error.to_string())
}
