use super::{CertificateType, ClientCertificateType, List, OpaqueList, SignatureScheme};
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The server asks for the client's certificate (RFC 5246 §7.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateRequest<'a> {
    /// Codes of the types that may be sent (RFC 8422 §5.5); at least one. See [`Self::types`].
    pub certificate_types: &'a [u8],
    /// Whether a chain or a raw public key is asked for. ServerHello says so (RFC 7250 §4.2), and not this message: X.509 where
    /// it is read by itself.
    pub certificate_type: CertificateType,
    /// The signatures that the server can verify, best first.
    pub schemes: List<'a, SignatureScheme>,
    /// The DER of the distinguished names of accepted issuers; none if all are.
    pub authorities: OpaqueList<'a>,
}

impl<'a> CertificateRequest<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says. The distinguished names themselves are not parsed.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "CertificateRequest", |r| {
            Ok(CertificateRequest {
                certificate_type: CertificateType::X509,
                certificate_types: r.filled(Prefix::U8, "certificate_types")?,
                schemes: List::read(r, Prefix::U16, "supported_signature_algorithms")?,
                authorities: OpaqueList::read(r, Prefix::U16, Prefix::U16, "certificate_authorities")?,
            })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.vector(Prefix::U8, "certificate_types", self.certificate_types);
        self.schemes.write(w, Prefix::U16, "supported_signature_algorithms");
        self.authorities.write(w, Prefix::U16, "certificate_authorities");
    }

    /// The types of certificates that may be sent, in the order of the server's preference (RFC 5246 §7.4.4).
    pub fn types(&self) -> impl Iterator<Item = ClientCertificateType> + Clone + use<'a> {
        self.certificate_types.iter().copied().map(ClientCertificateType)
    }
}
