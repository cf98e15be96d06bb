use pki_types::CertificateDer;

use super::{Backend, Digest, HashAlgorithm, Hasher, asn1};
use crate::error::CertificateError;

/// Object identifiers of signatures with the hash that `tls-server-end-point` takes for them (RFC 5929 §4.1): their own, but
/// SHA-256 for MD5 and SHA-1.
const SIGNATURES: [(&[u8], HashAlgorithm); 9] = [
    // RFC 3279 §2.2.1: md5WithRSAEncryption, sha1WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04], HashAlgorithm::Sha256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05], HashAlgorithm::Sha256),
    // RFC 4055 §5: sha256WithRSAEncryption, sha384WithRSAEncryption, sha512WithRSAEncryption
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b], HashAlgorithm::Sha256),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c], HashAlgorithm::Sha384),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d], HashAlgorithm::Sha512),
    // RFC 3279 §2.2.3: ecdsa-with-SHA1; RFC 5758 §3.2: ecdsa-with-SHA256, ecdsa-with-SHA384, ecdsa-with-SHA512
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], HashAlgorithm::Sha256),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02], HashAlgorithm::Sha256),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03], HashAlgorithm::Sha384),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04], HashAlgorithm::Sha512),
];

/// RFC 4055 §3.1: id-RSASSA-PSS
const PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];

/// RFC 4055 §2.1: id-sha256, id-sha384, id-sha512
const HASHES: [(&[u8], HashAlgorithm); 3] = [
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], HashAlgorithm::Sha256),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], HashAlgorithm::Sha384),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], HashAlgorithm::Sha512),
];

/// The digest of a certificate that is its `tls-server-end-point`; `None` where RFC 5929 §4.1 defines none.
pub(crate) fn server_end_point(
    backend: Backend,
    certificate: &CertificateDer<'_>,
) -> Result<Option<Digest>, CertificateError> {
    Ok(certificate_hash(certificate)?.map(|hash| {
        let mut hasher = Hasher::new(backend, hash);
        hasher.update(certificate);
        hasher.finish()
    }))
}

/// The hash with which `tls-server-end-point` is made for this certificate.
fn certificate_hash(certificate: &CertificateDer<'_>) -> Result<Option<HashAlgorithm>, CertificateError> {
    find(certificate).map_err(|error| CertificateError::BadEncoding(alloc::format!("{error}")))
}

fn find(certificate: &[u8]) -> der::Result<Option<HashAlgorithm>> {
    let algorithm = asn1::certificate_signature_algorithm(certificate)?;
    let (identifier, parameters) = asn1::identifier_and_parameters(algorithm)?;
    if identifier != PSS {
        return Ok(lookup(&SIGNATURES, identifier));
    }
    match asn1::pss_hash(parameters.unwrap_or_default())? {
        // SHA-1
        None => Ok(Some(HashAlgorithm::Sha256)),
        Some(hash) => Ok(lookup(&HASHES, asn1::identifier_and_parameters(hash)?.0)),
    }
}

fn lookup(table: &[(&[u8], HashAlgorithm)], identifier: &[u8]) -> Option<HashAlgorithm> {
    table.iter().find(|(known, _)| *known == identifier).map(|(_, hash)| *hash)
}

#[cfg(test)]
mod tests {
    use pki_types::pem::PemObject;

    use super::*;

    fn of_pem(pem: &[u8]) -> Option<HashAlgorithm> {
        certificate_hash(&CertificateDer::from_pem_slice(pem).unwrap()).unwrap()
    }

    fn of_signature(algorithm: &'static rcgen::SignatureAlgorithm) -> Option<HashAlgorithm> {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        certificate_hash(rcgen::CertificateParams::default().self_signed(&key).unwrap().der()).unwrap()
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        assert_eq!(of_signature(&rcgen::PKCS_ECDSA_P256_SHA256), Some(HashAlgorithm::Sha256));
        assert_eq!(of_signature(&rcgen::PKCS_ECDSA_P384_SHA384), Some(HashAlgorithm::Sha384));
        assert_eq!(of_pem(include_bytes!("../../tests/data/rsa-1024.pem")), Some(HashAlgorithm::Sha256));
        assert_eq!(of_pem(include_bytes!("../../tests/data/rsa-pss-sha384.pem")), Some(HashAlgorithm::Sha384));
    }

    #[test]
    fn sha_1_becomes_sha_256_and_ed25519_has_none() {
        assert_eq!(of_pem(include_bytes!("../../tests/data/rsa-sha1.pem")), Some(HashAlgorithm::Sha256));
        assert_eq!(of_signature(&rcgen::PKCS_ED25519), None);
    }

    #[test]
    fn what_is_no_certificate_is_an_error_wherever_it_ends() {
        let certificate =
            CertificateDer::from_pem_slice(include_bytes!("../../tests/data/rsa-pss-sha384.pem")).unwrap();
        for end in 0..certificate.len() {
            assert!(certificate_hash(&certificate[..end].into()).is_err(), "{end}");
        }
    }
}
