use core::hint::black_box;

use ::ring::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::crypto::{AeadAlgorithm, OpenFailed, SealFailed};

/// An expanded key. Of a key whose length is wrong there is none, and it neither seals nor opens anything.
pub(in crate::crypto) struct Key(Option<LessSafeKey>);

impl Key {
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
            && let Some(zeros) = [0; 32].get(..key.algorithm().key_len())
            && let Some(dummy) = expand(key.algorithm(), zeros)
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

fn expand(algorithm: &'static aead::Algorithm, key: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [AeadAlgorithm; 3] =
        [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305];

    struct Vector {
        algorithm: AeadAlgorithm,
        key: &'static str,
        nonce: &'static str,
        aad: &'static str,
        plaintext: &'static str,
        ciphertext: &'static str,
        tag: &'static str,
    }

    /// AES-GCM: McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B, test cases 4 and 16.
    /// ChaCha20-Poly1305: RFC 8439 §2.8.2.
    const VECTORS: [Vector; 3] = [
        Vector {
            algorithm: AeadAlgorithm::Aes128Gcm,
            key: "feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            ciphertext: "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e\
                         21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091",
            tag: "5bc94fbc3221a5db94fae95ae7121a47",
        },
        Vector {
            algorithm: AeadAlgorithm::Aes256Gcm,
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            plaintext: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                        1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            ciphertext: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
            tag: "76fc6ece0f4e1768cddf8853bb2d551b",
        },
        Vector {
            algorithm: AeadAlgorithm::ChaCha20Poly1305,
            key: "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
            nonce: "070000004041424344454647",
            aad: "50515253c0c1c2c3c4c5c6c7",
            plaintext: "4c616469657320616e642047656e746c656d656e206f662074686520636c6173\
                        73206f66202739393a204966204920636f756c64206f6666657220796f75206f\
                        6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73\
                        637265656e20776f756c642062652069742e",
            ciphertext: "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6\
                         3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36\
                         92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc\
                         3ff4def08e4b7a9de576d26586cec64b6116",
            tag: "1ae10b594f09e26a7e902ecbd0600691",
        },
    ];

    fn bytes(hex: &str) -> alloc::vec::Vec<u8> {
        hex::decode(hex).expect("hex")
    }

    #[test]
    fn records_are_sealed_and_opened_as_published() {
        for vector in VECTORS {
            let key = Key::new(vector.algorithm, &bytes(vector.key));
            let nonce = bytes(vector.nonce).try_into().expect("12 bytes");
            let aad = bytes(vector.aad);
            let mut data = bytes(vector.plaintext);
            let length = data.len();
            let tag = key.seal_in_place(nonce, &aad, &mut data).expect("short enough");
            assert_eq!(hex::encode(&data), vector.ciphertext, "{:?}", vector.algorithm);
            assert_eq!(hex::encode(tag), vector.tag, "{:?}", vector.algorithm);

            data.extend_from_slice(&tag);
            assert_eq!(key.open_in_place(nonce, &aad, &mut data), Ok(length), "{:?}", vector.algorithm);
            assert_eq!(hex::encode(&data[..length]), vector.plaintext, "{:?}", vector.algorithm);
        }
    }

    #[test]
    fn one_changed_bit_anywhere_does_not_open() {
        for algorithm in ALGORITHMS {
            let key = Key::new(algorithm, &[1; 32][..algorithm.key_len()]);
            let mut sealed = [0; 40];
            let tag = key.seal_in_place([2; 12], &[3; 13], &mut sealed[..24]).expect("short enough");
            sealed[24..].copy_from_slice(&tag);
            for bit in 0..8 * sealed.len() {
                let mut changed = sealed;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(
                    key.open_in_place([2; 12], &[3; 13], &mut changed),
                    Err(OpenFailed),
                    "{algorithm:?}, bit {bit}"
                );
            }
            for length in 0..sealed.len() {
                let mut shorter = sealed;
                let opened = key.open_in_place([2; 12], &[3; 13], &mut shorter[..length]);
                assert_eq!(opened, Err(OpenFailed), "{algorithm:?}, the first {length} bytes");
            }
            assert_eq!(key.open_in_place([4; 12], &[3; 13], &mut sealed.clone()), Err(OpenFailed), "another nonce");
            assert_eq!(
                key.open_in_place([2; 12], &[4; 13], &mut sealed.clone()),
                Err(OpenFailed),
                "other data beside it"
            );
            assert_eq!(key.open_in_place([2; 12], &[3; 13], &mut sealed), Ok(24));
        }
    }

    #[test]
    fn a_wiped_key_is_the_key_of_zeros() {
        for algorithm in ALGORITHMS {
            let seal = |key: &Key| key.seal_in_place([0; 12], &[], &mut [0; 32]);
            let mut key = Key::new(algorithm, &[1; 32][..algorithm.key_len()]);
            let dummy = Key::new(algorithm, &[0; 32][..algorithm.key_len()]);
            assert_ne!(seal(&key), seal(&dummy), "{algorithm:?}");
            key.wipe();
            assert_eq!(seal(&key), seal(&dummy), "{algorithm:?}");
        }
    }

    #[test]
    fn a_key_of_a_wrong_length_neither_seals_nor_opens() {
        for algorithm in ALGORITHMS {
            let key = Key::new(algorithm, &[1; 31]);
            assert_eq!(key.seal_in_place([0; 12], &[], &mut [0; 32]), Err(SealFailed));
            assert_eq!(key.open_in_place([0; 12], &[], &mut [0; 32]), Err(OpenFailed));
        }
    }
}
