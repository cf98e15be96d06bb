use super::library::digest;

use crate::crypto::HashAlgorithm;

pub(in crate::crypto) use super::library::digest::Context;

pub(in crate::crypto) fn start(algorithm: HashAlgorithm) -> Context {
    Context::new(match algorithm {
        HashAlgorithm::Sha256 => &digest::SHA256,
        HashAlgorithm::Sha384 => &digest::SHA384,
        HashAlgorithm::Sha512 => &digest::SHA512,
    })
}

#[cfg(feature = "webpki")]
pub(in crate::crypto) fn sha1(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
}
