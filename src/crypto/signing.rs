//! Private keys that sign handshakes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug};

use crate::decision::Decision;
use crate::message::SignatureScheme;

use super::PublicKey;

/// A private key that signs. [`Backend::load_key`](super::Backend::load_key) makes one from a file; one of your own can sit in
/// a KMS or HSM.
pub trait SigningKey: Debug + Send + Sync {
    /// The public half, which has to be that of the certificate.
    fn public_key(&self) -> PublicKey;

    /// The schemes that the key can sign with, the best first.
    fn schemes(&self) -> &[SignatureScheme];

    /// Signs `message`, which is not hashed yet, with one of [`schemes`](Self::schemes): now, or later by
    /// [`Ask::Sign`](crate::Ask).
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>>;
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(String);

impl SignError {
    /// An error that says `why`.
    pub fn new(why: impl Into<String>) -> Self {
        SignError(why.into())
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SignError {}

/// Why a private key cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not encoded as its format says, or its numbers don't fit together.
    Malformed(String),
    /// Its type, curve or format is one that the backend cannot sign with.
    Unsupported(String),
    /// An RSA key has fewer bits than allowed, or more.
    RsaKeySize {
        /// Size of the modulus.
        bits: usize,
        /// The fewest that the backend signs with.
        least: usize,
        /// The most that the backend signs with.
        most: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(detail) => write!(f, "the private key is malformed: {detail}"),
            Self::Unsupported(detail) => write!(f, "the private key is not supported: {detail}"),
            Self::RsaKeySize { bits, least, most } => {
                write!(f, "the private key is an RSA key of {bits} bits; {least} to {most} are supported")
            }
        }
    }
}

impl core::error::Error for KeyError {}
