use core::hint::black_box;
#[cfg(feature = "std")]
use std::sync::OnceLock;

use ::ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::crypto::{AeadAlgorithm, OpenFailed, SealFailed};

/// An expanded key. Of a key whose length is wrong there is none, and it neither seals nor opens anything.
pub(in crate::crypto) struct Key(Option<LessSafeKey>);

impl Key {
    /// In line, so that the key is made where it stays.
    #[inline(always)]
    pub(in crate::crypto) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Self {
        let algorithm = match algorithm {
            AeadAlgorithm::Aes128Gcm => &aead::AES_128_GCM,
            AeadAlgorithm::Aes256Gcm => &aead::AES_256_GCM,
            AeadAlgorithm::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        Key(expand(algorithm, key))
    }

    #[inline]
    pub(in crate::crypto) fn seal_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; AeadAlgorithm::TAG_LEN], SealFailed> {
        let key = self.0.as_ref().ok_or(SealFailed)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = key.seal_in_place_separate_tag(nonce, Aad::from(aad), data).map_err(|_| SealFailed)?;
        tag.as_ref().try_into().map_err(|_| SealFailed)
    }

    /// ring seals in place alone: the plaintext is copied first.
    #[inline]
    pub(in crate::crypto) fn seal_scatter(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), SealFailed> {
        let (data, room_for_tag) = out.split_at_mut_checked(plaintext.len()).ok_or(SealFailed)?;
        let room_for_tag: &mut [u8; AeadAlgorithm::TAG_LEN] = room_for_tag.try_into().map_err(|_| SealFailed)?;
        data.copy_from_slice(plaintext);
        *room_for_tag = self.seal_in_place(nonce, aad, data)?;
        Ok(())
    }

    #[inline]
    pub(in crate::crypto) fn open_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        let key = self.0.as_ref().ok_or(OpenFailed)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plaintext = key.open_in_place(nonce, Aad::from(aad), ciphertext_and_tag).map_err(|_| OpenFailed)?;
        Ok(plaintext.len())
    }

    /// ring's keys don't wipe themselves: a dummy of the same algorithm goes over the whole of it. `black_box` keeps the
    /// compiler from leaving that out.
    fn wipe(&mut self) {
        if let Some(key) = &mut self.0
            && let Some(dummy) = dummy(key.algorithm())
        {
            *key = dummy;
            black_box(key);
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.wipe();
    }
}

/// The key of zeros. It is expanded once for each algorithm, since each connection needs it.
#[cfg(feature = "std")]
fn dummy(algorithm: &'static aead::Algorithm) -> Option<LessSafeKey> {
    static DUMMIES: [OnceLock<Option<LessSafeKey>>; 3] = [const { OnceLock::new() }; 3];
    let index =
        [&aead::AES_128_GCM, &aead::AES_256_GCM, &aead::CHACHA20_POLY1305].iter().position(|it| *it == algorithm);
    DUMMIES.get(index?)?.get_or_init(|| zeros(algorithm)).clone()
}

#[cfg(not(feature = "std"))]
fn dummy(algorithm: &'static aead::Algorithm) -> Option<LessSafeKey> {
    zeros(algorithm)
}

fn zeros(algorithm: &'static aead::Algorithm) -> Option<LessSafeKey> {
    expand(algorithm, [0; 32].get(..algorithm.key_len())?)
}

#[inline(always)]
fn expand(algorithm: &'static aead::Algorithm, key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_key_is_the_key_of_zeros() {
        for algorithm in [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305] {
            let seal = |key: &Key| key.seal_in_place([0; 12], &[], &mut [0; 32]);
            let mut key = Key::new(algorithm, &[1; 32][..algorithm.key_len()]);
            let dummy = Key::new(algorithm, &[0; 32][..algorithm.key_len()]);
            assert_ne!(seal(&key), seal(&dummy), "{algorithm:?}");
            key.wipe();
            assert_eq!(seal(&key), seal(&dummy), "{algorithm:?}");
        }
    }
}
