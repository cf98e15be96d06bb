//! Tokens without which no connection is established. Each is made by the check that it proves, and by nothing else.

use crate::ask::Verdict;
use crate::crypto::{Backend, PublicKey, SigningKey, equal};
use crate::error::Reason;
use crate::message::SignatureScheme;

/// How the peer of an established connection is known.
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerProof {
    /// The verifier accepted its certificate, and it has the certificate's key.
    Verified(Minted),
    /// Not at all: this server asked its client for no certificate.
    NotRequested(Minted),
}

/// Stands in a proof so that nobody else can make one.
#[derive(Debug)]
pub struct Minted(());

impl PeerProof {
    /// The verdict's key, and the proof, if the verdict is good.
    pub(crate) fn verified(verdict: Verdict) -> Result<(PeerProof, PublicKey), Reason> {
        let verified = verdict.0?;
        Ok((PeerProof::Verified(Minted(())), verified.into_key()))
    }

    /// For a server that sent no CertificateRequest.
    pub(crate) fn not_requested() -> PeerProof {
        PeerProof::NotRequested(Minted(()))
    }
}

/// The ephemeral key of the server is signed by the key of its certificate.
#[derive(Debug)]
pub(crate) struct KeyExchangeSigned(());

impl KeyExchangeSigned {
    /// RFC 8422 §5.4: the client checks the signature over both randoms and the parameters.
    pub(crate) fn verify(
        backend: Backend,
        key: &PublicKey,
        scheme: SignatureScheme,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<Self, Reason> {
        key.verify(backend, scheme, signed, signature).map_err(|_| Reason::BadSignature { scheme })?;
        Ok(KeyExchangeSigned(()))
    }

    /// The server's own signature, verified unless the key vouches for it.
    pub(crate) fn by_us(
        backend: Backend,
        key: &dyn SigningKey,
        scheme: SignatureScheme,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<Self, Reason> {
        let is_good =
            key.is_trusted_to_sign_well() || key.public_key().verify(backend, scheme, signed, signature).is_ok();
        let wrong = || Reason::Local { what: "the signing key", why: "its signature is wrong".into() };
        if is_good { Ok(KeyExchangeSigned(())) } else { Err(wrong()) }
    }
}

/// The peer saw the same handshake, and has the same master secret.
#[derive(Debug)]
pub(crate) struct FinishedVerified(());

impl FinishedVerified {
    /// RFC 5246 §7.4.9, in constant time.
    pub(crate) fn check(expected: &[u8; 12], received: &[u8; 12]) -> Result<Self, Reason> {
        if equal(expected, received) { Ok(FinishedVerified(())) } else { Err(Reason::BadFinished) }
    }
}

/// The state after the handshake.
pub(crate) struct Established {
    peer: PeerProof,
}

impl Established {
    /// Cannot be had without all three proofs.
    pub(crate) fn new(peer: PeerProof, _: KeyExchangeSigned, _: FinishedVerified) -> Self {
        Established { peer }
    }

    pub(crate) fn peer(&self) -> &PeerProof {
        &self.peer
    }
}
