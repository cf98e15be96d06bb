//! Tokens without which no connection is established. Each is made by the check that it proves, and by nothing else.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::UnixTime;

use crate::ask::{Signature, Verdict};
use crate::crypto::{Backend, KeyAlgorithm, PublicKey, RSA_BITS, SigningKey, Suite, equal};
use crate::error::{CertificateError, Reason};
use crate::identity::CertificateTypes;
use crate::message::SignatureScheme;
use crate::observer::NotResumed;
use crate::session::{ClientAuthPolicy, Handle, Session, Side};

/// How the peer of an established connection is known.
#[derive(Debug)]
#[non_exhaustive]
pub enum PeerProof {
    /// The verifier accepted its certificate or raw public key, and it has the private key.
    Verified(Minted),
    /// It resumed a session in which it was verified, and it has that session's master secret.
    FromSession(Minted),
    /// Not at all: this server asked its client for no certificate.
    NotRequested(Minted),
    /// Not at all: this server asks its clients for a certificate, and this one showed none, or has none of a type that is taken
    /// (RFC 7250 §4.2).
    Declined(Minted),
}

/// Stands in a proof so that nobody else can make one.
#[derive(Debug)]
pub struct Minted(());

impl PeerProof {
    /// For a server that sent no CertificateRequest.
    pub(crate) fn not_requested() -> PeerProof {
        PeerProof::NotRequested(Minted(()))
    }

    /// For a server that asked for a certificate and can do without.
    pub(crate) fn declined() -> PeerProof {
        PeerProof::Declined(Minted(()))
    }

    /// A session proves as much as the handshake that made it, and no more.
    pub(crate) fn from_session(resumable: &Resumable) -> PeerProof {
        let session = resumable.session();
        match (session.side, session.client_auth) {
            (Side::Server, ClientAuthPolicy::NotRequested) => PeerProof::not_requested(),
            (Side::Server, _) if session.peer_certificates.is_none() => PeerProof::declined(),
            _ => PeerProof::FromSession(Minted(())),
        }
    }
}

/// The verifier accepted the peer's certificate. Whether the peer has its key is not known yet.
#[derive(Debug)]
pub(crate) struct Claim {
    key: PublicKey,
    not_after: Option<u64>,
}

impl Claim {
    /// What a good verdict says. Whoever gave it may know of no limits; a huge key must not be worked with.
    pub(crate) fn accepted(verdict: Verdict) -> Result<Self, Reason> {
        let verified = verdict.given()?;
        match verified.key().algorithm() {
            KeyAlgorithm::Rsa { bits } if !RSA_BITS.contains(&bits) => {
                let (least, most) = (*RSA_BITS.start(), *RSA_BITS.end());
                Err(CertificateError::RsaKeySize { bits, least, most }.into())
            }
            _ => Ok(Claim { not_after: verified.not_after(), key: verified.into_key() }),
        }
    }

    /// The certificate's key.
    pub(crate) fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The last second at which the verdict holds.
    pub(crate) fn not_after(&self) -> Option<u64> {
        self.not_after
    }

