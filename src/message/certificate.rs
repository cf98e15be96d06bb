use super::OpaqueList;
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// Who the sender is: a chain of certificates (RFC 5246 §7.4.2, §7.4.6), or a raw public key (RFC 7250 §3). Which of the two,
/// the hellos have agreed on; the message does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    content: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Reads the body of a message, up to what the hellos decide: [`Self::chain`] or [`Self::raw_public_key`] reads on.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "Certificate", |r| Ok(Certificate { content: r.vector(Prefix::U24, "certificate_list")? }))
    }

    /// A message with this content: a list as [`OpaqueList::encode`] makes it, or a key.
    pub(crate) const fn from_encoded(content: &'a [u8]) -> Self {
        Certificate { content }
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.vector(Prefix::U24, "certificate_list", self.content);
    }

    /// Whether there is nothing in it: so says a client that it has nothing that fits, whatever was agreed on.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// The DER of each certificate, the sender's own first; none if a client has none that fits.
    ///
    /// # Errors
    ///
    /// It is no list, or one with an empty element. The certificates themselves are not parsed.
    pub fn chain(&self) -> Result<OpaqueList<'a>, Malformed> {
        OpaqueList::of_content(self.content, Prefix::U24, "certificate_list")
    }

    /// The DER of a SubjectPublicKeyInfo (RFC 5280 §4.1), not parsed.
    ///
    /// # Errors
    ///
    /// It is empty.
    pub fn raw_public_key(&self) -> Result<&'a [u8], Malformed> {
        if self.is_empty() { Err(Malformed::Empty("subjectPublicKeyInfo")) } else { Ok(self.content) }
    }
}
