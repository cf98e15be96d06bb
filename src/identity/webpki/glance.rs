//! What the verifier needs of a certificate, read where it stands: of a stranger's 32 KiB nothing is unfolded.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, OctetStringRef, UtcTime};
use der::{Decode, Encode, Reader, Result, SliceReader, Tag, Tagged};

use crate::identity::view::{ip_address, printable};
use crate::message::ExtensionType;

/// A certificate at a glance (RFC 5280 §4.1).
pub(super) struct Glance<'a> {
    /// The content of the INTEGER.
    pub(super) serial: &'a [u8],
    /// The issuer's Name, with its tag.
    pub(super) issuer: &'a [u8],
    /// The subject's Name, with its tag.
    pub(super) subject: &'a [u8],
    /// Seconds since 1970-01-01 00:00 UTC.
    pub(super) not_after: u64,
    /// The content of the extensions, one behind the other.
    extensions: &'a [u8],
}

/// RFC 5280 §4.2.1.3, §4.2.1.6, RFC 7633 §4: the content of their object identifiers.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const TLS_FEATURE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];

/// Which keys a key may be used for (RFC 5280 §4.2.1.3): the first byte of the bits.
#[derive(Clone, Copy)]
pub(super) struct KeyUsage(u8);

impl KeyUsage {
    pub(super) fn has_digital_signature(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub(super) fn has_key_cert_sign(self) -> bool {
        self.0 & 0x04 != 0
    }
}

impl<'a> Glance<'a> {
    pub(super) fn at(certificate: &'a [u8]) -> Result<Self> {
        let mut tbs = SliceReader::new(content(content(certificate)?)?)?;
        let mut field = AnyRef::decode(&mut tbs)?;
        if field.tag() != Tag::Integer {
            // That was the version; this is the serial number.
            field = AnyRef::decode(&mut tbs)?;
        }
        field.tag().assert_eq(Tag::Integer)?;
        let serial = field.value();
        AnyRef::decode(&mut tbs)?;
        let issuer = tbs.tlv_bytes()?;
        let mut validity = SliceReader::new(AnyRef::decode(&mut tbs)?.value())?;
        AnyRef::decode(&mut validity)?;
        let not_after = time(AnyRef::decode(&mut validity)?)?;
        let subject = tbs.tlv_bytes()?;
        AnyRef::decode(&mut tbs)?;
        let mut extensions = <&[u8]>::default();
        while !tbs.is_finished() {
            let field = AnyRef::decode(&mut tbs)?;
            if is_context(field, 3) {
                extensions = content(field.value())?;
            }
        }
        Ok(Glance { serial, issuer, subject, not_after, extensions })
    }

    pub(super) fn key_usage(&self) -> Result<Option<KeyUsage>> {
        let Some(value) = self.extension(KEY_USAGE)? else { return Ok(None) };
        let bits = BitStringRef::from_der(value)?;
        Ok(Some(KeyUsage(bits.raw_bytes().first().copied().unwrap_or(0))))
    }

    /// The names that it covers, as text: DNS names and IP addresses, as far as they can be read.
    pub(super) fn names(&self) -> impl Iterator<Item = String> + use<'a> {
        let names = self.extension(SUBJECT_ALT_NAME).ok().flatten().and_then(|value| content(value).ok());
        elements(names.unwrap_or_default()).filter_map(|name| match name.tag().number().value() {
            2 => core::str::from_utf8(name.value()).ok().map(printable),
            7 => ip_address(name.value()).as_ref().map(IpAddr::to_string),
            _ => None,
        })
    }

    /// The TLS extensions that the certificate promises (RFC 7633 §4): the content of their numbers.
    pub(super) fn features(&self) -> Result<impl Iterator<Item = &'a [u8]> + Clone + use<'a>> {
        let features = match self.extension(TLS_FEATURE)? {
            Some(value) => AnyRef::from_der(value)?.value(),
            None => &[],
        };
        Ok(elements(features).map(|feature| feature.value()))
    }

    /// Whether it promises status_request: that an OCSP response comes with it, to those who ask.
    pub(super) fn must_staple(&self) -> Result<bool> {
        let [_, number] = ExtensionType::STATUS_REQUEST.0.to_be_bytes();
        Ok(self.features()?.any(|feature| feature == [number]))
    }

    fn extension(&self, wanted: &[u8]) -> Result<Option<&'a [u8]>> {
        for extension in elements(self.extensions) {
            let mut fields = SliceReader::new(extension.value())?;
            if AnyRef::decode(&mut fields)?.value() != wanted {
                continue;
            }
            let mut field = AnyRef::decode(&mut fields)?;
            if field.tag() == Tag::Boolean {
                // That said whether it is critical.
                field = AnyRef::decode(&mut fields)?;
            }
            return Ok(Some(field.decode_as::<&OctetStringRef>()?.as_bytes()));
        }
        Ok(None)
    }
}

/// A SEQUENCE of this content: what webpki keeps of names and keys has no tag.
pub(super) fn sequence(content: &[u8]) -> Result<Vec<u8>> {
    let value = AnyRef::new(Tag::Sequence, content)?;
    let mut out = vec![0; usize::try_from(value.encoded_len()?)?];
    value.encode_to_slice(&mut out)?;
    Ok(out)
}

fn is_context(field: AnyRef<'_>, number: u32) -> bool {
    field.tag().is_context_specific() && field.tag().number().value() == number
}

/// The content of the one value that `der` starts with.
pub(super) fn content(der: &[u8]) -> Result<&[u8]> {
    Ok(AnyRef::decode(&mut SliceReader::new(der)?)?.value())
}

/// Values that stand one behind the other, up to the first that cannot be read.
fn elements(der: &[u8]) -> impl Iterator<Item = AnyRef<'_>> + Clone {
    let mut reader = SliceReader::new(der).ok();
    core::iter::from_fn(move || {
        let reader = reader.as_mut().filter(|reader| !reader.is_finished())?;
        AnyRef::decode(reader).ok()
    })
}

fn time(time: AnyRef<'_>) -> Result<u64> {
    let since_1970 = match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => time.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(since_1970.as_secs())
}
