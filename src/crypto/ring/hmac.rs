use core::hint::black_box;

use ::ring::hmac;

use crate::crypto::{Digest, HashAlgorithm};

/// An HMAC key, hashed into the states from which each HMAC starts.
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

    pub(in crate::crypto) fn sign<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        parts.for_each(|part| context.update(part));
        Digest::new(context.sign().as_ref())
    }

    /// ring's keys don't wipe themselves: another one goes over it. `black_box` keeps the compiler from leaving that out.
    fn wipe(&mut self) {
        self.0 = hmac::Key::new(self.0.algorithm(), &[]);
        black_box(&mut self.0);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.wipe();
    }
}

#[cfg(test)]
mod tests {
    use core::iter::once;

    use super::*;

    #[test]
    fn a_wiped_key_is_the_key_of_no_bytes() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
            let mut key = Key::new(hash, b"secret");
            let sign = |key: &Key| hex::encode(key.sign(once(&b"message"[..])));
            let dummy = Key::new(hash, &[]);
            assert_ne!(sign(&key), sign(&dummy));
            key.wipe();
            assert_eq!(sign(&key), sign(&dummy));
        }
    }
}
