//! Authenticated encryption, of records and of tickets. Nonces and additional data are for those who use it to choose.

use alloc::boxed::Box;

use zeroize::Zeroizing;

use super::Backend;
#[cfg(feature = "aws-lc-rs")]
use super::aws_lc;
#[cfg(feature = "ring")]
use super::ring;

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

/// A record could not be sealed: it is longer than the algorithm allows, which no record of TLS is, or the output has another
/// length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SealFailed;

/// A record is not what the owner of the key has sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenFailed;

/// Key and IV of one direction, in one box, so that a connection can be moved and leaves no copy. ring's keys fill theirs;
/// those of aws-lc-rs are a pointer, and their box is small.
enum Protection {
    #[cfg(feature = "ring")]
    Ring(Box<Protected<ring::aead::Key>>),
    #[cfg(feature = "aws-lc-rs")]
    AwsLc(Box<Protected<aws_lc::aead::Key>>),
}

struct Protected<K> {
    key: K,
    algorithm: AeadAlgorithm,
    iv: Zeroizing<[u8; 12]>,
}

impl Protection {
    fn new(backend: Backend, algorithm: AeadAlgorithm, key: &[u8], iv: &[u8; 12]) -> Self {
        let iv = Zeroizing::new(*iv);
        match backend {
            #[cfg(feature = "ring")]
            Backend::Ring => {
                Self::Ring(Box::new(Protected { key: ring::aead::Key::new(algorithm, key), algorithm, iv }))
            }
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => {
                Self::AwsLc(Box::new(Protected { key: aws_lc::aead::Key::new(algorithm, key), algorithm, iv }))
            }
        }
    }

    #[inline]
    fn algorithm(&self) -> AeadAlgorithm {
        on_backend!(self, Protection(protected) => protected.algorithm)
    }

    #[inline]
    fn iv(&self) -> &[u8; 12] {
        on_backend!(self, Protection(protected) => &protected.iv)
    }

    #[inline]
    fn seal_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; AeadAlgorithm::TAG_LEN], SealFailed> {
        on_backend!(self, Protection(protected) => protected.key.seal_in_place(nonce, aad, data))
    }

    #[inline]
    fn seal_scatter(&self, nonce: [u8; 12], aad: &[u8], plaintext: &[u8], out: &mut [u8]) -> Result<(), SealFailed> {
        on_backend!(self, Protection(protected) => protected.key.seal_scatter(nonce, aad, plaintext, out))
    }

    #[inline]
    fn open_in_place(&self, nonce: [u8; 12], aad: &[u8], ciphertext_and_tag: &mut [u8]) -> Result<usize, OpenFailed> {
        on_backend!(self, Protection(protected) => protected.key.open_in_place(nonce, aad, ciphertext_and_tag))
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
                self.0.algorithm()
            }

            /// The part of the nonce that is the same for each record: 4 bytes, with zeros behind them, or 12.
            #[inline]
            pub(crate) fn iv(&self) -> &[u8; 12] {
                self.0.iv()
            }
        }
    )+ };
}

for_both_directions!(SealingKey, OpeningKey);

/// The key and IV with which records are sent.
pub(crate) struct SealingKey(Protection);

impl SealingKey {
    /// Encrypts `data` in place and returns the tag.
    #[inline]
    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8; 13],
        data: &mut [u8],
    ) -> Result<[u8; AeadAlgorithm::TAG_LEN], SealFailed> {
        self.0.seal_in_place(nonce, aad, data)
    }

    /// Encrypts `plaintext` into `out`, with the tag behind it: `out` must have room for exactly these. Where the library can,
    /// nothing is copied.
    #[inline]
    pub(crate) fn seal_scatter(
        &self,
        nonce: [u8; 12],
        aad: &[u8; 13],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), SealFailed> {
        self.0.seal_scatter(nonce, aad, plaintext, out)
    }
}

/// The key and IV with which records are received.
pub(crate) struct OpeningKey(Protection);

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
        self.0.open_in_place(nonce, aad, ciphertext_and_tag)
    }
}

/// A key for what is no record, and is opened by who sealed it: AES-256-GCM with nonces of the caller.
#[cfg(feature = "std")]
pub(crate) struct AeadKey(Protection);

#[cfg(feature = "std")]
impl AeadKey {
    /// Bytes of a key.
    pub(crate) const LEN: usize = 32;

    pub(crate) fn new(backend: Backend, key: &[u8; Self::LEN]) -> Self {
        AeadKey(Protection::new(backend, AeadAlgorithm::Aes256Gcm, key, &[0; 12]))
    }

