use core::fmt;

use super::Prefix;

/// Why bytes are not an encoding of what they should be; on the wire always a `decode_error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// The bytes end before this structure or field does.
    Truncated(&'static str),
    /// Bytes are left over behind this structure.
    Trailing(&'static str),
    /// This vector has to have at least one element.
    Empty(&'static str),
    /// This vector's length is not one that its type allows.
    Length(&'static str),
    /// This field's value is not one that its type allows.
    Value(&'static str),
    /// This extension or element came twice.
    Duplicate(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::Truncated(what) => write!(f, "{what} ends too early"),
            Malformed::Trailing(what) => write!(f, "bytes are left over behind {what}"),
            Malformed::Empty(what) => write!(f, "{what} is empty, but needs at least one element"),
            Malformed::Length(what) => write!(f, "{what} has a length that its type does not allow"),
            Malformed::Value(what) => write!(f, "{what} has a value that its type does not allow"),
            Malformed::Duplicate(what) => write!(f, "{what} stands there twice"),
        }
    }
}

/// What is left to be read. Every call takes from the front, or fails and is not used further.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { left: bytes }
    }

    /// Reads a value that has to fill `bytes` to the end.
    #[inline]
    pub(crate) fn all<T>(
        bytes: &'a [u8],
        what: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader)?;
        reader.end(what)?;
        Ok(value)
    }

    /// Says that nothing is left behind `what`.
    #[inline]
    pub(crate) fn end(self, what: &'static str) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed::Trailing(what)) }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// Takes `count` bytes.
    #[inline]
    pub(crate) fn take(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (taken, left) = self.left.split_at_checked(count).ok_or(Malformed::Truncated(what))?;
        self.left = left;
        Ok(taken)
    }

    /// Takes all that is left.
    #[inline]
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.left)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], Malformed> {
        let (taken, left) = self.left.split_first_chunk::<N>().ok_or(Malformed::Truncated(what))?;
        self.left = left;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let [value] = *self.array(what)?;
        Ok(value)
    }

    #[inline]
    pub(crate) fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(*self.array(what)?))
    }

    #[inline]
    pub(crate) fn u24(&mut self, what: &'static str) -> Result<u32, Malformed> {
        let [a, b, c] = *self.array(what)?;
        Ok(u32::from_be_bytes([0, a, b, c]))
    }

    #[inline]
    pub(crate) fn u32(&mut self, what: &'static str) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(*self.array(what)?))
    }

    /// The content of a vector: a length of `prefix` bytes, then as many bytes.
    #[inline]
    pub(crate) fn vector(&mut self, prefix: Prefix, what: &'static str) -> Result<&'a [u8], Malformed> {
        let length = match prefix {
            Prefix::U8 => u32::from(self.u8(what)?),
            Prefix::U16 => u32::from(self.u16(what)?),
            Prefix::U24 => self.u24(what)?,
        };
        let length = usize::try_from(length).map_err(|_| Malformed::Length(what))?;
        self.take(length, what)
    }

    /// As [`Self::vector`], for a vector that has to have at least one byte.
    #[inline]
    pub(crate) fn filled(&mut self, prefix: Prefix, what: &'static str) -> Result<&'a [u8], Malformed> {
        let content = self.vector(prefix, what)?;
        if content.is_empty() { Err(Malformed::Empty(what)) } else { Ok(content) }
    }

    /// Reads a value that has to fill a vector to its end.
    #[inline]
    pub(crate) fn sub<T>(
        &mut self,
        prefix: Prefix,
        what: &'static str,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let content = self.vector(prefix, what)?;
        Reader::all(content, what, read)
    }
}
