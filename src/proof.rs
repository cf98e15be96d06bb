//! Tokens without which no connection is established. Each is made by the check that it proves, and by nothing else.

use alloc::string::ToString;

use subtle::ConstantTimeEq;

use crate::ask::{Signature, Verdict};
use crate::crypto::{Backend, PublicKey, SignError};
use crate::error::Reason;
use crate::message::SignatureScheme;

/// How the peer is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PeerProof {
    /// The verifier accepted its certificate.
    Verified(Minted),
    /// A server that asks no client for a certificate.
    NotRequested(Minted),
}

/// Can only be made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Minted(());

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The server's own signature.
    pub(crate) fn by_us(signature: Signature) -> Result<(Self, alloc::vec::Vec<u8>), Reason> {
        let signature = signature
            .0
            .map_err(|error: SignError| Reason::Local { what: "the signing key", why: error.to_string() })?;
        Ok((KeyExchangeSigned(()), signature))
    }
}

/// The peer saw the same handshake, and has the same master secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FinishedVerified(());

impl FinishedVerified {
    /// RFC 5246 §7.4.9, in constant time.
    pub(crate) fn check(expected: &[u8; 12], received: &[u8; 12]) -> Result<Self, Reason> {
        if bool::from(expected.ct_eq(received)) { Ok(FinishedVerified(())) } else { Err(Reason::BadFinished) }
    }
}

/// The state after the handshake: cannot be built without all three.
pub(crate) struct Established {
    pub(crate) peer: PeerProof,
    pub(crate) key_exchange: KeyExchangeSigned,
    pub(crate) finished: FinishedVerified,
}
