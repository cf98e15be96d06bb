use crate::codec::{Malformed, Reader};

/// The server asks for a new handshake (RFC 5246 §7.4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HelloRequest;

impl HelloRequest {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// Any byte at all.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        Reader::all(body, "HelloRequest", |_| Ok(HelloRequest))
    }
}
