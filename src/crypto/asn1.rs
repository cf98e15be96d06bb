//! What keys and certificates need of ASN.1.

use alloc::vec;
use alloc::vec::Vec;

use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Decode, Encode, Header, Reader, Result, SliceReader, SliceWriter, Tag, TagNumber, Tagged};

use super::values::{Value, Values};

/// `SubjectPublicKeyInfo` (RFC 5280 §4.1): the content of its AlgorithmIdentifier, and the key.
pub(super) struct Spki<'a> {
    pub(super) algorithm: &'a [u8],
    pub(super) key: &'a [u8],
}

impl<'a> Spki<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self> {
        let mut fields = Values::of_sequence(der)?;
        let algorithm = fields.read()?.expect(Value::SEQUENCE)?;
        let key = fields.whole_bytes()?;
        fields.finish().map(|()| Spki { algorithm, key })
    }

    pub(super) fn write(&self) -> Result<Vec<u8>> {
        let algorithm = AnyRef::new(Tag::Sequence, self.algorithm)?;
        let key = BitStringRef::from_bytes(self.key)?;
        let content = (algorithm.encoded_len()? + key.encoded_len()?)?;
        let length = (Header::new(Tag::Sequence, content).encoded_len()? + content)?;
        let mut out = vec![0; usize::try_from(length)?];
        let mut writer = SliceWriter::new(&mut out);
        writer.sequence(content, |writer| {
            algorithm.encode(writer)?;
            key.encode(writer)
        })?;
        writer.finish()?;
        Ok(out)
    }
}

/// The SubjectPublicKeyInfo of a certificate (RFC 5280 §4.1).
pub(super) fn certificate_spki(certificate: &[u8]) -> Result<&[u8]> {
    let mut tbs = Values::of_sequence(certificate)?.sequence()?;
    tbs_certificate_issuer(&mut tbs)?;
    for _validity_subject in 0..2 {
        tbs.read()?;
    }
    Ok(tbs.read()?.encoding())
}

/// The issuer's Name of a certificate, with its tag (RFC 5280 §4.1.2.4).
pub(super) fn certificate_issuer(certificate: &[u8]) -> Result<&[u8]> {
    tbs_certificate_issuer(&mut Values::of_sequence(certificate)?.sequence()?)
}

/// The content of the AlgorithmIdentifier of a certificate's signature (RFC 5280 §4.1.1.2).
pub(super) fn certificate_signature_algorithm(certificate: &[u8]) -> Result<&[u8]> {
    let mut fields = Values::of_sequence(certificate)?;
    fields.read()?;
    fields.read()?.expect(Value::SEQUENCE)
}

/// The object identifier at the front of an AlgorithmIdentifier's content, and the content of its parameters.
pub(super) fn identifier_and_parameters(algorithm: &[u8]) -> Result<(&[u8], Option<&[u8]>)> {
    let mut values = Values::new(algorithm);
    let identifier = values.read()?.expect(Value::OBJECT_IDENTIFIER)?;
    let parameters = values.next().transpose()?.map(|parameters| parameters.content());
    values.finish().map(|()| (identifier, parameters))
}

/// The tag of hashAlgorithm, `[0]` (RFC 4055 §3.1).
const PSS_HASH: u8 = 0xa0;

/// The content of the AlgorithmIdentifier of the hash in RSASSA-PSS-params (RFC 4055 §3.1); without it, it is SHA-1.
pub(super) fn pss_hash(parameters: &[u8]) -> Result<Option<&[u8]>> {
    if parameters.is_empty() {
        return Ok(None);
    }
    let first = Values::new(parameters).read()?;
    if first.tag() != PSS_HASH {
        return Ok(None);
    }
    Values::new(first.content()).read()?.expect(Value::SEQUENCE).map(Some)
}

