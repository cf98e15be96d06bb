use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::library::error::KeyRejected;
use super::library::rand::SystemRandom;
use super::library::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair};
use super::library::signature::{KeyPair, RsaEncoding, RsaKeyPair};
use super::{CURVES, NAME, RSA_SIGNING_BITS, ecdsa_pair};
use pki_types::{AlgorithmIdentifier, PrivateKeyDer, alg_id};

use crate::crypto::asn1::{self, EcPrivateKey, Pkcs8};
use crate::crypto::{KeyError, PublicKey, SignError, SigningKey};
use crate::decision::Decision;
use crate::message::SignatureScheme;

/// A curve that private keys can be on.
pub(super) struct Curve {
    pub(super) identifier: AlgorithmIdentifier,
    /// How it is called in messages.
    pub(super) name: &'static str,
    /// The schemes that the library signs with on it, the best first.
    pub(super) schemes: &'static [(SignatureScheme, &'static EcdsaSigningAlgorithm)],
}

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
    schemes: Vec<SignatureScheme>,
}

enum Pair {
    /// With the length of a signature in bytes.
    Rsa(RsaKeyPair, usize),
    /// The library's key pair has its hash: there is one for each scheme.
    Ecdsa(Vec<(SignatureScheme, EcdsaKeyPair)>),
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
                let is_it = |known: &&Curve| known.identifier.strip_prefix(ID_EC_PUBLIC_KEY) == Some(curve);
                Self::ecdsa(CURVES.iter().find(is_it).ok_or_else(unsupported)?, &key)
            }
            PrivateKeyDer::Pkcs8(pkcs8) => {
                let Pkcs8 { algorithm, key } = Pkcs8::read(pkcs8.secret_pkcs8_der()).map_err(malformed)?;
                if algorithm == alg_id::RSA_ENCRYPTION.as_ref() {
                    Self::rsa(key)
                } else if algorithm == alg_id::ED25519.as_ref() {
                    Self::ed25519(pkcs8.secret_pkcs8_der())
                } else {
                    let is_it = |known: &&Curve| known.identifier.as_ref() == algorithm;
                    let curve = CURVES.iter().find(is_it).ok_or_else(unsupported)?;
                    Self::ecdsa(curve, &EcPrivateKey::read(key).map_err(malformed)?)
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
        let public = PublicKey::from_parts(alg_id::RSA_ENCRYPTION, pair.public_key().as_ref()).map_err(malformed)?;
        Ok(Key { pair: Pair::Rsa(pair, bits.div_ceil(8)), public, schemes: RSA_SCHEMES.to_vec() })
    }

    fn ecdsa(curve: &Curve, key: &EcPrivateKey<'_>) -> Result<Self, KeyError> {
        let public = key.public.ok_or_else(|| {
            KeyError::Unsupported("an EC key without its public key inside (`openssl pkey` adds it)".to_string())
        })?;
        let pair = |&(scheme, algorithm)| Ok((scheme, ecdsa_pair(algorithm, key.private, public)?));
        let pairs = curve.schemes.iter().map(pair).collect::<Result<Vec<_>, _>>().map_err(rejected)?;
        let point = pairs.first().map(|(_, pair)| pair.public_key().as_ref()).unwrap_or_default();
        let public = PublicKey::from_parts(curve.identifier, point).map_err(malformed)?;
        let schemes = pairs.iter().map(|(scheme, _)| *scheme).collect();
        Ok(Key { pair: Pair::Ecdsa(pairs), public, schemes })
    }

    fn ed25519(pkcs8: &[u8]) -> Result<Self, KeyError> {
        // Most files are of the first version of PKCS#8, which has no public key to check the private key against.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(rejected)?;
        let public = PublicKey::from_parts(alg_id::ED25519, pair.public_key().as_ref()).map_err(malformed)?;
        Ok(Key { pair: Pair::Ed25519(pair), public, schemes: vec![SignatureScheme::ED25519] })
    }

    fn sign_now(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair, length) => rsa_encoding(scheme).map(|encoding| {
                let mut signature = vec![0; *length];
                pair.sign(encoding, &random, message, &mut signature).map(|()| signature)
            }),
            Pair::Ecdsa(pairs) => pairs
                .iter()
                .find(|(own, _)| *own == scheme)
                .map(|(_, pair)| pair.sign(&random, message).map(|signature| signature.as_ref().to_vec())),
            Pair::Ed25519(pair) => {
                (scheme == SignatureScheme::ED25519).then(|| Ok(pair.sign(message).as_ref().to_vec()))
            }
        };
        let misfit = || format!("a key of the type {} does not sign with {scheme}", self.public.algorithm());
        let signature = signature.ok_or_else(|| SignError::new(misfit()))?;
        signature.map_err(|_| SignError::new(format!("{NAME} refuses to sign")))
    }
}

impl SigningKey for Key {
    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &self.schemes
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        Decision::Now(self.sign_now(scheme, message))
    }

    /// Both ring and AWS-LC verify each RSA signature that they make, before they give it out.
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
    let curves: Vec<_> = CURVES.iter().map(|curve| curve.name).collect();
    KeyError::Unsupported(format!("it is neither RSA, nor on {}, nor Ed25519", curves.join(" or ")))
}
