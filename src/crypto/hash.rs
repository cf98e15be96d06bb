//! Hash functions.

use crate::message::SignatureScheme;
use core::fmt;

use zeroize::Zeroize;

use super::Backend;
#[cfg(feature = "aws-lc-rs")]
use super::aws_lc;
#[cfg(feature = "ring")]
use super::ring;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    /// The hash of a signature scheme, if it signs digests.
    pub(crate) const fn of_scheme(scheme: SignatureScheme) -> Option<Self> {
        match scheme {
            SignatureScheme::RSA_PKCS1_SHA256
            | SignatureScheme::RSA_PSS_RSAE_SHA256
            | SignatureScheme::ECDSA_SECP256R1_SHA256 => Some(Self::Sha256),
            SignatureScheme::RSA_PKCS1_SHA384
            | SignatureScheme::RSA_PSS_RSAE_SHA384
            | SignatureScheme::ECDSA_SECP384R1_SHA384 => Some(Self::Sha384),
            SignatureScheme::RSA_PKCS1_SHA512
            | SignatureScheme::RSA_PSS_RSAE_SHA512
            | SignatureScheme::ECDSA_SECP521R1_SHA512 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Length of a digest in bytes.
    pub(crate) const fn output_len(self) -> usize {
        match self {
            HashAlgorithm::Sha256 => 32,
            HashAlgorithm::Sha384 => 48,
            HashAlgorithm::Sha512 => 64,
        }
    }
}

/// What a hash function made of a message.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    bytes: [u8; 64],
    length: usize,
}

impl Digest {
    /// The digest of no hash function at all.
    pub(crate) const EMPTY: Digest = Digest { bytes: [0; 64], length: 0 };

    /// Takes the first 64 bytes; no hash function here has a longer digest.
    pub(super) fn new(digest: &[u8]) -> Self {
        let mut bytes = [0; 64];
        let length = digest.len().min(bytes.len());
        if let (Some(to), Some(from)) = (bytes.get_mut(..length), digest.get(..length)) {
            to.copy_from_slice(from);
        }
        Digest { bytes, length }
    }
}

impl Zeroize for Digest {
    fn zeroize(&mut self) {
        self.bytes.zeroize();
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A hash function at work.
pub(crate) enum Hasher {
    #[cfg(feature = "ring")]
    Ring(ring::hash::Context),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(aws_lc::hash::Context),
}

impl Hasher {
    pub(crate) fn new(backend: Backend, algorithm: HashAlgorithm) -> Self {
        match backend {
            #[cfg(feature = "ring")]
            Backend::Ring => Hasher::Ring(ring::hash::start(algorithm)),
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => Hasher::AwsLc(aws_lc::hash::start(algorithm)),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        on_backend!(self, Hasher(context) => context.update(bytes))
    }

    pub(crate) fn finish(self) -> Digest {
        on_backend!(self, Hasher(context) => Digest::new(context.finish().as_ref()))
    }

    /// The digest of what came so far; more can come afterwards.
    pub(crate) fn fork(&self) -> Digest {
        on_backend!(self, Hasher(context) => Digest::new(context.clone().finish().as_ref()))
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(backend: Backend, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new(backend, HashAlgorithm::Sha256);
    hasher.update(bytes);
    hasher.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

/// SHA-1 of `bytes`, for what OCSP names issuers by (RFC 6960 §4.1.1). No signature is made or checked with it.
#[cfg(feature = "webpki")]
pub(crate) fn sha1_name(backend: Backend, bytes: &[u8]) -> Digest {
    match backend {
        #[cfg(feature = "ring")]
        Backend::Ring => Digest::new(ring::hash::sha1(bytes).as_ref()),
        #[cfg(feature = "aws-lc-rs")]
        Backend::AwsLc => Digest::new(aws_lc::hash::sha1(bytes).as_ref()),
    }
}

/// SHA-256 of `name` and `parts`, each with its length before it.
pub(crate) fn digest<'a>(name: &'a str, parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hasher = Hasher::new(Backend::default(), HashAlgorithm::Sha256);
    for part in [name.as_bytes()].into_iter().chain(parts) {
        hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    hasher.finish().as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 180-4 examples: the digests of "abc".
    #[test]
    fn abc_has_the_digests_of_fips_180() {
        for (algorithm, expected) in [
            (HashAlgorithm::Sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                HashAlgorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                HashAlgorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            for backend in Backend::ALL {
                let mut hasher = Hasher::new(*backend, algorithm);
                hasher.update(b"ab");
                assert_ne!(hex::encode(hasher.fork()), expected, "{backend:?}, {algorithm:?}: not all was hashed yet");
                hasher.update(b"c");
                assert_eq!(hex::encode(hasher.fork()), expected, "{backend:?}, {algorithm:?}");
                let digest = hasher.finish();
                assert_eq!(hex::encode(digest), expected, "{backend:?}, {algorithm:?}");
                assert_eq!(digest.as_ref().len(), algorithm.output_len());
            }
        }
    }
}
