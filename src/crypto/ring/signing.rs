use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use ::ring::error::KeyRejected;
use ::ring::rand::SystemRandom;
use ::ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaEncoding, RsaKeyPair};
use pki_types::{AlgorithmIdentifier, PrivateKeyDer, alg_id};

use crate::crypto::asn1::{self, EcPrivateKey, Pkcs8};
use crate::crypto::{KeyError, PublicKey, SignError, SigningKey};
use crate::decision::Decision;
use crate::message::SignatureScheme;

/// Sizes of RSA keys, in bits, that ring signs with.
const RSA_SIGNING_BITS: RangeInclusive<usize> = 2048..=4096;

const CURVES: [AlgorithmIdentifier; 2] = [alg_id::ECDSA_P256, alg_id::ECDSA_P384];

/// The object identifier id-ecPublicKey (RFC 5480 §2.1.1), with its tag and length.
const ID_EC_PUBLIC_KEY: &[u8] = &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const RSA_SCHEMES: [SignatureScheme; 6] = [
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// A private key in memory.
pub(in crate::crypto) struct Key {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    /// With the one scheme that ring has for the curve.
    Ecdsa(EcdsaKeyPair, [SignatureScheme; 1]),
    Ed25519(Ed25519KeyPair),
}

impl Key {
    pub(in crate::crypto) fn load(key: &PrivateKeyDer<'_>) -> Result<Self, KeyError> {
        match key {
            PrivateKeyDer::Pkcs1(key) => Self::rsa(key.secret_pkcs1_der()),
            PrivateKeyDer::Sec1(key) => {
                let key = EcPrivateKey::read(key.secret_sec1_der()).map_err(malformed)?;
                let curve = key.curve.ok_or_else(|| KeyError::Malformed("it names no curve".to_string()))?;
                // RFC 5480 §2.1.1: the curve's AlgorithmIdentifier is id-ecPublicKey, then the curve.
                let is_it = |algorithm: &&AlgorithmIdentifier| algorithm.strip_prefix(ID_EC_PUBLIC_KEY) == Some(curve);
                Self::ecdsa(*CURVES.iter().find(is_it).ok_or_else(unsupported)?, &key)
            }
            PrivateKeyDer::Pkcs8(pkcs8) => {
                let Pkcs8 { algorithm, key } = Pkcs8::read(pkcs8.secret_pkcs8_der()).map_err(malformed)?;
                if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
                    Self::rsa(key)
                } else if algorithm == alg_id::ED25519.as_ref() {
                    Self::ed25519(pkcs8.secret_pkcs8_der())
                } else {
                    let curve = CURVES.iter().find(|curve| curve.as_ref() == algorithm).ok_or_else(unsupported)?;
                    Self::ecdsa(*curve, &EcPrivateKey::read(key).map_err(malformed)?)
                }
            }
            _ => Err(KeyError::Unsupported("a format other than PKCS#8, PKCS#1 and SEC1".to_string())),
        }
    }

    fn rsa(pkcs1: &[u8]) -> Result<Self, KeyError> {
        let bits = asn1::rsa_private_bits(pkcs1).map_err(malformed)?;
        if !RSA_SIGNING_BITS.contains(&bits) {
            return Err(KeyError::RsaKeySize { bits, least: *RSA_SIGNING_BITS.start(), most: *RSA_SIGNING_BITS.end() });
        }
        let pair = RsaKeyPair::from_der(pkcs1).map_err(rejected)?;
        let public = PublicKey::from_parts(alg_id::RSA_ENCRYPTION, pair.public().as_ref()).map_err(malformed)?;
        Ok(Key { pair: Pair::Rsa(pair), public })
    }

    fn ecdsa(curve: AlgorithmIdentifier, key: &EcPrivateKey<'_>) -> Result<Self, KeyError> {
        let (algorithm, scheme) = if curve == alg_id::ECDSA_P256 {
            (&signature::ECDSA_P256_SHA256_ASN1_SIGNING, SignatureScheme::ECDSA_SECP256R1_SHA256)
        } else {
            (&signature::ECDSA_P384_SHA384_ASN1_SIGNING, SignatureScheme::ECDSA_SECP384R1_SHA384)
        };
        let public = key.public.ok_or_else(|| {
            KeyError::Unsupported("an EC key without its public key inside (`openssl pkey` adds it)".to_string())
        })?;
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_private_key_and_public_key(algorithm, key.private, public, &random).map_err(rejected)?;
        let public = PublicKey::from_parts(curve, pair.public_key().as_ref()).map_err(malformed)?;
        Ok(Key { pair: Pair::Ecdsa(pair, [scheme]), public })
    }

    fn ed25519(pkcs8: &[u8]) -> Result<Self, KeyError> {
        // Most files are of the first version of PKCS#8, which has no public key to check the private key against.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(rejected)?;
        let public = PublicKey::from_parts(alg_id::ED25519, pair.public_key().as_ref()).map_err(malformed)?;
        Ok(Key { pair: Pair::Ed25519(pair), public })
    }

    fn sign_now(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::new("ring refuses to sign");
        let random = SystemRandom::new();
        match (&self.pair, rsa_encoding(scheme)) {
            (Pair::Rsa(pair), Some(encoding)) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            (Pair::Ecdsa(pair, [own]), _) if scheme == *own => {
                Ok(pair.sign(&random, message).map_err(failed)?.as_ref().to_vec())
            }
            (Pair::Ed25519(pair), _) if scheme == SignatureScheme::ED25519 => Ok(pair.sign(message).as_ref().to_vec()),
            _ => Err(SignError::new(format!(
                "a key of the type {} does not sign with {scheme}",
                self.public.algorithm()
            ))),
        }
    }
}

impl SigningKey for Key {
    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        match &self.pair {
            Pair::Rsa(_) => &RSA_SCHEMES,
            Pair::Ecdsa(_, scheme) => scheme,
            Pair::Ed25519(_) => &[SignatureScheme::ED25519],
        }
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        Decision::Now(self.sign_now(scheme, message))
    }

    /// ring verifies each RSA signature that it makes.
    fn is_trusted_to_sign_well(&self) -> bool {
        true
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.algorithm())
    }
}

fn rsa_encoding(scheme: SignatureScheme) -> Option<&'static dyn RsaEncoding> {
    Some(match scheme {
        SignatureScheme::RSA_PSS_RSAE_SHA256 => &signature::RSA_PSS_SHA256,
        SignatureScheme::RSA_PSS_RSAE_SHA384 => &signature::RSA_PSS_SHA384,
        SignatureScheme::RSA_PSS_RSAE_SHA512 => &signature::RSA_PSS_SHA512,
        SignatureScheme::RSA_PKCS1_SHA256 => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::RSA_PKCS1_SHA384 => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::RSA_PKCS1_SHA512 => &signature::RSA_PKCS1_SHA512,
        _ => return None,
    })
}

fn malformed(error: der::Error) -> KeyError {
    KeyError::Malformed(error.to_string())
}

fn rejected(error: KeyRejected) -> KeyError {
    KeyError::Malformed(error.to_string())
}

fn unsupported() -> KeyError {
    KeyError::Unsupported("it is neither RSA, nor on P-256 or P-384, nor Ed25519".to_string())
}
