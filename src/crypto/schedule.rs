//! From the key exchange to the keys of the records (RFC 5246 §6.3, §8.1, RFC 7627 §4), and Finished (RFC 5246 §7.4.9).

use alloc::boxed::Box;

use zeroize::Zeroizing;

use super::{AeadAlgorithm, Backend, Digest, MasterSecret, OpeningKey, Prf, SealingKey, SharedSecret, Suite};

/// Whose Finished (RFC 5246 §7.4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FinishedLabel {
    Client,
    Server,
}

impl MasterSecret {
    /// RFC 5246 §8.1: from the key exchange and both randoms.
    pub(crate) fn derive(
        &mut self,
        backend: Backend,
        suite: &Suite,
        shared: &SharedSecret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) {
        self.expand(backend, suite, shared, b"master secret", &[client_random, server_random]);
    }

    /// RFC 7627 §4: from the key exchange and the hash of the handshake up to and including ClientKeyExchange.
    pub(crate) fn derive_extended(
        &mut self,
        backend: Backend,
        suite: &Suite,
        shared: &SharedSecret,
        session_hash: &Digest,
    ) {
        self.expand(backend, suite, shared, b"extended master secret", &[session_hash.as_ref()]);
    }

    fn expand(&mut self, backend: Backend, suite: &Suite, shared: &SharedSecret, label: &[u8], seed: &[&[u8]]) {
        Prf::new(backend, suite.hash, shared.as_bytes()).fill(label, seed, self.0.as_mut_slice());
    }

    /// The PRF that is keyed by it: once, for all that is derived from it.
    pub(crate) fn prf(&self, backend: Backend, suite: &Suite) -> Prf {
        Prf::new(backend, suite.hash, self.0.as_slice())
    }
}

/// Of the PRF that is keyed by the master secret.
impl Prf {
    /// RFC 5246 §6.3: the keys of both directions. An AEAD has no MAC keys (RFC 5288 §3).
    pub(crate) fn keys(&self, suite: &Suite, client_random: &[u8; 32], server_random: &[u8; 32]) -> Keys {
        let (key_len, iv_len) = (suite.aead.key_len(), suite.aead.fixed_iv_len());
        let mut key_block = Zeroizing::new([0; 2 * (TrafficKey::MAX_KEY + TrafficKey::MAX_IV)]);
        if let Some(key_block) = key_block.get_mut(..2 * (key_len + iv_len)) {
            // The randoms stand the other way round than in the master secret.
            self.fill(b"key expansion", &[server_random, client_random], key_block);
        }

        let mut keys = Keys::zero(suite.aead);
        let mut bytes = key_block.iter();
        for (field, length) in [
            (keys.client.key.as_mut_slice(), key_len),
            (keys.server.key.as_mut_slice(), key_len),
            (keys.client.iv.as_mut_slice(), iv_len),
            (keys.server.iv.as_mut_slice(), iv_len),
        ] {
            field.iter_mut().take(length).zip(&mut bytes).for_each(|(to, from)| *to = *from);
        }
        keys
    }

    /// RFC 5246 §7.4.9: what Finished says, given the hash of all messages before it.
    pub(crate) fn verify_data(&self, label: FinishedLabel, transcript: &Digest) -> [u8; 12] {
        let label: &[u8] = match label {
            FinishedLabel::Client => b"client finished",
            FinishedLabel::Server => b"server finished",
        };
        let mut verify_data = [0; 12];
        self.fill(label, &[transcript.as_ref()], &mut verify_data);
        verify_data
    }
}

/// The keys of a connection.
pub(crate) struct Keys {
    /// What the client writes with, and the server reads.
    pub(crate) client: TrafficKey,
    /// What the server writes with, and the client reads.
    pub(crate) server: TrafficKey,
}

impl Keys {
    pub(crate) fn zero(algorithm: AeadAlgorithm) -> Self {
        Keys { client: TrafficKey::zero(algorithm), server: TrafficKey::zero(algorithm) }
    }

    /// Those of our side and of the peer's.
    pub(crate) fn of(&self, client: bool) -> (&TrafficKey, &TrafficKey) {
        if client { (&self.client, &self.server) } else { (&self.server, &self.client) }
    }

    /// A copy in a box, and nowhere else.
    pub(crate) fn boxed(&self) -> Box<Keys> {
        let mut copy = Box::new(Keys::zero(self.client.algorithm));
        copy.copy_from(self);
        copy
    }

