use alloc::vec::Vec;

use super::HandshakeType;
use crate::codec::{Prefix, TooLong, Writer};

/// Bytes before the body of a handshake message: its type and its length (RFC 5246 §7.4).
pub(crate) const HEADER_LEN: usize = 4;

/// Appends a handshake message whose body `write` appends; if it is too long, `out` stays as it was.
pub(crate) fn write_message(
    out: &mut Vec<u8>,
    typ: HandshakeType,
    write: impl FnOnce(&mut Writer<'_>),
) -> Result<(), TooLong> {
    let before = out.len();
    let mut w = Writer::new(out);
    w.u8(typ.0);
    w.sub(Prefix::U24, typ.name().unwrap_or("handshake message"), write);
    w.finish().inspect_err(|_| out.truncate(before))
}
