use ::aws_lc_rs::hmac;

use crate::crypto::HashAlgorithm;

/// An HMAC key, hashed into the states from which each HMAC starts: they are copied, not made again. AWS-LC cleanses the key and
/// each copy where it is dropped (`HMAC_CTX_cleanup`); nobody does where it was moved from.
pub(in crate::crypto) struct Key(hmac::Key);

impl Key {
    pub(in crate::crypto) fn new(hash: HashAlgorithm, secret: &[u8]) -> Self {
        let algorithm = match hash {
            HashAlgorithm::Sha256 => hmac::HMAC_SHA256,
            HashAlgorithm::Sha384 => hmac::HMAC_SHA384,
            HashAlgorithm::Sha512 => hmac::HMAC_SHA512,
        };
        Key(hmac::Key::new(algorithm, secret))
    }

    /// As many bytes of the HMAC as `out` has, or all of it.
    pub(in crate::crypto) fn sign(&self, message: &[u8], out: &mut [u8]) {
        let tag = hmac::sign(&self.0, message);
        let length = out.len().min(tag.as_ref().len());
        if let (Some(out), Some(tag)) = (out.get_mut(..length), tag.as_ref().get(..length)) {
            out.copy_from_slice(tag);
        }
    }
}
