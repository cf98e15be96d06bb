use ::aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::crypto::{AeadAlgorithm, OpenFailed, SealFailed};

/// An expanded key, which AWS-LC keeps in an allocation of its own and wipes when it frees it (`EVP_AEAD_CTX_free`). Of a
/// key whose length is wrong there is none, and it neither seals nor opens anything.
pub(in crate::crypto) struct Key(Option<LessSafeKey>);

impl Key {
    pub(in crate::crypto) fn new(algorithm: AeadAlgorithm, key: &[u8]) -> Self {
        let algorithm = match algorithm {
            AeadAlgorithm::Aes128Gcm => &aead::AES_128_GCM,
            AeadAlgorithm::Aes256Gcm => &aead::AES_256_GCM,
            AeadAlgorithm::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        Key(UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new))
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

    /// Nothing is copied. (The plaintext as the extra input of `seal_in_place_scatter` would give the same, but AWS-LC expects a
    /// few bytes there: it encrypts them with ChaCha20 one by one.)
    #[inline]
    pub(in crate::crypto) fn seal_scatter(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), SealFailed> {
        let key = self.0.as_ref().ok_or(SealFailed)?;
        let (ciphertext, tag) = out.split_at_mut_checked(plaintext.len()).ok_or(SealFailed)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_out_of_place_scatter(nonce, Aad::from(aad), plaintext, ciphertext, &[], tag).map_err(|_| SealFailed)
    }

    /// With the tag apart: `open_in_place` of aws-lc-rs moves the plaintext to where it already stands.
    #[inline]
    pub(in crate::crypto) fn open_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        let key = self.0.as_ref().ok_or(OpenFailed)?;
        let length = ciphertext_and_tag.len().checked_sub(AeadAlgorithm::TAG_LEN).ok_or(OpenFailed)?;
        let (ciphertext, tag) = ciphertext_and_tag.split_at_mut_checked(length).ok_or(OpenFailed)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.open_in_place_separate_tag(nonce, Aad::from(aad), tag, ciphertext).map_err(|_| OpenFailed)?;
        Ok(length)
    }
}
