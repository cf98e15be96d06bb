//! Reading and writing the presentation language of RFC 5246 §4.
//!
//! A [`Reader`] shrinks as it is read and cannot be read beyond its end; a value that must fill its bytes is
//! read with [`Reader::all`], so that trailing bytes cannot be forgotten. A [`Writer`] appends to a vector
//! and fills in lengths behind itself.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::Malformed;
pub(crate) use reader::Reader;
pub(crate) use writer::{TooLong, Writer};

/// Bytes before a vector that say its length (RFC 5246 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    /// `opaque v<0..2^8-1>`
    U8,
    /// `opaque v<0..2^16-1>`
    U16,
    /// `opaque v<0..2^24-1>`
    U24,
}

impl Prefix {
    /// Size of the length itself, in bytes.
    pub(crate) const fn size(self) -> usize {
        match self {
            Prefix::U8 => 1,
            Prefix::U16 => 2,
            Prefix::U24 => 3,
        }
    }

    /// The longest vector that it can stand before, in bytes.
    const fn longest(self) -> u32 {
        match self {
            Prefix::U8 => 0xff,
            Prefix::U16 => 0xffff,
            Prefix::U24 => 0xff_ffff,
        }
    }

    /// The last bytes of a length, as many as its field has.
    const fn field(self, length: &[u8; 4]) -> &[u8] {
        let [_, u24 @ ..] = length;
        let [_, u16 @ ..] = u24;
        let [_, u8 @ ..] = u16;
        match self {
            Prefix::U8 => u8,
            Prefix::U16 => u16,
            Prefix::U24 => u24,
        }
    }
}
