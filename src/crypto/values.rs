//! Values in DER (X.690 §10), read where they stand.
//!
//! Of a certificate the library needs but a few fields, in each handshake, and steps over the others: for that the crate `der`
//! does too much with each value. What has to be understood it still reads.

use der::{Decode, Error, ErrorKind, Length, Result, Tag};

/// A value: its tag, and what stands behind its length.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    tag: u8,
    encoding: &'a [u8],
    content: &'a [u8],
}

impl<'a> Value<'a> {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const SEQUENCE: u8 = 0x30;

    /// Class, form and number in one byte (X.690 §8.1.2).
    pub(crate) fn tag(&self) -> u8 {
        self.tag
    }

    /// With tag and length.
    pub(crate) fn encoding(&self) -> &'a [u8] {
        self.encoding
    }

    pub(crate) fn content(&self) -> &'a [u8] {
        self.content
    }

    /// The content, if it has this tag.
    pub(crate) fn expect(&self, tag: u8) -> Result<&'a [u8]> {
        if self.tag == tag { Ok(self.content) } else { Err(unexpected(self.tag, tag)) }
    }
}

/// Values that stand one behind the other.
pub(crate) struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    pub(crate) fn new(values: &'a [u8]) -> Self {
        Values(values)
    }

    /// The values in the SEQUENCE that `der` is.
    pub(crate) fn of_sequence(der: &'a [u8]) -> Result<Self> {
        let mut values = Values(der);
        let sequence = values.sequence()?;
        values.finish().map(|()| sequence)
    }

    /// The next one has to be there.
    pub(crate) fn read(&mut self) -> Result<Value<'a>> {
        let (&tag, rest) = self.0.split_first().ok_or_else(|| incomplete(self.0))?;
        // More bytes follow for numbers that nothing here has (X.690 §8.1.2.4).
        if tag & 0x1f == 0x1f {
            return Err(ErrorKind::TagNumberInvalid.into());
        }
        let (&first, rest) = rest.split_first().ok_or_else(|| incomplete(self.0))?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) =
                    rest.split_at_checked(usize::from(first & 0x7f)).ok_or_else(|| incomplete(self.0))?;
                let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                // X.690 §10.1: as few bytes as can be.
                if length < 0x80 || bytes.first() == Some(&0) {
                    return Err(ErrorKind::Overlength.into());
                }
                (length, rest)
            }
            _ => return Err(ErrorKind::IndefiniteLength.into()),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or_else(|| incomplete(self.0))?;
        let (encoding, rest) = self.0.split_at_checked(self.0.len() - rest.len()).unwrap_or((self.0, rest));
        self.0 = rest;
        Ok(Value { tag, encoding, content })
    }

    /// The values in the SEQUENCE that is next.
    pub(crate) fn sequence(&mut self) -> Result<Values<'a>> {
        self.read()?.expect(Value::SEQUENCE).map(Values)
    }

    /// The bytes of the BIT STRING that is next; it fills them (X.690 §8.6.2).
    pub(crate) fn whole_bytes(&mut self) -> Result<&'a [u8]> {
        match self.read()?.expect(Value::BIT_STRING)?.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(Tag::BitString.value_error().into()),
        }
    }

    /// Nothing may follow.
    pub(crate) fn finish(self) -> Result<()> {
        match Length::try_from(self.0.len())? {
            Length::ZERO => Ok(()),
            remaining => Err(ErrorKind::TrailingData { decoded: Length::ZERO, remaining }.into()),
        }
    }
}

/// The first that cannot be read is the last.
impl<'a> Iterator for Values<'a> {
    type Item = Result<Value<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let value = self.read();
        if value.is_err() {
            self.0 = &[];
        }
        Some(value)
    }
}

#[cold]
fn incomplete(bytes: &[u8]) -> Error {
    Error::incomplete(Length::try_from(bytes.len()).unwrap_or(Length::MAX))
}

#[cold]
fn unexpected(tag: u8, wanted: u8) -> Error {
    match (Tag::from_der(&[tag]), Tag::from_der(&[wanted])) {
        (Ok(tag), Ok(wanted)) => tag.unexpected_error(Some(wanted)).into(),
        _ => ErrorKind::TagUnknown { byte: tag }.into(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use der::asn1::AnyRef;
    use der::{Encode, Reader, SliceReader};
    use proptest::prelude::*;

    use super::*;

    /// Tag, encoding and content.
    type Parts = (u8, Vec<u8>, Vec<u8>);

    fn ours(der: &[u8]) -> Vec<Option<Parts>> {
        let part = |value: Value<'_>| (value.tag(), value.encoding().to_vec(), value.content().to_vec());
        Values::new(der).map(|value| value.ok().map(part)).collect()
    }

    fn theirs(der: &[u8]) -> Vec<Option<Parts>> {
        let mut reader = SliceReader::new(der).expect("short enough");
        let mut values = Vec::new();
        while !reader.is_finished() {
            let Ok(value) = AnyRef::decode(&mut reader) else {
                values.push(None);
                break;
            };
            let encoding = value.to_der().expect("what was read can be written");
            values.push(Some((encoding[0], encoding, value.value().to_vec())));
        }
        values
    }

    #[test]
    fn lengths_are_read_if_they_are_as_short_as_can_be() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let value = AnyRef::new(Tag::OctetString, &alloc::vec![7; length]).and_then(|value| value.to_der());
            let value = value.expect("a value");
            assert_eq!(ours(&value), theirs(&value));
            assert!(ours(&value)[0].is_some(), "{length} bytes");
            assert_eq!(ours(&value[..value.len() - 1]), [None], "{length} bytes, of which one is missing");
        }
        let zeros = [0; 0x100];
        for header in
            [&[4, 0x80][..], &[4, 0x81, 0x7f], &[4, 0x82, 0, 0x80], &[4, 0x84, 0, 0, 1, 0], &[4, 0x85, 0, 0, 0, 1, 0]]
        {
            assert_eq!(ours(&[header, &zeros].concat()), [None], "{header:02x?}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_none() {
        assert!(Values::of_sequence(&[0x30, 0]).is_ok());
        assert!(Values::of_sequence(&[0x30, 0, 0]).is_err(), "a byte too many");
        for other in [[0x31, 0], [0x10, 0], [0xb0, 0]] {
            let error = Values::of_sequence(&other).err().expect("no SEQUENCE");
            assert!(alloc::format!("{error}").contains("tag"), "{error}");
        }
        assert_eq!(Values::new(&[3, 2, 0, 7]).whole_bytes().ok(), Some(&[7][..]));
        for other in [&[3, 2, 1, 8][..], &[3, 0], &[4, 2, 0, 7]] {
            assert!(Values::new(other).whole_bytes().is_err(), "{other:02x?}");
        }
    }

    proptest! {
        /// The crate refuses some that are stepped over here: universal types that it does not know, or in the wrong form. It reads
        /// numbers of tags that stand in further bytes.
        #[test]
        fn values_are_those_that_der_reads(
            der in proptest::collection::vec(prop_oneof![Just(0x30), Just(4), Just(0xa0), 0..4_u8, any::<u8>()], 0..20),
        ) {
            let (ours, theirs) = (ours(&der), theirs(&der));
            if let Some((ours, theirs)) = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs) {
                let is_large = theirs.as_ref().is_some_and(|(tag, ..)| tag & 0x1f == 0x1f);
                prop_assert!(theirs.is_none() || is_large, "{ours:02x?} {theirs:02x?}");
            }
        }
    }
}
