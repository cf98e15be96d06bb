use crate::codec::{Malformed, Reader};

/// The proof that both sides saw the same handshake (RFC 5246 §7.4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished<'a> {
    /// Twelve bytes, as every cipher suite of this library has it.
    pub verify_data: &'a [u8; 12],
}

impl<'a> Finished<'a> {
    /// Reads the body of a message.
    ///
    /// # Errors
    ///
    /// Not twelve bytes.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        Reader::all(body, "Finished", |r| Ok(Finished { verify_data: r.array("verify_data")? }))
    }
}
