use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The client's ECDH public key (RFC 8422 §5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientKeyExchange<'a> {
    /// The key, encoded as the group says; not empty.
    pub public_key: &'a [u8],
}

impl<'a> ClientKeyExchange<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "ClientKeyExchange", |r| {
            Ok(ClientKeyExchange { public_key: r.filled(Prefix::U8, "ecdh_Yc")? })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.vector(Prefix::U8, "ecdh_Yc", self.public_key);
    }
}