fn tbs_certificate_issuer<'a>(tbs: &mut Values<'a>) -> Result<&'a [u8]> {
    if tbs.read()?.tag() != Value::INTEGER {
        // That was the version, which a certificate of version 1 leaves out; this is the serial number.
        tbs.read()?;
    }
    let _signature = tbs.read()?;
    Ok(tbs.read()?.encoding())
}

/// Bits of the modulus of an RSAPublicKey (RFC 8017 appendix A.1.1).
pub(super) fn rsa_public_bits(der: &[u8]) -> Result<usize> {
    sequence(der, |reader| {
        let modulus = UintRef::decode(reader)?;
        UintRef::decode(reader)?;
        Ok(bits(modulus))
    })
}

/// Bits of the modulus of an RSAPrivateKey (RFC 8017 appendix A.1.2).
pub(super) fn rsa_private_bits(der: &[u8]) -> Result<usize> {
    sequence(der, |reader| {
        UintRef::decode(reader)?;
        let modulus = UintRef::decode(reader)?;
        skip_rest(reader)?;
        Ok(bits(modulus))
    })
}

/// `PrivateKeyInfo` of PKCS#8 (RFC 5208 §5, RFC 5958 §2): the content of its AlgorithmIdentifier, and the key.
pub(super) struct Pkcs8<'a> {
    pub(super) algorithm: &'a [u8],
    pub(super) key: &'a [u8],
}

impl<'a> Pkcs8<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self> {
        sequence(der, |reader| {
            u8::decode(reader)?;
            let algorithm = algorithm_identifier(reader)?;
            let key = <&OctetStringRef>::decode(reader)?.as_bytes();
            skip_rest(reader)?;
            Ok(Pkcs8 { algorithm, key })
        })
    }
}

/// `ECPrivateKey` (RFC 5915 §3), by which SEC1 files are known.
pub(super) struct EcPrivateKey<'a> {
    pub(super) private: &'a [u8],
    /// The curve's object identifier, with its tag. Within PKCS#8 it stands outside.
    pub(super) curve: Option<&'a [u8]>,
    pub(super) public: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self> {
        sequence(der, |reader| {
            u8::decode(reader)?;
            let private = <&OctetStringRef>::decode(reader)?.as_bytes();
            let mut key = EcPrivateKey { private, curve: None, public: None };
            while !reader.is_finished() {
                let field = AnyRef::decode(reader)?;
                match field.tag() {
                    tag if tag == context(0) => key.curve = Some(field.value()),
                    tag if tag == context(1) => key.public = Some(bit_string(BitStringRef::from_der(field.value())?)?),
                    _ => return Err(field.tag().value_error().into()),
                }
            }
            Ok(key)
        })
    }
}

fn context(number: u32) -> Tag {
    Tag::ContextSpecific { constructed: true, number: TagNumber(number) }
}

/// Reads a SEQUENCE that has to fill `der`; `read` has to read all of it.
fn sequence<'a, T>(der: &'a [u8], read: impl FnOnce(&mut SliceReader<'a>) -> Result<T>) -> Result<T> {
    let mut reader = SliceReader::new(der)?;
    let value = reader.sequence(read)?;
    reader.finish()?;
    Ok(value)
}

fn skip_rest(reader: &mut SliceReader<'_>) -> Result<()> {
    reader.read_slice(reader.remaining_len()).map(|_| ())
}

fn algorithm_identifier<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8]> {
    let algorithm = AnyRef::decode(reader)?;
    algorithm.tag().assert_eq(Tag::Sequence)?;
    Ok(algorithm.value())
}

fn bit_string(bits: BitStringRef<'_>) -> Result<&[u8]> {
    bits.as_bytes().ok_or_else(|| Tag::BitString.value_error().into())
}

fn bits(number: UintRef<'_>) -> usize {
    let bytes = number.as_bytes();
    let leading = bytes.first().map_or(0, |first| first.leading_zeros());
    (8 * bytes.len()).saturating_sub(usize::try_from(leading).unwrap_or(0))
}
