//! The backend on the crate `ring`.
#![cfg_attr(
    all(feature = "ring", feature = "aws-lc-rs"),
    allow(clippy::duplicate_mod, reason = "what reads the same for both is written once")
)]

use core::ops::RangeInclusive;

use ::ring as library;
use library::error::KeyRejected;
use library::rand::SystemRandom;
use library::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, VerificationAlgorithm};
use pki_types::alg_id;

use super::KeyAlgorithm;
use crate::message::SignatureScheme;

pub(super) mod aead;
pub(super) mod agreement;
pub(super) mod hmac;

// What reads the same for each backend: see `mirrored`.
#[path = "../mirrored/hash.rs"]
pub(super) mod hash;
#[path = "../mirrored/random.rs"]
pub(super) mod random;
#[path = "../mirrored/signing.rs"]
pub(super) mod signing;
#[path = "../mirrored/verify.rs"]
pub(super) mod verify;

use signing::Curve;

/// The library's name in messages.
const NAME: &str = "ring";

/// Sizes of RSA keys, in bits, that ring signs with.
const RSA_SIGNING_BITS: RangeInclusive<usize> = 2048..=4096;

/// The curves of private keys, each with the one scheme that ring signs with on it.
const CURVES: [Curve; 2] = [
    Curve {
        identifier: alg_id::ECDSA_P256,
        name: "P-256",
        schemes: &[(SignatureScheme::ECDSA_SECP256R1_SHA256, &signature::ECDSA_P256_SHA256_ASN1_SIGNING)],
    },
    Curve {
        identifier: alg_id::ECDSA_P384,
        name: "P-384",
        schemes: &[(SignatureScheme::ECDSA_SECP384R1_SHA384, &signature::ECDSA_P384_SHA384_ASN1_SIGNING)],
    },
];

fn ecdsa_pair(
    algorithm: &'static EcdsaSigningAlgorithm,
    private: &[u8],
    public: &[u8],
) -> Result<EcdsaKeyPair, KeyRejected> {
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public, &SystemRandom::new())
}

/// What ring can verify, the best first. It has no P-521, and no SHA-512 with ECDSA.
pub(super) static SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// The combinations of curve and hash that ring alone does not have.
fn further_ecdsa(_: KeyAlgorithm, _: SignatureScheme) -> Option<&'static dyn VerificationAlgorithm> {
    None
}

/// The same algorithms for certificates, where PSS is for keys of the type `rsaEncryption`.
#[cfg(feature = "webpki")]
pub(super) static WEBPKI: &[&dyn pki_types::SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P256_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ED25519,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    webpki::ring::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512,
];