    /// Takes over a copy, in its place.
    pub(crate) fn copy_from(&mut self, from: &Keys) {
        self.client.set(from.client.key(), from.client.iv());
        self.server.set(from.server.key(), from.server.iv());
    }
}

/// The write key and the write IV of one direction (RFC 5246 §6.3), not yet set up.
pub(crate) struct TrafficKey {
    algorithm: AeadAlgorithm,
    key: Zeroizing<[u8; Self::MAX_KEY]>,
    iv: Zeroizing<[u8; Self::MAX_IV]>,
}

impl TrafficKey {
    const MAX_KEY: usize = 32;
    const MAX_IV: usize = 12;

    fn zero(algorithm: AeadAlgorithm) -> Self {
        TrafficKey { algorithm, key: Zeroizing::default(), iv: Zeroizing::default() }
    }

    /// The key of the sending side.
    pub(crate) fn sealing(&self, backend: Backend) -> SealingKey {
        SealingKey::new(backend, self.algorithm, self.key(), &self.iv)
    }

    /// The key of the receiving side.
    pub(crate) fn opening(&self, backend: Backend) -> OpeningKey {
        OpeningKey::new(backend, self.algorithm, self.key(), &self.iv)
    }

    pub(crate) fn algorithm(&self) -> AeadAlgorithm {
        self.algorithm
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.key.get(..self.algorithm.key_len()).unwrap_or_default()
    }

    /// The part of the nonce that is the same for each record: 4 bytes or 12.
    pub(crate) fn iv(&self) -> &[u8] {
        self.iv.get(..self.algorithm.fixed_iv_len()).unwrap_or_default()
    }

