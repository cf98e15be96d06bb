//! What the path of a certificate has to fulfil beside webpki's own rules.

use alloc::vec::Vec;

use ::webpki::{EndEntityCert, Error, VerifiedPath};
use pki_types::CertificateDer;

use super::glance::Glance;
use crate::crypto::{KeyAlgorithm, RSA_BITS};
use crate::error::CertificateError;
use crate::identity::view::bad_encoding;

/// Webpki builds no longer paths.
const MAX_INTERMEDIATES: usize = 6;

/// The steps from a certificate to a possible issuer, over all ways up, that are tried at most.
const MAX_WAYS_UP: usize = 1000;

/// What a check of a signature costs grows with the cube of the key's size, and the peer chooses the size.
pub(super) fn check_key_size(key: KeyAlgorithm) -> Result<(), CertificateError> {
    match key {
        KeyAlgorithm::Rsa { bits } if !RSA_BITS.contains(&bits) => {
            Err(CertificateError::RsaKeySize { bits, least: *RSA_BITS.start(), most: *RSA_BITS.end() })
        }
        _ => Ok(()),
    }
}

/// Whether the ways up from `leaf` by the names of issuers alone are few.
///
/// Webpki's own budget counts certificates that it puts on a path, but for each it looks at all that were sent: 32 KiB
/// of certificates, layered so that each has many issuers, keep it busy for seconds. Real chains have a handful of ways.
pub(super) fn has_few_ways_up(leaf: &EndEntityCert<'_>, others: &[CertificateDer<'_>]) -> bool {
    fn climb(issuer: &[u8], others: &[EndEntityCert<'_>], length: usize, budget: &mut usize) -> Option<()> {
        let Some(length) = length.checked_sub(1) else { return Some(()) };
        for next in others.iter().filter(|other| other.subject() == issuer) {
            *budget = budget.checked_sub(1)?;
            climb(next.issuer(), others, length, budget)?;
        }
        Some(())
    }
    // What webpki cannot parse it does not use.
    let others: Vec<_> = others.iter().filter_map(|other| EndEntityCert::try_from(other).ok()).collect();
    climb(leaf.issuer(), &others, MAX_INTERMEDIATES, &mut { MAX_WAYS_UP }).is_some()
}

/// RFC 5280 §6.1.4 (n): the key usage of an issuer, if it has one, holds keyCertSign. Webpki leaves that out.
pub(super) fn issuers_may_sign_certificates(path: &VerifiedPath<'_>) -> Result<(), Error> {
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        let issuer = Glance::at(&der).map_err(|_| Error::BadDer)?;
        let usage = issuer.key_usage().map_err(|_| Error::ExtensionValueInvalid)?;
        if usage.is_some_and(|usage| !usage.has_key_cert_sign()) {
            return Err(Error::EndEntityUsedAsCa);
        }
    }
    Ok(())
}

/// RFC 7633 §4.2.2: a certificate promises all the TLS features that those above it promise.
pub(super) fn check_features(leaf: &Glance<'_>, path: &VerifiedPath<'_>) -> Result<(), CertificateError> {
    let promised = leaf.features().map_err(bad_encoding)?;
    for issuer in path.intermediate_certificates() {
        let der = issuer.der();
        let wanted = Glance::at(&der).and_then(|issuer| issuer.features()).map_err(bad_encoding)?;
        if !wanted.iter().all(|wanted| promised.contains(wanted)) {
            let rule = "it lacks a TLS feature that its issuer demands (RFC 7633 §4.2.2)";
            return Err(CertificateError::Constraint(rule));
        }
    }
    Ok(())
}