    /// As [`SealingKey::seal_in_place`].
    pub(crate) fn seal_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; AeadAlgorithm::TAG_LEN], SealFailed> {
        self.0.seal_in_place(nonce, aad, data)
    }

    /// As [`OpeningKey::open_in_place`].
    pub(crate) fn open_in_place(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        ciphertext_and_tag: &mut [u8],
    ) -> Result<usize, OpenFailed> {
        self.0.open_in_place(nonce, aad, ciphertext_and_tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALGORITHMS: [AeadAlgorithm; 3] =
        [AeadAlgorithm::Aes128Gcm, AeadAlgorithm::Aes256Gcm, AeadAlgorithm::ChaCha20Poly1305];

    #[derive(Clone, Copy)]
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

    fn key(backend: Backend, algorithm: AeadAlgorithm, key: &[u8]) -> Protection {
        Protection::new(backend, algorithm, key, &[0; 12])
    }

    fn pairs<T: Copy>(list: &[T]) -> impl Iterator<Item = (Backend, T)> {
        Backend::ALL.iter().flat_map(move |backend| list.iter().map(move |item| (*backend, *item)))
    }

    fn bytes(hex: &str) -> alloc::vec::Vec<u8> {
        hex::decode(hex).expect("hex")
    }

    #[test]
    fn records_are_sealed_and_opened_as_published() {
        for (backend, vector) in pairs(&VECTORS) {
            let key = key(backend, vector.algorithm, &bytes(vector.key));
            let nonce = bytes(vector.nonce).try_into().expect("12 bytes");
            let aad = bytes(vector.aad);
            let mut data = bytes(vector.plaintext);
            let length = data.len();
            let tag = key.seal_in_place(nonce, &aad, &mut data).expect("short enough");
            assert_eq!(hex::encode(&data), vector.ciphertext, "{backend:?}, {:?}", vector.algorithm);
            assert_eq!(hex::encode(tag), vector.tag, "{backend:?}, {:?}", vector.algorithm);

            data.extend_from_slice(&tag);
            assert_eq!(key.open_in_place(nonce, &aad, &mut data), Ok(length), "{backend:?}, {:?}", vector.algorithm);
            assert_eq!(hex::encode(&data[..length]), vector.plaintext, "{backend:?}, {:?}", vector.algorithm);

            let mut out = alloc::vec![0xee; length + AeadAlgorithm::TAG_LEN];
            assert_eq!(
                key.seal_scatter(nonce, &aad, &data[..length], &mut out),
                Ok(()),
                "{backend:?}, {:?}",
                vector.algorithm
            );
            assert_eq!(
                hex::encode(&out),
                [vector.ciphertext, vector.tag].concat(),
                "{backend:?}, {:?}",
                vector.algorithm
            );
        }
    }

    #[test]
    fn one_changed_bit_anywhere_does_not_open() {
        for (backend, algorithm) in pairs(&ALGORITHMS) {
            let key = key(backend, algorithm, &[1; 32][..algorithm.key_len()]);
            let mut sealed = [0; 40];
            let tag = key.seal_in_place([2; 12], &[3; 13], &mut sealed[..24]).expect("short enough");
            sealed[24..].copy_from_slice(&tag);
            for bit in 0..8 * sealed.len() {
                let mut changed = sealed;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(
                    key.open_in_place([2; 12], &[3; 13], &mut changed),
                    Err(OpenFailed),
                    "{backend:?}, {algorithm:?}, bit {bit}"
                );
            }
            for length in 0..sealed.len() {
                let mut shorter = sealed;
                let opened = key.open_in_place([2; 12], &[3; 13], &mut shorter[..length]);
                assert_eq!(opened, Err(OpenFailed), "{backend:?}, {algorithm:?}, the first {length} bytes");
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
    fn each_length_is_sealed_in_place_and_elsewhere_alike_by_each_backend() {
        for algorithm in ALGORITHMS {
            for length in (0..300).chain([1 << 14]) {
                let plaintext: alloc::vec::Vec<u8> = (0..=255).cycle().take(length).collect();
                let mut sealed = alloc::vec::Vec::new();
                for backend in Backend::ALL {
                    let key = key(*backend, algorithm, &[1; 32][..algorithm.key_len()]);
                    let mut in_place = plaintext.clone();
                    let tag = key.seal_in_place([2; 12], &[3; 13], &mut in_place).expect("short enough");
                    in_place.extend_from_slice(&tag);
                    let mut elsewhere = alloc::vec![0xee; length + AeadAlgorithm::TAG_LEN];
                    key.seal_scatter([2; 12], &[3; 13], &plaintext, &mut elsewhere).expect("short enough");
                    sealed.extend([in_place, elsewhere]);
                }
                for other in &sealed {
                    assert!(*other == sealed[0], "{algorithm:?}, {length} bytes");
                }
            }
        }
    }

    #[test]
    fn an_output_of_another_length_than_ciphertext_and_tag_is_refused() {
        for (backend, algorithm) in pairs(&ALGORITHMS) {
            let key = key(backend, algorithm, &[1; 32][..algorithm.key_len()]);
            for length in (0..60).filter(|length| *length != 24 + AeadAlgorithm::TAG_LEN) {
                let sealed = key.seal_scatter([2; 12], &[3; 13], &[5; 24], &mut alloc::vec![0; length]);
                assert_eq!(sealed, Err(SealFailed), "{backend:?}, {algorithm:?}, {length} bytes");
            }
        }
    }

    #[test]
    fn a_key_of_a_wrong_length_neither_seals_nor_opens() {
        for (backend, algorithm) in pairs(&ALGORITHMS) {
            let key = key(backend, algorithm, &[1; 31]);
            assert_eq!(key.seal_in_place([0; 12], &[], &mut [0; 32]), Err(SealFailed));
            assert_eq!(key.seal_scatter([0; 12], &[], &[0; 16], &mut [0; 32]), Err(SealFailed));
            assert_eq!(key.open_in_place([0; 12], &[], &mut [0; 32]), Err(OpenFailed));
        }
    }
}
