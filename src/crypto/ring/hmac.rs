use core::hint::black_box;
#[cfg(feature = "std")]
use std::sync::OnceLock;

use ::ring::hmac;

use crate::crypto::HashAlgorithm;

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

    /// As many bytes of the HMAC as `out` has, or all of it.
    pub(in crate::crypto) fn sign(&self, message: &[u8], out: &mut [u8]) {
        let tag = hmac::sign(&self.0, message);
        let length = out.len().min(tag.as_ref().len());
        if let (Some(out), Some(tag)) = (out.get_mut(..length), tag.as_ref().get(..length)) {
            out.copy_from_slice(tag);
        }
    }

    /// ring's keys don't wipe themselves: another one goes over it. `black_box` keeps the compiler from leaving that out.
    fn wipe(&mut self) {
        self.0 = dummy(self.0.algorithm());
        black_box(&mut self.0);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The key of no bytes. It is made once for each hash function, since each handshake needs it.
#[cfg(feature = "std")]
fn dummy(algorithm: hmac::Algorithm) -> hmac::Key {
    static SHA256: OnceLock<hmac::Key> = OnceLock::new();
    static SHA384: OnceLock<hmac::Key> = OnceLock::new();
    static SHA512: OnceLock<hmac::Key> = OnceLock::new();
    let dummy = if algorithm == hmac::HMAC_SHA256 {
        &SHA256
    } else if algorithm == hmac::HMAC_SHA384 {
        &SHA384
    } else {
        &SHA512
    };
    dummy.get_or_init(|| hmac::Key::new(algorithm, &[])).clone()
}

#[cfg(not(feature = "std"))]
fn dummy(algorithm: hmac::Algorithm) -> hmac::Key {
    hmac::Key::new(algorithm, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_key_is_the_key_of_no_bytes() {
        for hash in [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512] {
            let mut key = Key::new(hash, b"secret");
            let sign = |key: &Key| {
                let mut tag = [0; 64];
                key.sign(b"message", &mut tag);
                tag
            };
            let dummy = Key::new(hash, &[]);
            assert_ne!(sign(&key), sign(&dummy));
            key.wipe();
            assert_eq!(sign(&key), sign(&dummy));
        }
    }
}
