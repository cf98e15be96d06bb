//! The keys for kernel TLS: the layout of Linux, and that records can be made and read with nothing else, by bare ring.

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use tls12::{Connection, WakeError};

use crate::credentials::{ECDSA_SUITES, Kind, backend_groups, identity};
use crate::pair::{Pair, client_config, server_config};

/// One direction as the kernel keeps it: `struct tls12_crypto_info_…` of `include/uapi/linux/tls.h`, read by its field sizes.
struct Kernel {
    key: LessSafeKey,
    iv: Vec<u8>,
    salt: Vec<u8>,
    rec_seq: u64,
}

impl Kernel {
    fn new(info: &[u8]) -> Self {
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
    fn open(&mut self, record: &[u8]) -> Vec<u8> {
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
    fn seal(&mut self, content_type: u8, data: &[u8]) -> Vec<u8> {
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

fn pair(suite: tls12::message::CipherSuite) -> Pair {
    let client = client_config(crate::credentials::authority(), 1).groups(backend_groups());
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256)).cipher_suites(&[suite]);
    let mut pair = Pair::driven(client, server);
    pair.assert_established();
    pair.client_says(b"some records");
    pair.client_says(b"before");
    pair.server_says(b"and back");
    pair
}

/// `end` rests and the kernel goes on for it; its peer does not notice.
fn goes_on<C: Connection, P: Connection>(
    end: crate::pair::End<C>,
    mut peer: crate::pair::End<P>,
    size: usize,
    without_exporters: bool,
) {
    let mut dormant = end.connection.export().unwrap();
    if without_exporters {
        dormant = dormant.without_exporters();
    }
    let secrets = dormant.into_ktls_secrets().unwrap();
    assert_eq!((secrets.transmit.as_bytes().len(), secrets.receive.as_bytes().len()), (size, size));
    let (mut transmit, mut receive) =
        (Kernel::new(secrets.transmit.as_bytes()), Kernel::new(secrets.receive.as_bytes()));
    let before = peer.data().len();
    for round in 0..5_u8 {
        assert_eq!(receive.open(&peer.write(&[round; 1000])), [round; 1000]);
        peer.inbox.extend(transmit.seal(23, &[round; 100]));
        peer.read();
    }
    let expected: Vec<u8> = (0..5).flat_map(|round| [round; 100]).collect();
    assert_eq!(peer.data()[before..], expected);
    peer.inbox = transmit.seal(21, &[1, 0]);
    peer.read();
    assert!(peer.closed(), "{:?}", peer.happened);
}

#[test]
fn records_go_on_in_the_kernel_with_the_keys_and_numbers_that_it_is_given() {
    for (suite, size) in ECDSA_SUITES.into_iter().zip([40, 56, 56]) {
        for without_exporters in [false, true] {
            let Pair { client, server } = pair(suite);
            goes_on(client, server, size, without_exporters);
            let Pair { client, server } = pair(suite);
            goes_on(server, client, size, without_exporters);
        }
    }
}

#[test]
fn a_connection_that_is_closed_in_a_direction_is_not_the_kernels() {
    let mut pair = pair(ECDSA_SUITES[0]);
    pair.client.connection.close();
    pair.drive();
    for dormant in [pair.client.connection.export().unwrap(), pair.server.connection.export().unwrap()] {
        let refused = dormant.into_ktls_secrets().map(|_| ()).unwrap_err();
        assert_eq!(refused.error(), WakeError::Closed);
        assert!(refused.into_inner().to_bytes().len() > 100, "it is still there");
    }
}
