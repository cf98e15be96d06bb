use alloc::vec::Vec;

use super::{NamedGroup, SignatureScheme};
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The server's ECDH public key, signed (RFC 8422 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerKeyExchange<'a> {
    /// The key and its group.
    pub params: EcdhParams<'a>,
    /// How it is signed.
    pub scheme: SignatureScheme,
    /// The signature of [`EcdhParams::signed_content`].
    pub signature: &'a [u8],
}

impl<'a> ServerKeyExchange<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says, or names no group.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "ServerKeyExchange", |r| {
            Ok(ServerKeyExchange {
                params: EcdhParams::read(r)?,
                scheme: SignatureScheme(r.u16("algorithm")?),
                signature: r.vector(Prefix::U16, "signature")?,
            })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        self.params.write(w);
        w.u16(self.scheme.0);
        w.vector(Prefix::U16, "signature", self.signature);
    }
}

/// `ServerECDHParams` (RFC 8422 §5.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EcdhParams<'a> {
    /// The group.
    pub group: NamedGroup,
    /// The server's public key, encoded as the group says; not empty.
    pub public_key: &'a [u8],
}

/// `ECCurveType` (RFC 8422 §5.4): the other types are deprecated.
const NAMED_CURVE: u8 = 3;

impl<'a> EcdhParams<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        match r.u8("curve_type")? {
            NAMED_CURVE => {
                Ok(EcdhParams { group: NamedGroup(r.u16("namedcurve")?), public_key: r.filled(Prefix::U8, "public")? })
            }
            _ => Err(Malformed::Value("curve_type")),
        }
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.u8(NAMED_CURVE);
        w.u16(self.group.0);
        w.vector(Prefix::U8, "public", self.public_key);
    }

    /// Bytes of its encoding.
    pub(crate) fn encoded_len(&self) -> usize {
        4 + self.public_key.len()
    }

    /// What the signature of a ServerKeyExchange is made of: both random values and the parameters.
    #[must_use]
    pub fn signed_content(&self, client_random: &[u8; 32], server_random: &[u8; 32]) -> Vec<u8> {
        let mut content = Vec::with_capacity(32 + 32 + self.encoded_len());
        let mut w = Writer::new(&mut content);
        w.bytes(client_random);
        w.bytes(server_random);
        // A key too long for its length field is found when the message itself is written.
        self.write(&mut w);
        content
    }
}
