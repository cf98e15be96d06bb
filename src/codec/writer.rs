use alloc::vec::Vec;

use super::Prefix;

/// Appends to a vector. A vector that is longer than its length field can say is remembered, and
/// [`Writer::finish`] is the one place that reports it.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    too_long: Option<&'static str>,
}

/// This vector is longer than its length field can say: a configuration too large for the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) &'static str);

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer { out, too_long: None }
    }

    #[inline]
    pub(crate) fn u8(&mut self, value: u8) {
        self.out.push(value);
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A length of `prefix` bytes, and what `write` appends.
    #[inline]
    pub(crate) fn sub(&mut self, prefix: Prefix, what: &'static str, write: impl FnOnce(&mut Writer<'_>)) {
        let at = self.out.len();
        let start = at + prefix.size();
        self.bytes(prefix.field(&[0; 4]));
        write(self);
        let length = self.length(prefix, what, self.out.len() - start);
        if let Some(field) = self.out.get_mut(at..start) {
            field.copy_from_slice(prefix.field(&length));
        }
    }

    /// As [`Self::sub`], but nothing at all, not even a length, if `write` appends nothing.
    #[inline]
    pub(crate) fn sub_unless_empty(&mut self, prefix: Prefix, what: &'static str, write: impl FnOnce(&mut Writer<'_>)) {
        let before = self.out.len();
        self.sub(prefix, what, write);
        if self.out.len() == before + prefix.size() {
            self.out.truncate(before);
        }
    }

    /// `opaque v<..>` with a length of `prefix` bytes.
    #[inline]
    pub(crate) fn vector(&mut self, prefix: Prefix, what: &'static str, bytes: &[u8]) {
        let length = self.length(prefix, what, bytes.len());
        self.bytes(prefix.field(&length));
        self.bytes(bytes);
    }

    /// The bytes of a vector's length, if its field can say it, and remembers if not.
    #[inline]
    fn length(&mut self, prefix: Prefix, what: &'static str, length: usize) -> [u8; 4] {
        // A length that no u32 can hold is too long for every prefix, as `u32::MAX` is.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        if length > prefix.longest() {
            self.too_long.get_or_insert(what);
        }
        length.to_be_bytes()
    }

    /// Says whether every length fitted into its field.
    pub(crate) fn finish(self) -> Result<(), TooLong> {
        self.too_long.map_or(Ok(()), |what| Err(TooLong(what)))
    }
}