    /// The peer has the key if it signed with it.
    pub(crate) fn prove(
        &self,
        backend: Backend,
        scheme: SignatureScheme,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<PeerProof, Reason> {
        self.key.verify(backend, scheme, signed, signature).map_err(|_| Reason::BadSignature { scheme })?;
        Ok(PeerProof::Verified(Minted(())))
    }

    /// RFC 8422 §5.4: the server's signature over both randoms and the parameters proves its key and binds the exchange.
    pub(crate) fn prove_key_exchange(
        &self,
        backend: Backend,
        scheme: SignatureScheme,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(PeerProof, KeyExchangeProof), Reason> {
        Ok((self.prove(backend, scheme, signed, signature)?, KeyExchangeProof(())))
    }
}

/// The master secret was agreed on with the peer that the certificate names: the server's ephemeral key is signed by the key of
/// its certificate, or the secret is that of a session which was made so.
#[derive(Debug)]
pub(crate) struct KeyExchangeProof(());

impl KeyExchangeProof {
    /// The server's own signature.
    pub(crate) fn by_us(_: &OwnSignature) -> Self {
        KeyExchangeProof(())
    }

    pub(crate) fn from_session(_: &Resumable) -> Self {
        KeyExchangeProof(())
    }
}

/// A signature of ours that is right.
pub(crate) struct OwnSignature(Vec<u8>);

impl OwnSignature {
    /// Verified, unless the key vouches for it: a wrong one can give the key away.
    pub(crate) fn check(
        signature: Signature,
        backend: Backend,
        key: &dyn SigningKey,
        scheme: SignatureScheme,
        signed: &[u8],
    ) -> Result<Self, Reason> {
        let failed = |why: String| Reason::Local { what: "the signing key", why };
        let signature = signature.0.map_err(|error| failed(error.to_string()))?;
        let is_good =
            key.is_trusted_to_sign_well() || key.public_key().verify(backend, scheme, signed, &signature).is_ok();
        if is_good { Ok(OwnSignature(signature)) } else { Err(failed("its signature is wrong".into())) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a session has to fit to be resumed.
pub(crate) struct Binding<'a> {
    pub(crate) side: Side,
    pub(crate) now: UnixTime,
    /// The configuration.
    pub(crate) context: &'a [u8; 32],
    /// The longest that it resumes a session, in seconds.
    pub(crate) lifetime: u32,
    pub(crate) server_name: Option<&'a str>,
    /// The session ID by which it was found, on a server.
    pub(crate) id: Option<&'a [u8]>,
    pub(crate) client_auth: ClientAuthPolicy,
    /// RFC 7627 §5.3: whether a session without extended_master_secret may be resumed.
    pub(crate) without_ems: bool,
    /// Of the peer: those that are taken.
    pub(crate) certificate_types: &'a CertificateTypes,
}

/// A session that fits, and may be resumed.
pub(crate) struct Resumable(Arc<Session>);

impl Resumable {
    /// All that binds a session whatever the hellos say: a session is only as good as the handshake that made it, and
    /// holds for nobody else.
    pub(crate) fn check(
        session: Arc<Session>,
        binding: &Binding<'_>,
        suite: impl FnOnce(&Suite) -> bool,
    ) -> Result<Self, NotResumed> {
        let age = binding.now.as_secs().saturating_sub(session.created_at);
        let same_name = match (session.server_name(), binding.server_name) {
            (Some(then), Some(now)) => then.eq_ignore_ascii_case(now),
            (None, None) => true,
            _ => false,
        };
        let shown = session.peer_certificates.as_ref().map(|shown| shown.certificate_type());
        let unauthenticated = session.client_auth == ClientAuthPolicy::Required && session.peer_certificates.is_none();
        let has_id = |id: &[u8]| matches!(&session.handle, Handle::Id(own) if **own == *id);
        if session.side != binding.side || !binding.id.is_none_or(has_id) {
            Err(NotResumed::OtherSession)
        } else if session.context != *binding.context {
            Err(NotResumed::OtherConfiguration)
        } else if session.is_from_the_future(binding.now) {
            Err(NotResumed::FromTheFuture)
        } else if session.peer_not_after.is_some_and(|not_after| binding.now.as_secs() > not_after) {
            Err(NotResumed::CertificateExpired)
        } else if session.is_expired(binding.now) || age > u64::from(binding.lifetime) {
            Err(NotResumed::Expired)
        } else if !same_name {
            // RFC 6066 §3: a server does not resume a session under another name.
            Err(NotResumed::OtherServerName)
        } else if binding.side == Side::Server && (session.client_auth != binding.client_auth || unauthenticated) {
            Err(NotResumed::OtherClientAuthentication)
        } else if shown.is_some_and(|shown| !binding.certificate_types.contains(shown)) {
            Err(NotResumed::OtherCertificateType)
        } else if !suite(session.suite) {
            Err(NotResumed::OtherCipherSuite)
        } else if !session.extended_master_secret && !binding.without_ems {
            Err(NotResumed::NoExtendedMasterSecret)
        } else {
            Ok(Resumable(session))
        }
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.0
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
    pub(crate) fn new(peer: PeerProof, _: KeyExchangeProof, _: FinishedVerified) -> Self {
        Established { peer }
    }

    /// A dormant connection that was read from bytes. No check stands here: its proofs were there when it was exported, and who
    /// holds the bytes vouches for them, as for the keys in them ([`Dormant::from_bytes`](crate::Dormant::from_bytes)). What
    /// never leaves the process is not minted anew: it keeps the `Established` that it had.
    pub(crate) fn vouched_for(peer: u8) -> Option<Self> {
        let peer = match peer {
            1 => PeerProof::Verified(Minted(())),
            2 => PeerProof::FromSession(Minted(())),
            3 => PeerProof::not_requested(),
            4 => PeerProof::declined(),
            _ => return None,
        };
        Some(Established { peer })
    }

    /// What [`Self::vouched_for`] takes.
    pub(crate) fn code(&self) -> u8 {
        match self.peer {
            PeerProof::Verified(_) => 1,
            PeerProof::FromSession(_) => 2,
            PeerProof::NotRequested(_) => 3,
            PeerProof::Declined(_) => 4,
        }
    }

    pub(crate) fn peer(&self) -> &PeerProof {
        &self.peer
    }
}

impl PeerProof {
    /// Whether it is known who the peer is.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self, PeerProof::Verified(_) | PeerProof::FromSession(_))
    }
}
