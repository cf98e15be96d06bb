//! From the key exchange to the keys of the records (RFC 5246 §6.3, §8.1, RFC 7627 §4), and Finished (RFC 5246 §7.4.9).

use zeroize::{Zeroize, Zeroizing};

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
        backend: Backend,
        suite: &Suite,
        shared: SharedSecret,
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> Self {
        Self::expand(backend, suite, &shared, b"master secret", &[client_random, server_random])
    }

    /// RFC 7627 §4: from the key exchange and the hash of the handshake up to and including ClientKeyExchange.
    pub(crate) fn derive_extended(
        backend: Backend,
        suite: &Suite,
        shared: SharedSecret,
        session_hash: &Digest,
    ) -> Self {
        Self::expand(backend, suite, &shared, b"extended master secret", &[session_hash.as_ref()])
    }

    /// The one of a session that is resumed.
    pub(crate) fn resume(backend: Backend, suite: &Suite, secret: &[u8; Self::LEN]) -> Self {
        MasterSecret { secret: *secret, prf: Prf::new(backend, suite.hash, secret) }
    }

    fn expand(backend: Backend, suite: &Suite, shared: &SharedSecret, label: &[u8], seed: &[&[u8]]) -> Self {
        let mut secret = Zeroizing::new([0; Self::LEN]);
        Prf::new(backend, suite.hash, shared.as_bytes()).fill(label, seed, secret.as_mut());
        Self::resume(backend, suite, &secret)
    }

    /// RFC 5246 §6.3: the keys of both directions. An AEAD has no MAC keys (RFC 5288 §3).
    pub(crate) fn keys(&self, suite: &Suite, client_random: &[u8; 32], server_random: &[u8; 32]) -> Keys {
        let (key_len, iv_len) = (suite.aead.key_len(), suite.aead.fixed_iv_len());
        let mut key_block = Zeroizing::new([0; 2 * (TrafficKey::MAX_KEY + TrafficKey::MAX_IV)]);
        if let Some(key_block) = key_block.get_mut(..2 * (key_len + iv_len)) {
            // The randoms stand the other way round than in the master secret.
            self.prf.fill(b"key expansion", &[server_random, client_random], key_block);
        }

        let mut client = TrafficKey::zero(suite.aead);
        let mut server = TrafficKey::zero(suite.aead);
        let mut bytes = key_block.iter();
        for (field, length) in [
            (client.key.as_mut_slice(), key_len),
            (server.key.as_mut_slice(), key_len),
            (client.iv.as_mut_slice(), iv_len),
            (server.iv.as_mut_slice(), iv_len),
        ] {
            field.iter_mut().take(length).zip(&mut bytes).for_each(|(to, from)| *to = *from);
        }
        Keys { client, server }
    }

    /// RFC 5246 §7.4.9: what Finished says, given the hash of all messages before it.
    pub(crate) fn verify_data(&self, label: FinishedLabel, transcript: &Digest) -> [u8; 12] {
        let label: &[u8] = match label {
            FinishedLabel::Client => b"client finished",
            FinishedLabel::Server => b"server finished",
        };
        let mut verify_data = [0; 12];
        self.prf.fill(label, &[transcript.as_ref()], &mut verify_data);
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

/// The write key and the write IV of one direction (RFC 5246 §6.3), not yet set up.
pub(crate) struct TrafficKey {
    algorithm: AeadAlgorithm,
    key: [u8; Self::MAX_KEY],
    iv: [u8; Self::MAX_IV],
}

impl TrafficKey {
    const MAX_KEY: usize = 32;
    const MAX_IV: usize = 12;

    fn zero(algorithm: AeadAlgorithm) -> Self {
        TrafficKey { algorithm, key: [0; Self::MAX_KEY], iv: [0; Self::MAX_IV] }
    }

    /// One that a test chooses; the lengths have to be those of the algorithm.
    #[cfg(test)]
    pub(crate) fn new(algorithm: AeadAlgorithm, key: &[u8], iv: &[u8]) -> Self {
        let mut traffic_key = Self::zero(algorithm);
        traffic_key.key[..algorithm.key_len()].copy_from_slice(key);
        traffic_key.iv[..algorithm.fixed_iv_len()].copy_from_slice(iv);
        traffic_key
    }

    /// The key of the sending side.
    pub(crate) fn sealing(self, backend: Backend) -> SealingKey {
        SealingKey::new(backend, self.algorithm, self.key(), self.iv)
    }

    /// The key of the receiving side.
    pub(crate) fn opening(self, backend: Backend) -> OpeningKey {
        OpeningKey::new(backend, self.algorithm, self.key(), self.iv)
    }

    fn key(&self) -> &[u8] {
        self.key.get(..self.algorithm.key_len()).unwrap_or(&self.key)
    }
}

impl Drop for TrafficKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.iv.zeroize();
    }
}
