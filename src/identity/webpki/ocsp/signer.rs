//! Who signed an OCSP response: the issuer of the certificate, or one that it named for that (RFC 6960 §4.2.2.2).

use alloc::boxed::Box;
use core::slice;

use ::webpki::{EndEntityCert, KeyUsage};
use pki_types::{CertificateDer, UnixTime};

use super::response::{Responder, Response};
use super::{Issuer, key_parts};
use crate::crypto::{Backend, PublicKey, sha1_name};
use crate::error::{CertificateError, OcspError};
use crate::identity::view;
use crate::identity::webpki::explain::explain;
use crate::identity::webpki::glance::{Glance, content};
use crate::identity::webpki::path::key_of_accepted_size;

/// RFC 6960 §4.2.2.2: the content of id-kp-OCSPSigning.
const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];

/// Whoever the response names signed it, and may.
pub(super) fn check(
    backend: Backend,
    response: &Response<'_>,
    issuer: &Issuer<'_>,
    now: UnixTime,
) -> Result<(), OcspError> {
    let by_issuer = is_named(backend, &response.responder, &issuer.anchor.subject, issuer.key);
    if by_issuer && is_signed(backend, response, issuer.key_algorithm, issuer.key) {
        return Ok(());
    }
    // The first that has the name, and no other: a stranger does not choose how many signatures we check.
    let is_delegate = |certificate: &&[u8]| is_delegate(backend, certificate, &response.responder, issuer);
    match response.certificates().find(is_delegate) {
        Some(delegate) => check_delegate(backend, response, issuer, delegate, now),
        None if by_issuer => Err(OcspError::BadSignature),
        None => Err(OcspError::UnknownSigner),
    }
}

/// RFC 6960 §4.2.2.2: its certificate is issued directly by the issuer, and says that it is for signing responses.
fn check_delegate(
    backend: Backend,
    response: &Response<'_>,
    issuer: &Issuer<'_>,
    delegate: &[u8],
    now: UnixTime,
) -> Result<(), OcspError> {
    let refused = |error| OcspError::Delegate(Box::new(error));
    let certificate = CertificateDer::from(delegate);
    let explained = |error| refused(explain(error, slice::from_ref(&certificate)));
    let key = key_of_accepted_size(&certificate).map_err(refused)?;
    let end_entity = EndEntityCert::try_from(&certificate).map_err(explained)?;
    end_entity
        .verify_for_usage(
            backend.webpki_algorithms(),
            slice::from_ref(issuer.anchor),
            &[],
            now,
            KeyUsage::required(OCSP_SIGNING),
            None,
            None,
        )
        .map_err(explained)?;
    let bad_encoding = |error| refused(view::bad_encoding(error));
    let usage = Glance::at(delegate).and_then(|delegate| delegate.key_usage()).map_err(bad_encoding)?;
    // RFC 5280 §4.2.1.3: an OCSP response is signed with digitalSignature.
    if usage.is_some_and(|usage| !usage.has_digital_signature()) {
        return Err(refused(CertificateError::KeyUsage));
    }
    let (algorithm, key) = content(key.spki()).and_then(key_parts).map_err(bad_encoding)?;
    if is_signed(backend, response, algorithm, key) { Ok(()) } else { Err(OcspError::BadSignature) }
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