    /// Takes over copies of a key and an IV, in their place; each has the length that the algorithm wants.
    pub(crate) fn set(&mut self, key: &[u8], iv: &[u8]) {
        self.key.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        self.iv.iter_mut().zip(iv).for_each(|(to, from)| *to = *from);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hasher;
    use super::*;
    use crate::message::CipherSuite;

    fn suite(id: CipherSuite) -> &'static Suite {
        Suite::find(id).expect("a suite of ours")
    }

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        hex::decode(hex).expect("hex").try_into().expect("the length of the field")
    }

    /// NIST CAVP, "Existing Application-Specific Key Derivation Functions" (SP 800-135): tls.rsp, TLS 1.2 with SHA-256.
    /// CAVP expands the keys from other randoms than those of the hellos.
    #[test]
    fn the_master_secret_and_keys_are_those_of_nist() {
        let suite = suite(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256);
        let pre_master_secret: [u8; 48] =
            bytes("f8938ecc9edebc5030c0c6a441e213cd24e6f770a50dda07876f8d55da062bcadb386b411fd4fe4313a604fce6c17fbc");
        let shared = SharedSecret::new(&pre_master_secret).expect("a good length");
        let client_random: [u8; 32] = bytes("36c129d01a3200894b9179faac589d9835d58775f9b5ea3587cb8fd0364cae8c");
        let server_random: [u8; 32] = bytes("f6c9575ed7ddd73e1f7d16eca115415812a43c2b747daaaae043abfb50053fce");
        for &backend in Backend::ALL {
            let mut master_secret = MasterSecret::zero();
            master_secret.derive(backend, suite, &shared, &client_random, &server_random);
            assert_eq!(
                hex::encode(master_secret.as_bytes()),
                "202c88c00f84a17a20027079604787461176455539e705be730890602c289a5001e34eeb3a043e5d52a65e66125188bf",
                "{backend:?}"
            );

            let Keys { client, server } = master_secret.prf(backend, suite).keys(
                suite,
                &bytes("62e1fd91f23f558a605f28478c58cf72637b89784d959df7e946d3f07bd1b616"),
                &bytes("ae6c806f8ad4d80784549dff28a4b58fd837681a51d928c3e30ee5ff14f39868"),
            );
            assert_eq!(
                hex::encode([&client.key[..], &server.key[..], &client.iv[..], &server.iv[..]].concat()),
                "d06139889fffac1e3a71865f504aa5d0d2a2e89506c6f2279b670c3e1b74f531\
                 016a2530c51a3a0f7e1d6590d0f0566b2f387f8d11fd4f731cdd572d2eae927f\
                 6f2f81410b25e6960be68985add6c38445ad9f8c64bf8068",
                "{backend:?}"
            );
        }
    }

    /// What the tests below derive from; what they expect was computed with Python's `hmac` and `hashlib`.
    fn extended(suite: &Suite) -> (MasterSecret, Digest) {
        let mut hasher = Hasher::new(Backend::default(), suite.hash);
        hasher.update(b"ClientHello..ClientKeyExchange");
        let session_hash = hasher.finish();
        let mut master_secret = MasterSecret::zero();
        master_secret.derive_extended(Backend::default(), suite, &shared_secret(), &session_hash);
        (master_secret, session_hash)
    }

    fn shared_secret() -> SharedSecret {
        let shared: [u8; 32] = core::array::from_fn(|index| u8::try_from(index + 1).expect("below 256"));
        SharedSecret::new(&shared).expect("a good length")
    }

    #[test]
    fn the_extended_master_secret_is_derived_from_the_session_hash() {
        for (id, expected) in [
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                "4a77bee3e57603fb431a7733c1d255ab70ba1a7456226fa05412d3fde1503d9c32d1cef6530163d9a20d6bfcd0c46813",
            ),
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                "855f3c6621e77c3b81ad76a9a62c430bba83e863f57dca625e4aea13d5d494e69ab5fb927003897601e0041817fc2d29",
            ),
        ] {
            assert_eq!(hex::encode(extended(suite(id)).0.as_bytes()), expected, "{id}");
        }
    }

    #[test]
    fn the_key_block_is_cut_as_the_suite_needs_it() {
        for (id, [client_key, server_key, client_iv, server_iv]) in [
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                ["a51d03766c398c6ebd28afa1fc518367", "9e7447c8c7661764e631ee0b5e1bb440", "4faa207e", "38e4bc1d"],
            ),
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                [
                    "bd86cd8ebaf223e334d42fd4b3b22f4803a2d16e1a5af3dc33eb82aad0773d60",
                    "ca5cb009a9b58d1b099ee6735243e455841643a3f5709cbfa3067279a79f73f7",
                    "55b44748",
                    "907ac66e",
                ],
            ),
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                [
                    "a51d03766c398c6ebd28afa1fc5183679e7447c8c7661764e631ee0b5e1bb440",
                    "4faa207e38e4bc1def062b2783fbc17c9a8baec5231038655e43c58225b04305",
                    "851599be7eaff34d3288e015",
                    "3867ba2113d528ab47fe30c8",
                ],
            ),
        ] {
            let suite = suite(id);
            let keys = extended(suite).0.prf(Backend::default(), suite).keys(suite, &[0xc1; 32], &[0x5e; 32]);
            assert_eq!(hex::encode(keys.client.key()), client_key, "{id}: client_write_key");
            assert_eq!(hex::encode(keys.server.key()), server_key, "{id}: server_write_key");
            let backend = Backend::default();
            let padded = |iv: &str| alloc::format!("{iv:0<24}");
            assert_eq!(hex::encode(keys.client.sealing(backend).iv()), padded(client_iv), "{id}: client_write_IV");
            assert_eq!(hex::encode(keys.server.opening(backend).iv()), padded(server_iv), "{id}: server_write_IV");
        }
    }

    #[test]
    fn verify_data_differs_by_side() {
        for (id, client, server) in [
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                "c2f191255877389e7276c66b",
                "9ce3b0a43da0426a2c507c1d",
            ),
            (
                CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                "bf2f89b816a746e730eca3bf",
                "448b54e1194a8ab8ed847715",
            ),
        ] {
            let (master_secret, transcript) = extended(suite(id));
            let prf = master_secret.prf(Backend::default(), suite(id));
            assert_eq!(hex::encode(prf.verify_data(FinishedLabel::Client, &transcript)), client, "{id}");
            assert_eq!(hex::encode(prf.verify_data(FinishedLabel::Server, &transcript)), server, "{id}");
        }
    }

    #[test]
    fn what_one_side_seals_the_other_opens() {
        for suite in &super::super::SUITES {
            let ours = extended(suite).0.prf(Backend::default(), suite).keys(suite, &[1; 32], &[2; 32]);
            let theirs = extended(suite).0.prf(Backend::default(), suite).keys(suite, &[1; 32], &[2; 32]);
            let (sealing, opening) =
                (ours.client.sealing(Backend::default()), theirs.client.opening(Backend::default()));
            let mut record = *b"a record and room for its tag...";
            let (data, tag) = record.split_at_mut(16);
            tag.copy_from_slice(&sealing.seal_in_place([7; 12], &[8; 13], data).expect("short enough"));
            assert_eq!(opening.open_in_place([7; 12], &[8; 13], &mut record), Ok(16), "{}", suite.id);
            assert_eq!(&record[..16], b"a record and roo");
            assert_eq!(opening.algorithm(), suite.aead);
        }
    }
}
