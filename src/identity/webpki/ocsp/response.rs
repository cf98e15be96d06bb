//! OCSP responses (RFC 6960 §4.2.1), read where they stand: nothing is copied, and what is not looked at is not unfolded.

use alloc::string::ToString;

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, OctetStringRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use crate::error::OcspError;

/// Object identifiers, the content: id-pkix-ocsp-basic (RFC 6960 §4.2.1), id-sha1 (RFC 3279), id-sha256 (RFC 5754 §2.2).
const BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// OCSPResponseStatus successful
const SUCCESSFUL: u8 = 0;

/// BasicOCSPResponse.
pub(super) struct Response<'a> {
    /// The DER of the ResponseData, which is what is signed.
    pub(super) signed: &'a [u8],
    pub(super) responder: Responder<'a>,
    /// SingleResponses, one behind the other.
    answers: &'a [u8],
    /// The content of the AlgorithmIdentifier of the signature.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
    /// Certificates, one behind the other.
    certificates: &'a [u8],
}

/// ResponderID: whose key signed.
pub(super) enum Responder<'a> {
    /// The DER of a Name.
    Name(&'a [u8]),
    /// SHA-1 of the key.
    KeyHash(&'a [u8]),
}

/// SingleResponse.
pub(super) struct Answer<'a> {
    pub(super) id: CertId<'a>,
    pub(super) status: CertStatus,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub(super) this_update: u64,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub(super) next_update: Option<u64>,
}

/// CertID.
pub(super) struct CertId<'a> {
    /// `None` is a hash function that we don't name certificates by.
    pub(super) hash: Option<IdHash>,
    pub(super) issuer_name: &'a [u8],
    pub(super) issuer_key: &'a [u8],
    /// The content of the INTEGER.
    pub(super) serial: &'a [u8],
}

/// By what function the issuer is named in a CertID.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum IdHash {
    Sha1,
    Sha256,
}

/// What the issuer says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CertStatus {
    Good,
    Revoked,
    Unknown,
}

impl From<der::Error> for OcspError {
    fn from(error: der::Error) -> Self {
        OcspError::BadEncoding(error.to_string())
    }
}

impl From<der::ErrorKind> for OcspError {
    fn from(error: der::ErrorKind) -> Self {
        der::Error::from(error).into()
    }
}

type Result<T, E = OcspError> = core::result::Result<T, E>;

impl<'a> Response<'a> {
    /// Reads an OCSPResponse that says something.
    pub(super) fn read(der: &'a [u8]) -> Result<Self> {
        let (response_type, response) = whole(der, |r| r.sequence(read_outer))?;
        if response_type != BASIC {
            return Err(OcspError::UnknownType);
        }
        whole(response, |r| r.sequence(Response::read_basic))
    }

    fn read_basic(r: &mut SliceReader<'a>) -> Result<Self> {
        let signed = r.tlv_bytes()?;
        let algorithm = AnyRef::decode(r)?;
        algorithm.tag().assert_eq(Tag::Sequence)?;
        let signature = BitStringRef::decode(r)?.as_bytes().ok_or_else(|| Tag::BitString.value_error())?;
        let certificates = match explicit(r, 0)? {
            Some(field) => whole(field, |r| sequence_content(r))?,
            None => &[],
        };
        let (responder, answers) = whole(signed, |r| r.sequence(read_data))?;
        Ok(Response { signed, responder, answers, algorithm: algorithm.value(), signature, certificates })
    }

    /// The answers, up to one that cannot be read.
    pub(super) fn answers(&self) -> impl Iterator<Item = Result<Answer<'a>>> + use<'a> {
        each(self.answers, |r| r.sequence(Answer::read))
    }

    /// The DER of the certificates that came along, up to the first that cannot be read.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        each(self.certificates, |r| Ok(r.tlv_bytes()?)).map_while(Result::ok)
    }
}

/// The fields of an OCSPResponse: the type of the response, and its bytes.
fn read_outer<'a>(r: &mut SliceReader<'a>) -> Result<(&'a [u8], &'a [u8])> {
    let status = AnyRef::decode(r)?;
    status.tag().assert_eq(Tag::Enumerated)?;
    match status.value() {
        [SUCCESSFUL] => {}
        [status] => {
            // What else there is has no meaning.
            r.read_slice(r.remaining_len())?;
            return Err(OcspError::NotSuccessful(*status));
        }
        _ => return Err(Tag::Enumerated.value_error().into()),
    }
    let bytes = explicit(r, 0)?.ok_or_else(|| context(0).value_error())?;
    whole(bytes, |r| {
        r.sequence(|r| {
            let response_type = AnyRef::decode(r)?;
            response_type.tag().assert_eq(Tag::ObjectIdentifier)?;
            Ok((response_type.value(), <&OctetStringRef>::decode(r)?.as_bytes()))
        })
    })
}

