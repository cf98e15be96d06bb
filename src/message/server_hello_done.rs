use crate::codec::{Malformed, Reader, Writer};

/// The end of the server's flight (RFC 5246 §7.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerHelloDone;

impl ServerHelloDone {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// Any byte at all.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        Reader::all(body, "ServerHelloDone", |_| Ok(ServerHelloDone))
    }

    pub(crate) fn write(&self, _: &mut Writer<'_>) {}
}
