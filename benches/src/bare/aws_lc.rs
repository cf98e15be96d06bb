//! On aws-lc-rs.

use ::aws_lc_rs as provider;
use provider::aead::{Aad, LessSafeKey, Nonce};
use provider::agreement::{EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use provider::error::Unspecified;
use provider::rand::SystemRandom;
use provider::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair, VerificationAlgorithm,
};

#[path = "calls.rs"]
#[allow(clippy::duplicate_mod, reason = "the same calls of another crate, which has the same interface")]
mod calls;
pub use calls::*;

static ECDSA_P256_SHA256: &dyn VerificationAlgorithm = &ECDSA_P256_SHA256_ASN1;
static RSA_PKCS1_SHA256: &dyn VerificationAlgorithm = &RSA_PKCS1_2048_8192_SHA256;
static RSA_PSS: &dyn VerificationAlgorithm = &RSA_PSS_2048_8192_SHA256;

fn ecdsa_key(pkcs8: &[u8], _: &SystemRandom) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).expect("a key")
}

fn sign_rsa(key: &RsaKeyPair, random: &SystemRandom, message: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PSS_SHA256, random, message, &mut signature).expect("a signature");
    signature
}

fn agree(private: EphemeralPrivateKey, public: &[u8]) -> [u8; 32] {
    let public = UnparsedPublicKey::new(&provider::agreement::X25519, public);
    agree_ephemeral(private, public, Unspecified, |secret| secret.try_into().map_err(|_| Unspecified))
        .expect("a secret")
}

/// With the tag apart: `open_in_place` moves the plaintext to where it already stands.
#[inline]
fn open(key: &LessSafeKey, nonce: Nonce, aad: Aad<[u8; 13]>, record: &mut [u8]) -> usize {
    let length = record.len() - 16;
    let (ciphertext, tag) = record.split_at_mut(length);
    key.open_in_place_separate_tag(nonce, aad, tag, ciphertext).expect("opened").len()
}
