//! What throws authentication away. For tests, and for peers whose identity is checked by other means.

use crate::crypto::{PublicKey, digest};
use crate::decision::Decision;
use crate::error::{CertificateError, ConfigError};
use crate::identity::pins::Pins;
use crate::identity::{Peer, Verified, VerifyPeer};

/// Accepts every certificate, whoever issued it and whatever it names.
///
/// The handshake still proves that the peer holds the certificate's key, so whoever is in the middle of the
/// connection can bring a certificate of its own and read and change everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAnything;

impl VerifyPeer for AcceptAnything {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Now(key_of(peer).map(Verified::new))
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some(digest("AcceptAnything", []))
    }
}

/// Accepts a peer whose own key is one of those that are known beforehand, and checks nothing else: neither who issued its
/// certificate, nor what that names, nor whether it expired or was revoked.
///
/// Who is accepted holds one of the keys, and that is all that is known of it: a client accepts each of these servers under
/// each name. To check pins beside the path, see `WebPkiVerifier::with_pins`.
#[derive(Clone, Debug)]
pub struct PinsOnly(Pins);

impl PinsOnly {
    /// Accepts the keys with these SHA-256 digests: see [`PublicKey::sha256`].
    ///
    /// # Errors
    /// No pin was given.
    pub fn new(pins: impl IntoIterator<Item = [u8; 32]>) -> Result<Self, ConfigError> {
        Pins::new(pins).map(PinsOnly)
    }
}

impl VerifyPeer for PinsOnly {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        // Of the peer's own certificate alone: the others prove nothing without a path.
        let key = key_of(peer).and_then(|key| self.0.check([key.sha256()].into()).map(|()| key));
        Decision::Now(key.map(Verified::new))
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some(digest("PinsOnly", self.0.iter().map(<[u8; 32]>::as_slice)))
    }
}

fn key_of(peer: &Peer<'_>) -> Result<PublicKey, CertificateError> {
    let certificate = peer.certificates.end_entity();
    let certificate = certificate.ok_or_else(|| CertificateError::Refused("there is none".into()))?;
    PublicKey::from_certificate(&certificate)
}
