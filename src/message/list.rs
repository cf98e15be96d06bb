use alloc::vec::Vec;
use core::fmt;

use crate::codec::{Malformed, Prefix, Reader, Writer};

/// A list of 16-bit code points, best first, such as the cipher suites of a hello. It has at least one element if it
/// came from the wire; values that this library does not know (RFC 8701) are among them.
#[derive(Clone, Copy)]
pub struct List<'a, T>(Codes<'a, T>);

#[derive(Clone, Copy)]
enum Codes<'a, T> {
    /// As read, in network byte order.
    Wire(&'a [[u8; 2]]),
    /// To be written.
    Values(&'a [T]),
}

impl<'a, T: Copy + From<u16> + Into<u16>> List<'a, T> {
    pub(crate) fn read(r: &mut Reader<'a>, prefix: Prefix, what: &'static str) -> Result<Self, Malformed> {
        match r.filled(prefix, what)?.as_chunks() {
            (codes, []) => Ok(List(Codes::Wire(codes))),
            _ => Err(Malformed::Length(what)),
        }
    }

    pub(crate) fn write(self, w: &mut Writer<'_>, prefix: Prefix, what: &'static str) {
        match self.0 {
            Codes::Wire(codes) => w.vector(prefix, what, codes.as_flattened()),
            Codes::Values(codes) => w.sub(prefix, what, |w| codes.iter().for_each(|code| w.u16((*code).into()))),
        }
    }

    /// The elements, best first.
    pub fn iter(self) -> impl Iterator<Item = T> + Clone {
        let (wire, values): (&[_], &[_]) = match self.0 {
            Codes::Wire(wire) => (wire, &[]),
            Codes::Values(values) => (&[], values),
        };
        wire.iter().map(|code| T::from(u16::from_be_bytes(*code))).chain(values.iter().copied())
    }

    /// Whether `code` is among them.
    #[must_use]
    pub fn contains(self, code: T) -> bool {
        let code = code.into();
        self.iter().any(|element| element.into() == code)
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(values: &'a [T]) -> Self {
        List(Codes::Values(values))
    }
}

impl<T: Copy + From<u16> + Into<u16>> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().map(T::into).eq(other.iter().map(T::into))
    }
}

impl<T: Copy + From<u16> + Into<u16>> Eq for List<'_, T> {}

impl<T: Copy + From<u16> + Into<u16> + fmt::Debug> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A list of byte strings, none of them empty: certificates, distinguished names, names of protocols.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OpaqueList<'a> {
    /// Stands before each element.
    prefix: Prefix,
    content: &'a [u8],
}

impl<'a> OpaqueList<'a> {
    /// Reads a list, which may be empty, whose own length is a `list` and whose elements' lengths are an `element`.
    pub(crate) fn read(
        r: &mut Reader<'a>,
        list: Prefix,
        element: Prefix,
        what: &'static str,
    ) -> Result<Self, Malformed> {
        Self::of_content(r.vector(list, what)?, element, what)
    }

    /// A list whose own length was read before.
    pub(crate) fn of_content(content: &'a [u8], element: Prefix, what: &'static str) -> Result<Self, Malformed> {
        let mut elements = Reader::new(content);
        while !elements.is_empty() {
            elements.filled(element, what)?;
        }
        Ok(OpaqueList { prefix: element, content })
    }

    /// As [`Self::read`], for a list that has to have at least one element.
    pub(crate) fn filled(
        r: &mut Reader<'a>,
        list: Prefix,
        element: Prefix,
        what: &'static str,
    ) -> Result<Self, Malformed> {
        let read = Self::read(r, list, element, what)?;
        if read.is_empty() { Err(Malformed::Empty(what)) } else { Ok(read) }
    }

    /// The content of a list, to be kept and shown to [`Self::from_encoded`] for each message.
    pub(crate) fn encode<'b>(
        prefix: Prefix,
        what: &'static str,
        elements: impl IntoIterator<Item = &'b [u8]>,
    ) -> Result<Vec<u8>, Malformed> {
        let mut content = Vec::new();
        let mut w = Writer::new(&mut content);
        for element in elements {
            if element.is_empty() {
                return Err(Malformed::Empty(what));
            }
            w.vector(prefix, what, element);
        }
        w.finish().map_err(|_| Malformed::Length(what))?;
        Ok(content)
    }

    /// A list whose content was made by [`Self::encode`], or read and kept.
    pub(crate) const fn from_encoded(prefix: Prefix, content: &'a [u8]) -> Self {
        OpaqueList { prefix, content }
    }

    pub(crate) fn write(self, w: &mut Writer<'_>, list: Prefix, what: &'static str) {
        w.vector(list, what, self.content);
    }

    /// The elements, in the order in which they were sent.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + Clone {
        let mut left = Reader::new(self.content);
        // Reading ends, without an element, at the end of the content.
        core::iter::from_fn(move || left.filled(self.prefix, "element").ok())
    }

    /// The content of the list as it stands in the message: before each element its length.
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        self.content
    }

    /// Whether there is no element.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.content.is_empty()
    }
}

impl fmt::Debug for OpaqueList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
