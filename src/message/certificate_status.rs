use super::client_extensions::OCSP;
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// What the issuer says about the server's certificate (RFC 6066 §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateStatus<'a> {
    /// The DER of an `OCSPResponse`; not empty.
    pub response: &'a [u8],
}

impl<'a> CertificateStatus<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says, or is no OCSP response. The response itself is not parsed.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "CertificateStatus", |r| match r.u8("status_type")? {
            OCSP => Ok(CertificateStatus { response: r.filled(Prefix::U24, "response")? }),
            _ => Err(Malformed::Value("status_type")),
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u8(OCSP);
        w.vector(Prefix::U24, "response", self.response);
    }
}
