use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{List, OcspError};
use crate::alert::AlertDescription;
use crate::date::Date;

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// The certificate cannot be parsed.
    BadEncoding(String),
    /// `not_after` lies in the past. Times are seconds since 1970-01-01 00:00 UTC.
    Expired {
        /// The time of the check.
        now: u64,
        /// The end of validity.
        not_after: u64,
    },
    /// `not_before` lies in the future. Times are seconds since 1970-01-01 00:00 UTC.
    NotValidYet {
        /// The time of the check.
        now: u64,
        /// The start of validity.
        not_before: u64,
    },
    /// No path leads from the certificate to a root that we trust.
    UnknownIssuer {
        /// The issuer that the certificate names.
        issuer: String,
    },
    /// The certificate is for other names.
    WrongName {
        /// The name that was asked for.
        wanted: String,
        /// The names that the certificate covers.
        names: Vec<String>,
    },
    /// The certificate, or one above it, was revoked: one of our lists says so. (What a stapled response says is
    /// [`OcspError::Revoked`].)
    Revoked,
    /// None of our lists of revoked certificates says anything about it, or about one above it.
    RevocationUnknown,
    /// Our list of revoked certificates is too old. Times are seconds since 1970-01-01 00:00 UTC.
    CrlExpired {
        /// The time of the check.
        now: u64,
        /// When the next list was due.
        next_update: u64,
    },
    /// No key in the path is one that is pinned.
    NotPinned {
        /// SHA-256 of each SubjectPublicKeyInfo in the path, the peer's own first.
        keys: Vec<[u8; 32]>,
    },
    /// The raw public key (RFC 7250) is none that is trusted, or not for this server.
    UnknownKey {
        /// SHA-256 of the SubjectPublicKeyInfo.
        sha256: [u8; 32],
    },
    /// The OCSP response that the server stapled is not satisfactory (RFC 6066 §8).
    OcspResponse(OcspError),
    /// The server stapled no OCSP response, though its certificate promises one (RFC 7633 §4.3.3), or our policy wants one.
    MissingOcspResponse,
    /// A signature in the path is wrong.
    BadSignature,
    /// The certificate's key usage does not allow what the handshake needs (RFC 5280 §4.2.1.3).
    KeyUsage,
    /// The certificate's extended key usage does not allow this role (RFC 5280 §4.2.1.12).
    ExtendedKeyUsage,
    /// An RSA key has fewer bits than allowed, or more.
    RsaKeySize {
        /// Size of the modulus.
        bits: usize,
        /// The fewest that are accepted.
        least: usize,
        /// The most that are accepted.
        most: usize,
    },
    /// The key's type, curve or the algorithm of a signature is one that this library does not know.
    UnsupportedAlgorithm(String),
    /// The path breaks this rule of path validation (RFC 5280 §6.1).
    Constraint(&'static str),
    /// The path is too long or too complex to be checked within the budget.
    TooComplex,
    /// Whoever verifies refused it, for a reason of its own.
    Refused(String),
}

impl CertificateError {
    /// The alert of RFC 5246 §7.2.2 that says so.
    #[must_use]
    pub fn alert(&self) -> AlertDescription {
        match self {
            CertificateError::BadEncoding(_) => AlertDescription::DECODE_ERROR,
            CertificateError::Expired { .. } | CertificateError::NotValidYet { .. } => {
                AlertDescription::CERTIFICATE_EXPIRED
            }
            CertificateError::UnknownIssuer { .. } => AlertDescription::UNKNOWN_CA,
            CertificateError::Revoked => AlertDescription::CERTIFICATE_REVOKED,
            CertificateError::OcspResponse(_) | CertificateError::MissingOcspResponse => {
                AlertDescription::BAD_CERTIFICATE_STATUS_RESPONSE
            }
            CertificateError::UnsupportedAlgorithm(_) => AlertDescription::UNSUPPORTED_CERTIFICATE,
            CertificateError::RevocationUnknown
            | CertificateError::CrlExpired { .. }
            | CertificateError::NotPinned { .. }
            | CertificateError::UnknownKey { .. }
            | CertificateError::Refused(_) => AlertDescription::CERTIFICATE_UNKNOWN,
            CertificateError::WrongName { .. }
            | CertificateError::BadSignature
            | CertificateError::KeyUsage
            | CertificateError::ExtendedKeyUsage
            | CertificateError::RsaKeySize { .. }
            | CertificateError::Constraint(_)
            | CertificateError::TooComplex => AlertDescription::BAD_CERTIFICATE,
        }
    }
}

impl From<OcspError> for CertificateError {
    fn from(error: OcspError) -> Self {
        CertificateError::OcspResponse(error)
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEncoding(detail) => write!(f, "the certificate cannot be parsed: {detail}"),
            Self::Expired { now, not_after } => {
                write!(f, "the certificate expired at {}, and it is {}", Date(*not_after), Date(*now))
            }
            Self::NotValidYet { now, not_before } => write!(
                f,
                "the certificate becomes valid at {}, and it is {}; is the clock right?",
                Date(*not_before),
                Date(*now)
            ),
            Self::UnknownIssuer { issuer } => {
                write!(
                    f,
                    "no path from the certificate to a trusted root: it was issued by \"{issuer}\"; is that root among ours, and does the peer send its intermediate certificates?"
                )
            }
            Self::WrongName { wanted, names } => {
                match names.first() {
                    Some(first) => write!(f, "certificate of \"{first}\" does not cover \"{wanted}\"; ")?,
                    None => write!(f, "certificate does not cover \"{wanted}\"; ")?,
                }
                if names.is_empty() { f.write_str("it names nothing") } else { write!(f, "it names {}", List(names)) }
            }
            Self::Revoked => f.write_str("the certificate was revoked"),
            Self::RevocationUnknown => {
                f.write_str("no list of revoked certificates that we have says anything about the certificate's path")
            }
            Self::CrlExpired { now, next_update } => write!(
                f,
                "the list of revoked certificates that we have expired at {}, and it is {}",
                Date(*next_update),
                Date(*now)
            ),
            Self::NotPinned { keys } => {
                f.write_str("no key in the certificate's path is pinned; SHA-256 of those that are there:")?;
                keys.iter().try_for_each(|key| write!(f, " {}", Hex(key)))
            }
            Self::UnknownKey { sha256 } => {
                write!(f, "the raw public key is none that is trusted here; its SHA-256: {}", Hex(sha256))
            }
            Self::OcspResponse(why) => write!(f, "the OCSP response that the server stapled is not accepted: {why}"),
            Self::MissingOcspResponse => f.write_str("the server stapled no OCSP response, but it has to"),
            Self::BadSignature => f.write_str("a signature in the certificate's path is wrong"),
            Self::KeyUsage => f.write_str("the certificate's key usage does not allow digital signatures"),
            Self::ExtendedKeyUsage => f.write_str("the certificate's extended key usage does not allow this role"),
            Self::RsaKeySize { bits, least, most } => {
                write!(f, "the RSA key has {bits} bits; {least} to {most} are accepted")
            }
            Self::UnsupportedAlgorithm(detail) => write!(f, "not supported: {detail}"),
            Self::Constraint(rule) => write!(f, "the certificate's path is not valid: {rule}"),
            Self::TooComplex => f.write_str("the certificate's path is too long or too complex"),
            Self::Refused(why) => write!(f, "the verifier refused the certificate: {why}"),
        }
    }
}

impl core::error::Error for CertificateError {}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
