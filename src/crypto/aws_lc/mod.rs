//! The backend on the crate `aws-lc-rs`, which is the C library AWS-LC with the interface of ring.
//!
//! Unlike ring, AWS-LC wipes what it frees: `OPENSSL_free` overwrites each allocation first.
#![cfg_attr(
    all(feature = "ring", feature = "aws-lc-rs"),
    allow(clippy::duplicate_mod, reason = "what reads the same for both is written once")
)]

use core::ops::RangeInclusive;

use ::aws_lc_rs as library;
use library::error::KeyRejected;
use library::signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, VerificationAlgorithm};
use pki_types::alg_id;

use super::KeyAlgorithm;
use crate::message::{NamedGroup, SignatureScheme};

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
const NAME: &str = "aws-lc-rs";

/// Sizes of RSA keys, in bits, that aws-lc-rs signs with.
const RSA_SIGNING_BITS: RangeInclusive<usize> = 2048..=8192;

/// The curves of private keys, each with the schemes that aws-lc-rs signs with on it. In TLS 1.2 a scheme names the hash, not
/// the curve (RFC 8422 §5.1.3), so that a key on P-521 also serves those who have no SHA-512.
const CURVES: [Curve; 3] = [
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
    Curve {
        identifier: alg_id::ECDSA_P521,
        name: "P-521",
        schemes: &[
            (SignatureScheme::ECDSA_SECP521R1_SHA512, &signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            (SignatureScheme::ECDSA_SECP384R1_SHA384, &signature::ECDSA_P521_SHA384_ASN1_SIGNING),
            (SignatureScheme::ECDSA_SECP256R1_SHA256, &signature::ECDSA_P521_SHA256_ASN1_SIGNING),
        ],
    },
];

fn ecdsa_pair(
    algorithm: &'static EcdsaSigningAlgorithm,
    private: &[u8],
    public: &[u8],
) -> Result<EcdsaKeyPair, KeyRejected> {
    EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, public)
}

/// What aws-lc-rs can verify, the best first.
pub(super) static SCHEMES: [SignatureScheme; 10] = [
    SignatureScheme::ECDSA_SECP256R1_SHA256,
    SignatureScheme::ECDSA_SECP384R1_SHA384,
    SignatureScheme::ECDSA_SECP521R1_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_RSAE_SHA256,
    SignatureScheme::RSA_PSS_RSAE_SHA384,
    SignatureScheme::RSA_PSS_RSAE_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// What ring does not have: P-521, and SHA-512 on any curve.
fn further_ecdsa(key: KeyAlgorithm, scheme: SignatureScheme) -> Option<&'static dyn VerificationAlgorithm> {
    let KeyAlgorithm::Ecdsa(curve) = key else { return None };
    Some(match (curve, scheme) {
        (NamedGroup::SECP256R1, SignatureScheme::ECDSA_SECP521R1_SHA512) => &signature::ECDSA_P256_SHA512_ASN1,
        (NamedGroup::SECP384R1, SignatureScheme::ECDSA_SECP521R1_SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
        (NamedGroup::SECP521R1, SignatureScheme::ECDSA_SECP256R1_SHA256) => &signature::ECDSA_P521_SHA256_ASN1,
        (NamedGroup::SECP521R1, SignatureScheme::ECDSA_SECP384R1_SHA384) => &signature::ECDSA_P521_SHA384_ASN1,
        (NamedGroup::SECP521R1, SignatureScheme::ECDSA_SECP521R1_SHA512) => &signature::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

/// The same algorithms for certificates, where PSS is for keys of the type `rsaEncryption`.
#[cfg(feature = "webpki")]
pub(super) static WEBPKI: &[&dyn pki_types::SignatureVerificationAlgorithm] = &[
    webpki::aws_lc_rs::ECDSA_P256_SHA256,
    webpki::aws_lc_rs::ECDSA_P256_SHA384,
    webpki::aws_lc_rs::ECDSA_P256_SHA512,
    webpki::aws_lc_rs::ECDSA_P384_SHA256,
    webpki::aws_lc_rs::ECDSA_P384_SHA384,
    webpki::aws_lc_rs::ECDSA_P384_SHA512,
    webpki::aws_lc_rs::ECDSA_P521_SHA256,
    webpki::aws_lc_rs::ECDSA_P521_SHA384,
    webpki::aws_lc_rs::ECDSA_P521_SHA512,
    webpki::aws_lc_rs::ED25519,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA384,
    webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA512,
];
