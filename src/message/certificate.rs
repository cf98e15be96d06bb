use super::OpaqueList;
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// A chain of certificates (RFC 5246 §7.4.2, §7.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate<'a> {
    /// The DER of each certificate, the sender's own first; none if a client has none that fits.
    pub chain: OpaqueList<'a>,
}

impl<'a> Certificate<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says. The certificates themselves are not parsed.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "Certificate", |r| {
            Ok(Certificate { chain: OpaqueList::read(r, Prefix::U24, Prefix::U24, "certificate_list")? })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        self.chain.write(w, Prefix::U24, "certificate_list");
    }
}
