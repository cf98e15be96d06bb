//! Who signed an OCSP response: the issuer of the certificate, or one that it named for that (RFC 6960 §4.2.2.2).

use alloc::boxed::Box;
use core::slice;

use ::webpki::{EndEntityCert, KeyUsage};
use pki_types::CertificateDer;

use super::response::{Responder, Response};
use super::{Asked, Issuer, key_parts};
use crate::crypto::{Backend, PublicKey, sha1_name};
use crate::error::{CertificateError, OcspError};
use crate::identity::view;
use crate::identity::webpki::crl::Revocation;
use crate::identity::webpki::explain::explain;
use crate::identity::webpki::glance::{Glance, content};
use crate::identity::webpki::path::check_key_size;

/// So many certificates of the responder's name are tried, such as an old and a new one: a stranger does not choose how many
/// signatures we check.
const MOST_DELEGATES: usize = 3;

/// RFC 6960 §4.2.2.2: the content of id-kp-OCSPSigning.
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];

/// Whoever the response names signed it, and may.
pub(super) fn check(response: &Response<'_>, asked: &Asked<'_>) -> Result<(), OcspError> {
    let (backend, issuer) = (asked.backend, asked.issuer);
    let by_issuer = is_named(backend, &response.responder, &issuer.anchor.subject, issuer.key);
    if by_issuer && is_signed(backend, response, issuer.key_algorithm, issuer.key) {
        return Ok(());
    }
    let mut why = if by_issuer { Err(OcspError::BadSignature) } else { Err(OcspError::UnknownSigner) };
    let is_delegate = |certificate: &&[u8]| is_delegate(backend, certificate, &response.responder, issuer);
    for (index, delegate) in response.certificates().filter(is_delegate).take(MOST_DELEGATES).enumerate() {
        match check_delegate(response, asked, delegate) {
            Ok(()) => return Ok(()),
            Err(error) if index == 0 => why = Err(error),
            Err(_) => {}
        }
    }
    why
}

/// RFC 6960 §4.2.2.2: its certificate is issued directly by the issuer, and says that it is for signing responses.
fn check_delegate(response: &Response<'_>, asked: &Asked<'_>, delegate: &[u8]) -> Result<(), OcspError> {
    let refused = |error| OcspError::Delegate(Box::new(error));
    let bad_encoding = |error| refused(view::bad_encoding(error));
    let certificate = CertificateDer::from(delegate);
    let explained = |error| refused(explain(error, slice::from_ref(&certificate)));
    let key = PublicKey::from_certificate(&certificate).map_err(refused)?;
    check_key_size(key.algorithm()).map_err(refused)?;
    let end_entity = EndEntityCert::try_from(&certificate).map_err(explained)?;
    let glance = Glance::at(delegate).map_err(bad_encoding)?;
    let mut revocation = asked.revocation;
    if let Some(revocation) = &mut revocation {
        // RFC 6960 §4.2.2.2.1: with id-pkix-ocsp-nocheck no list has to know it. One that does counts.
        revocation.policy.allow_unknown |= glance.has_ocsp_nocheck().map_err(bad_encoding)?;
    }
    let path = end_entity
        .verify_for_usage(
            asked.backend.webpki_algorithms(),
            slice::from_ref(asked.issuer.anchor),
            &[],
            asked.now,
            KeyUsage::required(OCSP_SIGNING),
            revocation.map(Revocation::options).transpose().map_err(refused)?,
            None,
        )
        .map_err(explained)?;
    if let Some(revocation) = revocation {
        revocation.check(&path).map_err(refused)?;
    }
    // RFC 5280 §4.2.1.3: an OCSP response is signed with digitalSignature.
    if glance.key_usage().map_err(bad_encoding)?.is_some_and(|usage| !usage.has_digital_signature()) {
        return Err(refused(CertificateError::KeyUsage));
    }
    let (algorithm, key) = content(key.spki()).and_then(key_parts).map_err(bad_encoding)?;
    if is_signed(asked.backend, response, algorithm, key) { Ok(()) } else { Err(OcspError::BadSignature) }
}

/// By the algorithms that certificates are verified with, none of which has SHA-1.
fn is_signed(backend: Backend, response: &Response<'_>, key_algorithm: &[u8], key: &[u8]) -> bool {
    let fits = |algorithm: &&&dyn pki_types::SignatureVerificationAlgorithm| {
        algorithm.signature_alg_id().as_ref() == response.algorithm
            && algorithm.public_key_alg_id().as_ref() == key_algorithm
    };
    let algorithm = backend.webpki_algorithms().iter().find(fits);
    algorithm.is_some_and(|algorithm| algorithm.verify_signature(key, response.signed, response.signature).is_ok())
}

/// Whether the certificate is that of the responder, who is not the issuer itself.
fn is_delegate(backend: Backend, certificate: &[u8], responder: &Responder<'_>, issuer: &Issuer<'_>) -> bool {
    let certificate = CertificateDer::from(certificate);
    let (Ok(glance), Ok(key)) = (Glance::at(&certificate), PublicKey::from_certificate(&certificate)) else {
        return false;
    };
    let (subject, key) = (content(glance.subject), content(key.spki()).and_then(key_parts));
    matches!((subject, key), (Ok(subject), Ok((_, key)))
        if key != issuer.key && is_named(backend, responder, subject, key))
}

/// Whether the responder is the one with this name (without its tag) and key.
fn is_named(backend: Backend, responder: &Responder<'_>, subject: &[u8], key: &[u8]) -> bool {
    match responder {
        Responder::Name(name) => content(name).is_ok_and(|name| name == subject),
        Responder::KeyHash(hash) => sha1_name(backend, key).as_ref() == *hash,
    }
}
