use super::library::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use crate::crypto::{BadSignature, KeyAlgorithm};
use crate::message::{NamedGroup, SignatureScheme};

/// `key` is the content of the SubjectPublicKeyInfo's bit string.
pub(in crate::crypto) fn verify(
    key_algorithm: KeyAlgorithm,
    scheme: SignatureScheme,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    let algorithm = algorithm(key_algorithm, scheme).ok_or(BadSignature)?;
    UnparsedPublicKey::new(algorithm, key).verify(message, signature).map_err(|_| BadSignature)
}

fn algorithm(key: KeyAlgorithm, scheme: SignatureScheme) -> Option<&'static dyn VerificationAlgorithm> {
    const P256: KeyAlgorithm = KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1);
    const P384: KeyAlgorithm = KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1);
    // In TLS 1.2 an ECDSA scheme names the hash; the curve is the key's (RFC 8422 §5.1.3).
    Some(match (key, scheme) {
        (P256, SignatureScheme::ECDSA_SECP256R1_SHA256) => &signature::ECDSA_P256_SHA256_ASN1,
        (P256, SignatureScheme::ECDSA_SECP384R1_SHA384) => &signature::ECDSA_P256_SHA384_ASN1,
        (P384, SignatureScheme::ECDSA_SECP256R1_SHA256) => &signature::ECDSA_P384_SHA256_ASN1,
        (P384, SignatureScheme::ECDSA_SECP384R1_SHA384) => &signature::ECDSA_P384_SHA384_ASN1,
        (KeyAlgorithm::Ed25519, SignatureScheme::ED25519) => &signature::ED25519,
        (KeyAlgorithm::Rsa { .. }, SignatureScheme::RSA_PSS_RSAE_SHA256) => &signature::RSA_PSS_2048_8192_SHA256,
        (KeyAlgorithm::Rsa { .. }, SignatureScheme::RSA_PSS_RSAE_SHA384) => &signature::RSA_PSS_2048_8192_SHA384,
        (KeyAlgorithm::Rsa { .. }, SignatureScheme::RSA_PSS_RSAE_SHA512) => &signature::RSA_PSS_2048_8192_SHA512,
        (KeyAlgorithm::Rsa { .. }, SignatureScheme::RSA_PKCS1_SHA256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (KeyAlgorithm::Rsa { .. }, SignatureScheme::RSA_PKCS1_SHA384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (KeyAlgorithm::Rsa { .. }, SignatureScheme::RSA_PKCS1_SHA512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        _ => return super::further_ecdsa(key, scheme),
    })
}
