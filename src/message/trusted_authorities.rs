use core::fmt;

use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The authorities whose keys a client has (`trusted_ca_keys`, RFC 6066 §6). If there are none, both sides know which.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrustedAuthorities<'a> {
    content: &'a [u8],
}

/// How a client names an authority (RFC 6066 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrustedAuthority<'a> {
    /// Not at all: both sides know it.
    PreAgreed,
    /// By the SHA-1 digest of its key.
    KeySha1Hash(&'a [u8; 20]),
    /// By the DER of its `Name`.
    X509Name(&'a [u8]),
    /// By the SHA-1 digest of its certificate.
    CertSha1Hash(&'a [u8; 20]),
}

const WHAT: &str = "trusted_authorities_list";

impl<'a> TrustedAuthorities<'a> {
    pub(super) fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let content = r.vector(Prefix::U16, WHAT)?;
        let mut left = Reader::new(content);
        while !left.is_empty() {
            TrustedAuthority::read(&mut left)?;
        }
        Ok(TrustedAuthorities { content })
    }

    pub(super) fn write(self, w: &mut Writer<'_>) {
        w.vector(Prefix::U16, WHAT, self.content);
    }

    /// A list whose elements are encoded already.
    #[cfg(test)]
    pub(crate) const fn from_encoded(content: &'a [u8]) -> Self {
        TrustedAuthorities { content }
    }

    /// The authorities, in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = TrustedAuthority<'a>> + Clone {
        let mut left = Reader::new(self.content);
        // Reading ends, without an authority, at the end of the content.
        core::iter::from_fn(move || TrustedAuthority::read(&mut left).ok())
    }

    /// The names of those that have one: DER.
    pub fn names(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.iter().filter_map(|authority| match authority {
            TrustedAuthority::X509Name(name) => Some(name),
            _ => None,
        })
    }
}

impl fmt::Debug for TrustedAuthorities<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> TrustedAuthority<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        Ok(match r.u8("identifier_type")? {
            0 => TrustedAuthority::PreAgreed,
            1 => TrustedAuthority::KeySha1Hash(r.array("key_sha1_hash")?),
            2 => TrustedAuthority::X509Name(r.filled(Prefix::U16, "x509_name")?),
            3 => TrustedAuthority::CertSha1Hash(r.array("cert_sha1_hash")?),
            // Nobody knows where it ends.
            _ => return Err(Malformed::Value("identifier_type")),
        })
    }
}
