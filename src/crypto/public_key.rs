//! Public keys (RFC 5280 §4.1, RFC 8422 §5.3).

use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;
use core::ops::RangeInclusive;

use pki_types::{AlgorithmIdentifier, CertificateDer, alg_id};

use crate::error::CertificateError;
use crate::message::{NamedGroup, SignatureScheme};

use super::asn1::{self, Spki};
use super::{Backend, SuiteAuth, ring};

/// Sizes of RSA keys, in bits, whose signatures are verified (RFC 9325 §4.5). Larger ones cost a peer nothing and us
/// seconds.
pub(crate) const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// The type of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// `rsaEncryption`
    Rsa {
        /// Size of the modulus.
        bits: usize,
    },
    /// A point on a named curve.
    Ecdsa(NamedGroup),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Something else, which fits no cipher suite of this library.
    Unknown,
}

impl KeyAlgorithm {
    fn of(spki: &Spki<'_>) -> der::Result<Self> {
        const ALGORITHMS: [(AlgorithmIdentifier, KeyAlgorithm); 4] = [
            (alg_id::ECDSA_P256, KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1)),
            (alg_id::ECDSA_P384, KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1)),
            (alg_id::ECDSA_P521, KeyAlgorithm::Ecdsa(NamedGroup::SECP521R1)),
            (alg_id::ED25519, KeyAlgorithm::Ed25519),
        ];
        if spki.algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
            return Ok(KeyAlgorithm::Rsa { bits: asn1::rsa_public_bits(spki.key)? });
        }
        let known = ALGORITHMS.iter().find(|(algorithm, _)| algorithm.as_ref() == spki.algorithm);
        Ok(known.map_or(KeyAlgorithm::Unknown, |(_, known)| *known))
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyAlgorithm::Rsa { bits } => write!(f, "RSA {bits} bits"),
            KeyAlgorithm::Ecdsa(group) => write!(f, "ECDSA {group}"),
            KeyAlgorithm::Ed25519 => f.write_str("Ed25519"),
            KeyAlgorithm::Unknown => f.write_str("unknown"),
        }
    }
}

/// A public key, as certificates have them: a `SubjectPublicKeyInfo`. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Arc<[u8]>,
    algorithm: KeyAlgorithm,
}

impl PublicKey {
    /// Reads the DER encoding of a SubjectPublicKeyInfo (RFC 5280 §4.1).
    ///
    /// A key of a type that this library doesn't know is [`KeyAlgorithm::Unknown`], and an RSA key can have any size;
    /// neither verifies a signature.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`].
    pub fn from_spki(der: &[u8]) -> Result<Self, CertificateError> {
        let algorithm = Spki::read(der).and_then(|spki| KeyAlgorithm::of(&spki)).map_err(bad_encoding)?;
        Ok(PublicKey { spki: der.into(), algorithm })
    }

    /// Takes the key out of a certificate, of which nothing is verified here.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`].
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        PublicKey::from_spki(asn1::certificate_spki(certificate).map_err(bad_encoding)?)
    }

    /// The public half of a private key.
    pub(super) fn from_parts(algorithm: AlgorithmIdentifier, key: &[u8]) -> der::Result<Self> {
        let spki = Spki { algorithm: algorithm.as_ref(), key };
        Ok(PublicKey { algorithm: KeyAlgorithm::of(&spki)?, spki: spki.write()?.into() })
    }

    /// The DER encoding of the SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key's type, and size or curve.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Whether TLS 1.2 lets this key sign with `scheme`.
    ///
    /// An ECDSA scheme names the hash alone and fits any curve (RFC 8422 §5.1.3); SHA-1 fits nothing (RFC 9155 §2).
    #[must_use]
    pub fn allows(&self, scheme: SignatureScheme) -> bool {
        match self.algorithm {
            KeyAlgorithm::Rsa { .. } => matches!(
                scheme,
                SignatureScheme::RSA_PKCS1_SHA256
                    | SignatureScheme::RSA_PKCS1_SHA384
                    | SignatureScheme::RSA_PKCS1_SHA512
                    | SignatureScheme::RSA_PSS_RSAE_SHA256
                    | SignatureScheme::RSA_PSS_RSAE_SHA384
                    | SignatureScheme::RSA_PSS_RSAE_SHA512
            ),
            KeyAlgorithm::Ecdsa(_) => matches!(
                scheme,
                SignatureScheme::ECDSA_SECP256R1_SHA256
                    | SignatureScheme::ECDSA_SECP384R1_SHA384
                    | SignatureScheme::ECDSA_SECP521R1_SHA512
            ),
            KeyAlgorithm::Ed25519 => scheme == SignatureScheme::ED25519,
            KeyAlgorithm::Unknown => false,
        }
    }

    /// Whether a server with this key can use the cipher suites of `auth` (RFC 8422 §5.3).
    pub(crate) fn fits(&self, auth: SuiteAuth) -> bool {
        match self.algorithm {
            KeyAlgorithm::Rsa { .. } => auth == SuiteAuth::Rsa,
            KeyAlgorithm::Ecdsa(_) | KeyAlgorithm::Ed25519 => auth == SuiteAuth::Ecdsa,
            KeyAlgorithm::Unknown => false,
        }
    }

    /// Verifies the signature of `message`, which is not hashed yet.
    ///
    /// # Errors
    /// The signature is wrong, the key does not allow the scheme, the backend cannot verify this key with it, or an RSA
    /// key's size is not within [`RSA_BITS`]: that is known before any work is done.
    pub(crate) fn verify(
        &self,
        backend: Backend,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if let KeyAlgorithm::Rsa { bits } = self.algorithm
            && !RSA_BITS.contains(&bits)
        {
            return Err(BadSignature);
        }
        let key = Spki::read(&self.spki).map_err(|_| BadSignature)?.key;
        match backend {
            Backend::Ring => ring::verify::verify(self.algorithm, scheme, key, message, signature),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.algorithm)
    }
}

/// A signature is wrong, or none that this key can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadSignature;

fn bad_encoding(error: der::Error) -> CertificateError {
    CertificateError::BadEncoding(error.to_string())
}
