//! What the keys of an established connection are had from again, as long as they are not expanded.

use super::{AeadAlgorithm, Backend, Keys, MasterSecret, Suite};

/// Stays where it was made, in a box: it is filled there, and read there.
pub(crate) enum KeySource {
    /// All that the handshake gave: exporters and bindings, too.
    Master {
        secret: MasterSecret,
        server_random: [u8; 32],
        /// The first Finished (RFC 5929 §3).
        tls_unique: [u8; 12],
    },
    /// The keys of the records alone.
    Traffic(Keys),
}

impl KeySource {
    /// Zeros, to be filled by [`Self::set_master`].
    pub(crate) fn empty_master() -> Self {
        KeySource::Master { secret: MasterSecret::zero(), server_random: [0; 32], tls_unique: [0; 12] }
    }

    /// Zeros, to be filled by [`Self::set_traffic`].
    pub(crate) fn empty_traffic(algorithm: AeadAlgorithm) -> Self {
        KeySource::Traffic(Keys::zero(algorithm))
    }

    /// Fills [`Self::empty_master`] in its place.
    pub(crate) fn set_master(&mut self, from: &[u8; MasterSecret::LEN], random: &[u8; 32], unique: &[u8; 12]) {
        if let KeySource::Master { secret, server_random, tls_unique } = self {
            secret.copy_from(from);
            *server_random = *random;
            *tls_unique = *unique;
        }
    }

    /// Fills [`Self::empty_traffic`] in its place.
    pub(crate) fn set_traffic(&mut self, from: &Keys) {
        if let KeySource::Traffic(keys) = self {
            keys.copy_from(from);
        }
    }

    /// Lends the keys of the records, which are expanded from the master secret where that is still there.
    pub(crate) fn with_keys<T>(
        &self,
        backend: Backend,
        suite: &Suite,
        client_random: &[u8; 32],
        work: impl FnOnce(&Keys) -> T,
    ) -> T {
        match self {
            KeySource::Master { secret, server_random, .. } => {
                work(&secret.prf(backend, suite).keys(suite, client_random, server_random))
            }
            KeySource::Traffic(keys) => work(keys),
        }
    }
}