/// The fields of ResponseData: who answers, and the answers.
fn read_data<'a>(r: &mut SliceReader<'a>) -> Result<(Responder<'a>, &'a [u8])> {
    if let Some(version) = explicit(r, 0)? {
        // RFC 6960 §4.2.1: v1 is 0, and the only one.
        whole(version, |r| match u8::decode(r)? {
            0 => Ok(()),
            _ => Err(Tag::Integer.value_error().into()),
        })?;
    }
    let responder = if let Some(name) = explicit(r, 1)? {
        Responder::Name(name)
    } else {
        let hash = explicit(r, 2)?.ok_or_else(|| context(2).value_error())?;
        Responder::KeyHash(whole(hash, |r| Ok(<&OctetStringRef>::decode(r)?.as_bytes()))?)
    };
    let _produced_at = GeneralizedTime::decode(r)?;
    let answers = sequence_content(r)?;
    check_extensions(explicit(r, 1)?)?;
    Ok((responder, answers))
}

impl<'a> Answer<'a> {
    fn read(r: &mut SliceReader<'a>) -> Result<Self> {
        let id = r.sequence(CertId::read)?;
        let status = AnyRef::decode(r)?.tag();
        let status = match (status.is_context_specific(), status.number().value()) {
            (true, 0) => CertStatus::Good,
            (true, 1) => CertStatus::Revoked,
            (true, 2) => CertStatus::Unknown,
            _ => return Err(status.value_error().into()),
        };
        let this_update = seconds(r)?;
        let next_update = explicit(r, 0)?.map(|field| whole(field, seconds)).transpose()?;
        check_extensions(explicit(r, 1)?)?;
        Ok(Answer { id, status, this_update, next_update })
    }
}

impl<'a> CertId<'a> {
    fn read(r: &mut SliceReader<'a>) -> Result<Self> {
        let algorithm = whole(sequence_content(r)?, |r| {
            let algorithm = AnyRef::decode(r)?;
            // NULL, or nothing.
            r.read_slice(r.remaining_len())?;
            Ok(algorithm)
        })?;
        let hash = match algorithm.value() {
            SHA1 => Some(IdHash::Sha1),
            SHA256 => Some(IdHash::Sha256),
            _ => None,
        };
        let issuer_name = <&OctetStringRef>::decode(r)?.as_bytes();
        let issuer_key = <&OctetStringRef>::decode(r)?.as_bytes();
        let serial = AnyRef::decode(r)?;
        serial.tag().assert_eq(Tag::Integer)?;
        Ok(CertId { hash, issuer_name, issuer_key, serial: serial.value() })
    }
}

/// RFC 6960 §4.4: extensions may be ignored, unless they are critical; we know none.
fn check_extensions(extensions: Option<&[u8]>) -> Result<()> {
    let Some(extensions) = extensions else { return Ok(()) };
    let extensions = whole(extensions, |r| sequence_content(r))?;
    for critical in each(extensions, |r| r.sequence(read_critical)) {
        if critical? {
            return Err(OcspError::CriticalExtension);
        }
    }
    Ok(())
}

/// Whether an extension is critical (RFC 5280 §4.1).
fn read_critical(r: &mut SliceReader<'_>) -> Result<bool> {
    AnyRef::decode(r)?;
    let field = AnyRef::decode(r)?;
    if field.tag() != Tag::Boolean {
        return Ok(false);
    }
    AnyRef::decode(r)?;
    Ok(field.decode_as()?)
}

fn seconds(r: &mut SliceReader<'_>) -> Result<u64> {
    Ok(GeneralizedTime::decode(r)?.to_unix_duration().as_secs())
}

/// Reads a value that has to fill `der`.
fn whole<'a, T>(der: &'a [u8], read: impl FnOnce(&mut SliceReader<'a>) -> Result<T>) -> Result<T> {
    let mut reader = SliceReader::new(der)?;
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

/// Reads values that stand one behind the other, up to the first that cannot be read.
fn each<'a, T>(
    der: &'a [u8],
    mut read: impl FnMut(&mut SliceReader<'a>) -> Result<T>,
) -> impl Iterator<Item = Result<T>> {
    let mut reader = SliceReader::new(der).ok();
    core::iter::from_fn(move || {
        let value = read(reader.as_mut().filter(|reader| !reader.is_finished())?);
        if value.is_err() {
            reader = None;
        }
        Some(value)
    })
}

/// The content of the next value, if that is `[number] EXPLICIT`.
fn explicit<'a>(r: &mut SliceReader<'a>, number: u32) -> Result<Option<&'a [u8]>> {
    let mut ahead = r.clone();
    if ahead.is_finished() {
        return Ok(None);
    }
    let field = AnyRef::decode(&mut ahead)?;
    if field.tag() != context(number) {
        return Ok(None);
    }
    *r = ahead;
    Ok(Some(field.value()))
}

fn sequence_content<'a>(r: &mut SliceReader<'a>) -> Result<&'a [u8]> {
    let sequence = AnyRef::decode(r)?;
    sequence.tag().assert_eq(Tag::Sequence)?;
    Ok(sequence.value())
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}
