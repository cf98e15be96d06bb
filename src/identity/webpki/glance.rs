//! What the verifier needs of a certificate, read where it stands: of a stranger's 32 KiB nothing is unfolded.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, UtcTime};
use der::{Decode, Encode, Reader, Result, SliceReader, Tag, Tagged};

use crate::crypto::{Value, Values};
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

/// The tags of names (RFC 5280 §4.2.1.6): dNSName `[2]`, iPAddress `[7]`.
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// A certificate promises no more TLS features; there are two that anybody promises.
const MOST_FEATURES: usize = 16;

/// Tags: of the extensions `[3]`, and in one of them (RFC 5280 §4.1).
const EXTENSIONS: u8 = 0xa3;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;

/// RFC 5280 §4.2.1.3, §4.2.1.6, RFC 7633 §4, RFC 6960 §4.2.2.2.1: the content of their object identifiers.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const TLS_FEATURE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18];
const OCSP_NOCHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];

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
        let mut tbs = Values::new(content(content(certificate)?)?);
        let mut field = tbs.read()?;
        if field.tag() != Value::INTEGER {
            // That was the version; this is the serial number.
            field = tbs.read()?;
        }
        let serial = field.expect(Value::INTEGER)?;
        tbs.read()?;
        let issuer = tbs.read()?.encoding();
        let mut validity = Values::new(tbs.read()?.content());
        validity.read()?;
        let not_after = time(AnyRef::from_der(validity.read()?.encoding())?)?;
        let subject = tbs.read()?.encoding();
        tbs.read()?;
        let mut extensions = <&[u8]>::default();
        for field in tbs {
            let field = field?;
            if field.tag() == EXTENSIONS {
                extensions = content(field.content())?;
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
        Values::new(names.unwrap_or_default()).map_while(Result::ok).filter_map(|name| match name.tag() {
            DNS_NAME => core::str::from_utf8(name.content()).ok().map(printable),
            IP_ADDRESS => ip_address(name.content()).as_ref().map(IpAddr::to_string),
            _ => None,
        })
    }

    /// The TLS extensions that the certificate promises (RFC 7633 §4).
    pub(super) fn features(&self) -> Result<Vec<u16>> {
        let Some(value) = self.extension(TLS_FEATURE)? else { return Ok(Vec::new()) };
        let list = AnyRef::from_der(value)?;
        list.tag().assert_eq(Tag::Sequence)?;
        let mut reader = SliceReader::new(list.value())?;
        let mut features = Vec::new();
        while !reader.is_finished() {
            if features.len() == MOST_FEATURES {
                return Err(Tag::Sequence.length_error().into());
            }
            features.push(u16::decode(&mut reader)?);
        }
        Ok(features)
    }

    /// Whether it promises status_request: that an OCSP response comes with it, to those who ask.
    pub(super) fn must_staple(&self) -> Result<bool> {
        Ok(self.features()?.contains(&ExtensionType::STATUS_REQUEST.0))
    }

    /// Whether its issuer says that nobody need ask about its revocation (RFC 6960 §4.2.2.2.1).
    pub(super) fn has_ocsp_nocheck(&self) -> Result<bool> {
        Ok(self.extension(OCSP_NOCHECK)?.is_some())
    }

    fn extension(&self, wanted: &[u8]) -> Result<Option<&'a [u8]>> {
        extension(self.extensions, wanted)
    }
}

/// The value of the extension `wanted` among these, one behind the other. RFC 5280 §4.2: it stands there once at most.
pub(super) fn extension<'a>(extensions: &'a [u8], wanted: &[u8]) -> Result<Option<&'a [u8]>> {
    let mut found = None;
    for extension in Values::new(extensions) {
        let mut fields = Values::new(extension?.content());
        if fields.read()?.content() != wanted {
            continue;
        }
        let mut field = fields.read()?;
        if field.tag() == BOOLEAN {
            // That said whether it is critical.
            field = fields.read()?;
        }
        if found.replace(field.expect(OCTET_STRING)?).is_some() {
            return Err(Tag::Sequence.value_error().into());
        }
    }
    Ok(found)
}

/// A SEQUENCE of this content: what webpki keeps of names and keys has no tag.
pub(super) fn sequence(content: &[u8]) -> Result<Vec<u8>> {
    let value = AnyRef::new(Tag::Sequence, content)?;
    let mut out = vec![0; usize::try_from(value.encoded_len()?)?];
    value.encode_to_slice(&mut out)?;
    Ok(out)
}

pub(super) fn is_context(field: AnyRef<'_>, number: u32) -> bool {
    field.tag().is_context_specific() && field.tag().number().value() == number
}

/// The content of the one value that `der` starts with.
pub(super) fn content(der: &[u8]) -> Result<&[u8]> {
    Ok(Values::new(der).read()?.content())
}

pub(super) fn time(time: AnyRef<'_>) -> Result<u64> {
    let since_1970 = match time.tag() {
        Tag::UtcTime => time.decode_as::<UtcTime>()?.to_unix_duration(),
        _ => time.decode_as::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(since_1970.as_secs())
}
