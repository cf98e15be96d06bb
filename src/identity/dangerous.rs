//! What throws authentication away. For tests, and for peers whose identity is checked by other means.

use crate::crypto::PublicKey;
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::{Peer, Verified, VerifyPeer};

/// Accepts every certificate, whoever issued it and whatever it names.
///
/// The handshake still proves that the peer holds the certificate's key, so whoever is in the middle of the
/// connection can bring a certificate of its own and read and change everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAnything;

impl VerifyPeer for AcceptAnything {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        let certificate = peer.certificates.end_entity();
        let key = certificate.map_or(Err(CertificateError::Refused("there is none".into())), |certificate| {
            PublicKey::from_certificate(&certificate)
        });
        Decision::Now(key.map(Verified::new))
    }
}
