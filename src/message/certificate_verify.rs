use super::SignatureScheme;
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The client proves that it holds its certificate's key (RFC 5246 §7.4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateVerify<'a> {
    /// How it is signed.
    pub scheme: SignatureScheme,
    /// The signature of all handshake messages before this one.
    pub signature: &'a [u8],
}

impl<'a> CertificateVerify<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "CertificateVerify", |r| {
            Ok(CertificateVerify {
                scheme: SignatureScheme(r.u16("algorithm")?),
                signature: r.vector(Prefix::U16, "signature")?,
            })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u16(self.scheme.0);
        w.vector(Prefix::U16, "signature", self.signature);
    }
}
