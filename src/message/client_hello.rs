use pki_types::DnsName;

use super::{CipherSuite, ClientExtensions, List, ProtocolVersion, read_session_id};
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The client's offer (RFC 5246 §7.4.1.2). It borrows from the message, and reading it allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientHello<'a> {
    /// The highest version that the client speaks, unless `supported_versions` says otherwise (RFC 8446 §4.2.1).
    pub version: ProtocolVersion,
    /// The client's random bytes.
    pub random: &'a [u8; 32],
    /// The session to resume, or empty; at most 32 bytes.
    pub session_id: &'a [u8],
    /// Cipher suites and signalling values, best first.
    pub cipher_suites: List<'a, CipherSuite>,
    /// Methods of compression, at least one; 0 is none.
    pub compression_methods: &'a [u8],
    /// The extensions, known and unknown.
    pub extensions: ClientExtensions<'a>,
}

impl<'a> ClientHello<'a> {
    /// Reads the body of a message, which is all of it behind the four bytes of type and length.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says, also within an extension that this library knows.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "ClientHello", |r| {
            Ok(ClientHello {
                version: ProtocolVersion(r.u16("client_version")?),
                random: r.array("random")?,
                session_id: read_session_id(r)?,
                cipher_suites: List::read(r, Prefix::U16, "cipher_suites")?,
                compression_methods: r.filled(Prefix::U8, "compression_methods")?,
                extensions: ClientExtensions::read(r)?,
            })
        })
    }

    /// The name that the client asks for (RFC 6066 §3), if it is a DNS name as it has to be.
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        let name = core::str::from_utf8(self.extensions.server_name?).ok()?;
        DnsName::try_from(name).is_ok().then_some(name)
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u16(self.version.0);
        w.bytes(self.random);
        w.vector(Prefix::U8, "session_id", self.session_id);
        self.cipher_suites.write(w, Prefix::U16, "cipher_suites");
        w.vector(Prefix::U8, "compression_methods", self.compression_methods);
        self.extensions.write(w);
    }
}
