//! What webpki found wrong, in our words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ::webpki::Error;
use pki_types::CertificateDer;
use x509_parser::asn1_rs::Oid;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::glance::Glance;
use crate::error::CertificateError;
use crate::identity::view::printable;

/// Of a certificate that is refused, an error names so many names, and an issuer of so many bytes.
const MOST_NAMES: usize = 16;
const LONGEST_NAME: usize = 1024;

/// What webpki found wrong with `certificates`, the peer's own first.
pub(super) fn explain(error: Error, certificates: &[CertificateDer<'_>]) -> CertificateError {
    let glances = || certificates.iter().filter_map(|certificate| Glance::at(certificate).ok());
    let bad_encoding = |problem: &str| CertificateError::BadEncoding(problem.into());
    match error {
        Error::CertExpired { time, not_after } => {
            CertificateError::Expired { now: time.as_secs(), not_after: not_after.as_secs() }
        }
        Error::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYet { now: time.as_secs(), not_before: not_before.as_secs() }
        }
        Error::UnknownIssuer => CertificateError::UnknownIssuer { issuer: last_issuer(glances()) },
        Error::CertNotValidForName(context) => CertificateError::WrongName {
            wanted: context.expected.to_str().into(),
            names: glances().next().map(|leaf| some_names(&leaf)).unwrap_or_default(),
        },
        Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => CertificateError::ExtendedKeyUsage,
        Error::CertRevoked => CertificateError::Revoked,
        Error::UnknownRevocationStatus => CertificateError::RevocationUnknown,
        Error::CrlExpired { time, next_update } => {
            CertificateError::CrlExpired { now: time.as_secs(), next_update: next_update.as_secs() }
        }
        Error::InvalidCrlSignatureForPublicKey => {
            CertificateError::Refused("our list of revoked certificates has a wrong signature".into())
        }
        Error::IssuerNotCrlSigner => CertificateError::Constraint(
            "an issuer in the path may not issue lists of revoked certificates (RFC 5280 §4.2.1.3)",
        ),
        Error::UnsupportedCrlSignatureAlgorithmContext(context) => CertificateError::UnsupportedAlgorithm(
            algorithm("signature", &context.signature_algorithm_id) + " of our list of revoked certificates",
        ),
        Error::CertDistrusted => CertificateError::Refused("its key, or one above it, is known to be misused".into()),
        Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded => CertificateError::TooComplex,
        Error::UnsupportedSignatureAlgorithmContext(context) => {
            CertificateError::UnsupportedAlgorithm(algorithm("signature", &context.signature_algorithm_id))
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => CertificateError::UnsupportedAlgorithm(
            algorithm("signature", &context.signature_algorithm_id)
                + " by "
                + &algorithm("key", &context.public_key_algorithm_id)
                + "; is there a root of the same name with a key of another type?",
        ),
        Error::UnsupportedCriticalExtension => {
            CertificateError::Constraint("a critical extension is not known here (RFC 5280 §4.2)")
        }
        Error::CaUsedAsEndEntity => CertificateError::Constraint(
            "the certificate is that of an authority, which is neither for servers nor for clients",
        ),
        Error::EndEntityUsedAsCa => CertificateError::Constraint(
            "an issuer in the path may not issue certificates (RFC 5280 §4.2.1.9, §4.2.1.3)",
        ),
        Error::PathLenConstraintViolated => CertificateError::Constraint(
            "the path is longer than an issuer's pathLenConstraint allows (RFC 5280 §4.2.1.9)",
        ),
        Error::NameConstraintViolation => {
            CertificateError::Constraint("an issuer's name constraints do not allow the names (RFC 5280 §4.2.1.10)")
        }
        Error::BadDerTime => bad_encoding("a time is malformed"),
        Error::InvalidCertValidity => bad_encoding("its validity ends before it starts"),
        Error::InvalidSerialNumber => bad_encoding("its serial number is malformed"),
        Error::SignatureAlgorithmMismatch => bad_encoding("it names two different signature algorithms"),
        Error::MalformedExtensions | Error::ExtensionValueInvalid => bad_encoding("an extension is malformed"),
        Error::MalformedDnsIdentifier => bad_encoding("a DNS name is malformed"),
        Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => {
            bad_encoding("a name constraint is malformed")
        }
        Error::TrailingData(_) => bad_encoding("bytes are left over behind a value"),
        Error::UnsupportedCertVersion => bad_encoding("its version is not 3"),
        Error::BadDer => bad_encoding("it is not DER"),
        // What is left concerns how CRLs are made, which was checked before, and kinds of names that we don't ask for.
        other => CertificateError::Refused(format!("{other}")),
    }
}

/// The issuer at which the way up ends: the peer sent no certificate of that name.
fn last_issuer<'a>(glances: impl Iterator<Item = Glance<'a>>) -> String {
    let top = glances.reduce(|below, glance| if glance.subject == below.issuer { glance } else { below });
    top.map(|glance| name(glance.issuer)).unwrap_or_default()
}

/// The text of a Name.
fn name(der: &[u8]) -> String {
    if der.len() > LONGEST_NAME {
        return format!("a name of {} bytes", der.len());
    }
    X509Name::from_der(der).map(|(_, name)| printable(&name.to_string())).unwrap_or_default()
}

/// The names that a certificate covers: the first of them, if a stranger put in thousands.
fn some_names(leaf: &Glance<'_>) -> Vec<String> {
    let mut names: Vec<_> = leaf.names().take(MOST_NAMES).collect();
    let more = leaf.names().count() - names.len();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names
}

/// The name of an AlgorithmIdentifier (the content of the SEQUENCE), or its object identifier.
fn algorithm(kind: &str, identifier: &[u8]) -> String {
    match Oid::from_der(identifier) {
        Ok((_, oid)) => match oid2sn(&oid, oid_registry()) {
            Ok(name) => format!("{kind} algorithm {name}"),
            Err(_) => format!("{kind} algorithm {oid}"),
        },
        Err(_) => format!("malformed {kind} algorithm"),
    }
}
