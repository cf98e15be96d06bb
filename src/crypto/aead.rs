//! Authenticated encryption, of records and of tickets. Nonces and additional data are for those who use it to choose.

use alloc::boxed::Box;

use zeroize::Zeroizing;

use super::{Backend, ring};

/// An AEAD algorithm of TLS 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AeadAlgorithm {
    /// RFC 5288
    Aes128Gcm,
    /// RFC 5288
    Aes256Gcm,
    /// RFC 7905
    ChaCha20Poly1305,
}

impl AeadAlgorithm {
    /// Bytes of the tag behind the ciphertext: the same for all.
    pub(crate) const TAG_LEN: usize = 16;

    /// Bytes of a key.
    pub(crate) const fn key_len(self) -> usize {
        match self {
            AeadAlgorithm::Aes128Gcm => 16,
            AeadAlgorithm::Aes256Gcm | AeadAlgorithm::ChaCha20Poly1305 => 32,
        }
    }

    /// Bytes of the part of the nonce that comes from the key block (RFC 5288 §3, RFC 7905 §2).
    pub(crate) const fn fixed_iv_len(self) -> usize {
        match self {
            AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm => 4,
            AeadAlgorithm::ChaCha20Poly1305 => 12,
        }
    }

    /// Bytes of the part of the nonce that each record carries (RFC 5288 §3, RFC 7905 §2).
    pub(crate) const fn explicit_nonce_len(self) -> usize {
        match self {
            AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm => 8,
            AeadAlgorithm::ChaCha20Poly1305 => 0,
        }
    }

    /// How many records one key may protect (RFC 9325 §4.4): 2^24.5 with AES-GCM; with ChaCha20 the sequence number
    /// ends before the key does.
    pub(crate) const fn record_limit(self) -> u64 {
        match self {
            AeadAlgorithm::Aes128Gcm | AeadAlgorithm::Aes256Gcm => 23_726_566,
            AeadAlgorithm::ChaCha20Poly1305 => u64::MAX,
        }
    }
}

/// A record could not be sealed: it is longer than the algorithm allows, which no record of TLS is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SealFailed;

/// A record is not what the owner of the key has sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenFailed;

/// The expanded key of one direction.
enum Key {
    Ring(ring::aead::Key),
}

/// Key and IV of one direction, in one box, so that a connection can be moved and leaves no copy.
struct Protection {
    key: Key,
    algorithm: AeadAlgorithm,
    iv: Zeroizing<[u8; 12]>,
}

impl Key {
    fn new(backend: Backend, algorithm: AeadAlgorithm, key: &[u8]) -> Self {
        match backend {
            Backend::Ring => Key::Ring(ring::aead::Key::new(algorithm, key)),
        }
    }
}

impl Protection {
    fn new(backend: Backend, algorithm: AeadAlgorithm, key: &[u8], iv: &[u8; 12]) -> Box<Self> {
        Box::new(Protection { key: Key::new(backend, algorithm, key), algorithm, iv: Zeroizing::new(*iv) })
    }
}

macro_rules! for_both_directions {
    ($($key:ident),+) => { $(
        impl $key {
            pub(super) fn new(backend: Backend, algorithm: AeadAlgorithm, key: &[u8], iv: &[u8; 12]) -> Self {
                $key(Protection::new(backend, algorithm, key, iv))
            }

            #[inline]
            pub(crate) fn algorithm(&self) -> AeadAlgorithm {
                self.0.algorithm
            }

            /// The part of the nonce that is the same for each record: 4 bytes, with zeros behind them, or 12.
            #[inline]
            pub(crate) fn iv(&self) -> &[u8; 12] {
                &self.0.iv
            }
        }
    )+ };
}

for_both_directions!(SealingKey, OpeningKey);

/// The key and IV with which records are sent.
pub(crate) struct SealingKey(Box<Protection>);

impl SealingKey {
    /// Encrypts `data` in place and returns the tag.
    #[inline]
    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8; 13],
        data: &mut [u8],
    ) -> Result<[u8; AeadAlgorithm::TAG_LEN], SealFailed> {
        match &self.0.key {
            Key::Ring(key) => key.seal_in_place(nonce, aad, data),
        }
    }
}

/// The key and IV with which records are received.
pub(crate) struct OpeningKey(Box<Protection>);

impl OpeningKey {
    /// Decrypts in place, and returns the length of the plaintext, which then stands at the front. What could not be
    /// authenticated must not be used.
    #[inline]
    pub(crate) fn open_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8; 13],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        match &self.0.key {
            Key::Ring(key) => key.open_in_place(nonce, aad, ciphertext_and_tag),
        }
    }
}

/// A key for what is no record, and is opened by who sealed it: AES-256-GCM with nonces of the caller.
#[cfg(feature = "std")]
pub(crate) struct AeadKey(Box<Key>);

#[cfg(feature = "std")]
impl AeadKey {
    /// Bytes of a key.
    pub(crate) const LEN: usize = 32;

    pub(crate) fn new(backend: Backend, key: &[u8; Self::LEN]) -> Self {
        AeadKey(Box::new(Key::new(backend, AeadAlgorithm::Aes256Gcm, key)))
    }

    /// As [`SealingKey::seal_in_place`].
    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; AeadAlgorithm::TAG_LEN], SealFailed> {
        match &*self.0 {
            Key::Ring(key) => key.seal_in_place(nonce, aad, data),
        }
    }

    /// As [`OpeningKey::open_in_place`].
    pub(crate) fn open_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        match &*self.0 {
            Key::Ring(key) => key.open_in_place(nonce, aad, ciphertext_and_tag),
        }
    }
}
