//! What the kernel does with the keys that it is given, by bare ring.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// One direction as the kernel keeps it: `struct tls12_crypto_info_…` of `include/uapi/linux/tls.h`, read by its field sizes.
pub(crate) struct Kernel {
    key: LessSafeKey,
    iv: Vec<u8>,
    salt: Vec<u8>,
    rec_seq: u64,
}

impl Kernel {
    pub(crate) fn new(info: &[u8]) -> Self {
        let u16_at = |at: usize| u16::from_ne_bytes(info[at..at + 2].try_into().unwrap());
        assert_eq!(u16_at(0), 0x0303, "TLS_1_2_VERSION");
        // TLS_CIPHER_…, IV_SIZE, KEY_SIZE, SALT_SIZE
        let (algorithm, sizes): (&'static Algorithm, [usize; 3]) = match u16_at(2) {
            51 => (&AES_128_GCM, [8, 16, 4]),
            52 => (&AES_256_GCM, [8, 32, 4]),
            54 => (&CHACHA20_POLY1305, [12, 32, 0]),
            other => panic!("cipher {other}"),
        };
        let mut at = 4;
        let [iv, key, salt, rec_seq] = [sizes[0], sizes[1], sizes[2], 8].map(|size| {
            at += size;
            info[at - size..at].to_vec()
        });
        assert_eq!(at, info.len());
        Kernel {
            key: LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap()),
            iv,
            salt,
            rec_seq: u64::from_be_bytes(rec_seq.try_into().unwrap()),
        }
    }

    fn has_explicit_nonce(&self) -> bool {
        !self.salt.is_empty()
    }

    /// AES-GCM: salt and explicit nonce; ChaCha20-Poly1305: IV XOR sequence number.
    fn nonce(&self, explicit: &[u8]) -> Nonce {
        let mut nonce = [&self.salt[..], explicit].concat();
        if !self.has_explicit_nonce() {
            nonce = self.iv.clone();
            nonce[4..].iter_mut().zip(self.rec_seq.to_be_bytes()).for_each(|(to, from)| *to ^= from);
        }
        Nonce::try_assume_unique_for_key(&nonce).unwrap()
    }

    fn aad(&self, content_type: u8, length: usize) -> Aad<Vec<u8>> {
        let length = u16::try_from(length).unwrap().to_be_bytes();
        Aad::from([&self.rec_seq.to_be_bytes()[..], &[content_type, 3, 3], &length].concat())
    }

    /// A whole record in, its data out.
    pub(crate) fn open(&mut self, record: &[u8]) -> Vec<u8> {
        let (header, fragment) = record.split_at(5);
        let (explicit, sealed) = fragment.split_at(if self.has_explicit_nonce() { 8 } else { 0 });
        let mut data = sealed.to_vec();
        let aad = self.aad(header[0], data.len() - 16);
        let length = self.key.open_in_place(self.nonce(explicit), aad, &mut data).unwrap().len();
        data.truncate(length);
        self.rec_seq += 1;
        data
    }

    /// The kernel counts the explicit nonce on with the sequence number.
    pub(crate) fn seal(&mut self, content_type: u8, data: &[u8]) -> Vec<u8> {
        let explicit = if self.has_explicit_nonce() { self.iv.clone() } else { Vec::new() };
        let mut sealed = data.to_vec();
        let (nonce, aad) = (self.nonce(&explicit), self.aad(content_type, data.len()));
        self.key.seal_in_place_append_tag(nonce, aad, &mut sealed).unwrap();
        if self.has_explicit_nonce() {
            let next = u64::from_be_bytes(self.iv[..].try_into().unwrap()) + 1;
            self.iv = next.to_be_bytes().to_vec();
        }
        self.rec_seq += 1;
        let length = u16::try_from(explicit.len() + sealed.len()).unwrap().to_be_bytes();
        [&[content_type, 3, 3][..], &length, &explicit, &sealed].concat()
    }
}
