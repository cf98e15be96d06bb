use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::CertificateError;
use crate::date::Date;

/// Why a stapled OCSP response (RFC 6960) says nothing good about the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OcspError {
    /// The response cannot be parsed.
    BadEncoding(String),
    /// The responder gave no answer, but this OCSPResponseStatus (RFC 6960 §4.2.1), such as 3 for `tryLater`.
    NotSuccessful(u8),
    /// The response is of another type than id-pkix-ocsp-basic.
    UnknownType,
    /// A critical extension is not known here.
    CriticalExtension,
    /// The response is about other certificates.
    OtherCertificate,
    /// The response names its certificates by a hash function that is neither SHA-1 nor SHA-256.
    UnknownHash,
    /// Whom the response names as its signer is neither the certificate's issuer, nor one that it brings a certificate of.
    UnknownSigner,
    /// The certificate of whoever signed does not make it speak for the issuer (RFC 6960 §4.2.2.2).
    Delegate(Box<CertificateError>),
    /// The signature is wrong, or of an algorithm that this library does not know.
    BadSignature,
    /// `thisUpdate` lies in the future. Times are seconds since 1970-01-01 00:00 UTC.
    NotValidYet {
        /// The time of the check.
        now: u64,
        /// The start of validity.
        this_update: u64,
    },
    /// `nextUpdate` lies in the past; or there is none, and the response is too old. Times are seconds since 1970-01-01 00:00 UTC.
    Expired {
        /// The time of the check.
        now: u64,
        /// The end of validity.
        until: u64,
    },
    /// The certificate was revoked.
    Revoked,
    /// The responder does not know the certificate.
    UnknownCertificate,
}

impl fmt::Display for OcspError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadEncoding(detail) => write!(f, "it cannot be parsed: {detail}"),
            Self::NotSuccessful(status) => {
                let name = match status {
                    1 => "malformedRequest",
                    2 => "internalError",
                    3 => "tryLater",
                    5 => "sigRequired",
                    6 => "unauthorized",
                    _ => "unknown",
                };
                write!(f, "the responder gave no answer, but the status {status} ({name})")
            }
            Self::UnknownType => f.write_str("its type is not id-pkix-ocsp-basic"),
            Self::CriticalExtension => f.write_str("a critical extension in it is not known here"),
            Self::OtherCertificate => f.write_str("it is about other certificates"),
            Self::UnknownHash => {
                f.write_str("it names its certificates by a hash function that is neither SHA-1 nor SHA-256")
            }
            Self::UnknownSigner => f.write_str(
                "whom it names as its signer is not the certificate's issuer, and it brings no certificate of that signer",
            ),
            Self::Delegate(why) if matches!(&**why, CertificateError::UnknownIssuer { .. }) => f.write_str(
                "its signer does not speak for the certificate's issuer, which did not itself issue the signer's certificate",
            ),
            Self::Delegate(why) => write!(f, "its signer does not speak for the certificate's issuer: {why}"),
            Self::BadSignature => f.write_str("its signature is wrong, or of an unknown algorithm"),
            Self::NotValidYet { now, this_update } => {
                write!(f, "it becomes valid at {}, and it is {}; is the clock right?", Date(*this_update), Date(*now))
            }
            Self::Expired { now, until } => write!(f, "it expired at {}, and it is {}", Date(*until), Date(*now)),
            Self::Revoked => f.write_str("it says that the certificate was revoked"),
            Self::UnknownCertificate => f.write_str("the responder does not know the certificate"),
        }
    }
}

impl core::error::Error for OcspError {}
