//! What becomes of the peer's certificates once the connection is established.

#[cfg(feature = "std")]
use alloc::sync::Arc;

use super::PeerCertificates;
#[cfg(feature = "std")]
use super::pool::CertificatePool;

/// What becomes of the peer's certificates, or of its raw public key, once the connection is established. A session always keeps
/// them: they are looked at again when it is resumed. Connections that come of one session hold the same memory as it does.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum PeerCertificatesPolicy {
    /// The connection keeps them, some 1 to 4 KiB.
    #[default]
    Kept,
    /// The connection keeps them, and so does the session that it leaves behind, but those of equal peers are in memory once.
    /// For many connections to few servers, or of few clients. One pool can be for several configurations.
    #[cfg(feature = "std")]
    Shared(Arc<CertificatePool>),
    /// The connection does not keep them: from then on it has no `peer_certificates` and no `peer_certificate_digest`, nor has a
    /// [`Dormant`](crate::Dormant) that it becomes. What `tls-server-end-point` is made of
    /// stays with a client, 32 to 64 bytes (RFC 5929 §4.1).
    Dropped,
}

impl PeerCertificatesPolicy {
    /// [`Self::Shared`], with a pool of its own for at most this many different chains.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn shared(capacity: usize) -> Self {
        PeerCertificatesPolicy::Shared(Arc::new(CertificatePool::new(capacity)))
    }

    /// Puts equal certificates in the place of those that were shown by a peer that is authenticated by now.
    pub(crate) fn share(&self, shown: &mut PeerCertificates) {
        match self {
            #[cfg(feature = "std")]
            PeerCertificatesPolicy::Shared(pool) => shown.share(|bytes| pool.share(bytes)),
            PeerCertificatesPolicy::Kept | PeerCertificatesPolicy::Dropped => _ = shown,
        }
    }
}
