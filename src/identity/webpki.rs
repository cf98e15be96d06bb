//! The default verifier: paths, names and extended key usage by `rustls-webpki`; the key usage, which that leaves out, is
//! read in place.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::{fmt, slice};

use ::webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath, anchor_from_trusted_cert};
use pki_types::{CertificateDer, TrustAnchor};
use x509_parser::asn1_rs::Oid;
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::glance::Glance;
use super::view::{bad_encoding, printable};
use crate::crypto::{Backend, KeyAlgorithm, PublicKey, RSA_BITS};
use crate::decision::Decision;
use crate::error::{CertificateError, ConfigError};
use crate::identity::{Peer, Verified, VerifyPeer};

/// Webpki builds no longer paths.
const MAX_INTERMEDIATES: usize = 6;

/// Of a certificate that is refused, an error names so many names, and an issuer of so many bytes.
const MOST_NAMES: usize = 16;
const LONGEST_NAME: usize = 1024;

/// The steps from a certificate to a possible issuer, over all ways up, that are tried at most.
const MAX_WAYS_UP: usize = 1000;

/// Accepts a server whose certificate leads to one of our roots, covers the name that was asked for and may sign.
///
/// What it checks, in this order:
/// 1. every RSA key that the peer sent has 2048 to 8192 bits, before any signature is looked at;
/// 2. a path leads to a root: signatures, validity, basic constraints, name constraints, key usage and extended key
///    usage (RFC 5280 §6.1). At most 1000 steps from a certificate to a possible issuer and 100 signatures are tried;
/// 3. the certificate covers the name or address that was asked for (RFC 6125 §6.4; the subject's CN never counts);
/// 4. its key usage, if it has one, holds digitalSignature (RFC 5280 §4.2.1.3).
///
/// Revocation is not checked.
pub struct WebPkiVerifier {
    backend: Backend,
    roots: Vec<TrustAnchor<'static>>,
}

impl WebPkiVerifier {
    /// Trusts the certificates `roots`: their names, keys and name constraints. Their own validity does not count.
    ///
    /// # Errors
    /// There is no root, or one cannot be read.
    pub fn new<'r>(roots: impl IntoIterator<Item = CertificateDer<'r>>) -> Result<Self, ConfigError> {
        let anchors = roots.into_iter().enumerate().map(|(index, root)| {
            let anchor = anchor_from_trusted_cert(&root).map_err(|error| {
                let problem = explain(error, slice::from_ref(&root));
                ConfigError::new("roots", format!("certificate {index}: {problem}; is it DER?"))
            })?;
            Ok(anchor.to_owned())
        });
        let roots = anchors.collect::<Result<Vec<_>, ConfigError>>()?;
        if roots.is_empty() {
            return Err(ConfigError::new("roots", "there is no certificate to trust"));
        }
        Ok(WebPkiVerifier { backend: Backend::default(), roots })
    }

    /// Checks signatures with `backend`.
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        WebPkiVerifier { backend, ..self }
    }

    fn check(&self, peer: &Peer<'_>) -> Result<Verified, CertificateError> {
        let certificates: Vec<_> = peer.certificates.iter().collect();
        let keys = certificates.iter().map(key_of_accepted_size).collect::<Result<Vec<_>, _>>()?;
        let (Some((leaf, others)), Some(key)) = (certificates.split_first(), keys.into_iter().next()) else {
            return Err(CertificateError::Refused("there is none".into()));
        };
        let Some(server_name) = peer.server_name else {
            return Err(CertificateError::Refused("no name was asked for that it could cover".into()));
        };

        let explained = |error| explain(error, &certificates);
        let end_entity = EndEntityCert::try_from(leaf).map_err(explained)?;
        if !has_few_ways_up(&end_entity, others) {
            return Err(CertificateError::TooComplex);
        }
        let path = end_entity
            .verify_for_usage(
                self.backend.webpki_algorithms(),
                &self.roots,
                others,
                peer.now,
                KeyUsage::server_auth(),
                None,
                Some(&issuers_may_sign_certificates),
            )
            .map_err(explained)?;
        end_entity.verify_is_valid_for_subject_name(server_name).map_err(explained)?;

        let leaf = Glance::at(leaf).map_err(bad_encoding)?;
        // RFC 5280 §4.2.1.3: digitalSignature, for keys that verify signatures other than those on certificates and
        // CRLs. All key exchanges of this library sign (RFC 5246 §7.4.2).
        if leaf.key_usage().map_err(bad_encoding)?.is_some_and(|usage| !usage.has_digital_signature()) {
            return Err(CertificateError::KeyUsage);
        }
        let mut not_after = leaf.not_after;
        for issuer in path.intermediate_certificates() {
            not_after = not_after.min(Glance::at(&issuer.der()).map_err(bad_encoding)?.not_after);
        }
        Ok(Verified::new(key).until(not_after))
    }
}

impl VerifyPeer for WebPkiVerifier {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Now(self.check(peer))
    }
}

impl fmt::Debug for WebPkiVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebPkiVerifier({} roots, {:?})", self.roots.len(), self.backend)
    }
}

/// What a check of a signature costs grows with the cube of the key's size, and the peer chooses the size.
fn key_of_accepted_size(certificate: &CertificateDer<'_>) -> Result<PublicKey, CertificateError> {
    let key = PublicKey::from_certificate(certificate)?;
    match key.algorithm() {
        KeyAlgorithm::Rsa { bits } if !RSA_BITS.contains(&bits) => {
            Err(CertificateError::RsaKeySize { bits, least: *RSA_BITS.start(), most: *RSA_BITS.end() })
        }
        _ => Ok(key),
    }
}

/// Whether the ways up from `leaf` by the names of issuers alone are few.
///
/// Webpki's own budget counts certificates that it puts on a path, but for each it looks at all that were sent: 32 KiB
/// of certificates, layered so that each has many issuers, keep it busy for seconds. Real chains have a handful of ways.
fn has_few_ways_up(leaf: &EndEntityCert<'_>, others: &[CertificateDer<'_>]) -> bool {
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
fn issuers_may_sign_certificates(path: &VerifiedPath<'_>) -> Result<(), Error> {
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

/// What webpki found wrong with `certificates`, the peer's own first.
fn explain(error: Error, certificates: &[CertificateDer<'_>]) -> CertificateError {
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
        Error::CaUsedAsEndEntity => {
            CertificateError::Constraint("the certificate is that of an authority, which is not for servers")
        }
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
        // What is left concerns CRLs and kinds of names, neither of which we ask for.
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
