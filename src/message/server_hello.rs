use super::{CipherSuite, ProtocolVersion, ServerExtensions, read_session_id};
use crate::codec::{Malformed, Prefix, Reader, Writer};

/// The server's choice (RFC 5246 §7.4.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerHello<'a> {
    /// The version of this connection.
    pub version: ProtocolVersion,
    /// The server's random bytes.
    pub random: &'a [u8; 32],
    /// The session that is resumed, or the name of the new one, or empty; at most 32 bytes.
    pub session_id: &'a [u8],
    /// The chosen cipher suite.
    pub cipher_suite: CipherSuite,
    /// The chosen method of compression; 0 is none.
    pub compression_method: u8,
    /// The extensions, known and unknown.
    pub extensions: ServerExtensions<'a>,
}

impl<'a> ServerHello<'a> {
    /// Reads the body of a message, which is all of it behind the four bytes of type and length.
    ///
    /// # Errors
    ///
    /// What is not encoded as its RFC says, also within an extension that this library knows.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "ServerHello", |r| {
            Ok(ServerHello {
                version: ProtocolVersion(r.u16("server_version")?),
                random: r.array("random")?,
                session_id: read_session_id(r)?,
                cipher_suite: CipherSuite(r.u16("cipher_suite")?),
                compression_method: r.u8("compression_method")?,
                extensions: ServerExtensions::read(r)?,
            })
        })
    }

    pub(crate) fn write(&self, w: &mut Writer<'_>) {
        w.u16(self.version.0);
        w.bytes(self.random);
        w.vector(Prefix::U8, "session_id", self.session_id);
        w.u16(self.cipher_suite.0);
        w.u8(self.compression_method);
        self.extensions.write(w);
    }
}
