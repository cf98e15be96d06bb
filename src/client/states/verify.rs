use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;

use pki_types::UnixTime;

use super::finish::{Ours, Proofs, await_end};
use super::{AskIdentity, Cx, WaitChangeCipherSpec, WaitNewTicket};
use crate::ask::{Ask, Token, Verdict, VerifyRequest};
use crate::client::flow::{AfterVerdict, Asks, On};
use crate::crypto::{FinishedLabel, KeyAlgorithm, PublicKey};
use crate::decision::Decision;
use crate::error::Reason;
use crate::handshake::MasterReady;
use crate::identity::{Identity, Peer};
use crate::message::{Certificate, ClientKeyExchange, HandshakeType, ServerKeyExchange};
use crate::proof::{Claim, KeyExchangeProof, PeerProof};

/// All that the server says before it waits for us is in.
pub(crate) struct AskVerify {
    /// The time of the question, the same whether it is answered at once or late.
    pub(super) now: UnixTime,
}

impl Asks for AskVerify {
    type Answer = Verdict;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Verdict>, Reason> {
        verify(cx, self.now)
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        verify_request(cx, self.now, token)
    }
}

/// Asks the verifier about the server.
pub(super) fn verify(cx: &Cx<'_>, now: UnixTime) -> Result<Decision<Verdict>, Reason> {
    let missing = || Reason::Local { what: "the handshake", why: "no certificate yet".into() };
    let peer = Peer {
        certificates: cx.facts.peer_certificates.as_ref().ok_or_else(missing)?,
        server_name: cx.facts.own.server(),
        ocsp_response: cx.hs.kept.ocsp_response.as_deref(),
        scts: cx.hs.kept.scts.as_deref(),
        resumed: cx.facts.resumed,
        now,
    };
    Ok(cx.hs.config.verifier.verify(&peer).map(Verdict::Given))
}

pub(super) fn verify_request(cx: &Cx<'_>, now: UnixTime, token: Token) -> Ask {
    Ask::Verify(Box::new(VerifyRequest {
        token,
        certificates: cx.facts.peer_certificates.clone().unwrap_or_default(),
        server_name: cx.facts.own.server().cloned(),
        ocsp_response: cx.hs.kept.ocsp_response.clone(),
        scts: cx.hs.kept.scts.clone(),
        resumed: cx.facts.resumed,
        now,
    }))
}

impl On<Verdict> for AskVerify {
    type Next = AfterVerdict;

    /// The rest of RFC 5246 §7.3 figure 1 that is ours: Certificate if asked for, ClientKeyExchange, CertificateVerify,
    /// ChangeCipherSpec, Finished.
    fn on(self, cx: &mut Cx<'_>, verdict: Verdict) -> Result<AfterVerdict, Reason> {
        let claim = Claim::accepted(verdict)?;
        check_key(cx, claim.key())?;
        let body = core::mem::take(&mut cx.hs.kept.server_key_exchange);
        let keys = body.read()?;
        let (peer, key_exchange) = check_signature(cx, &claim, &keys, body.signed_content(&keys.params))?;
        cx.hs.peer_not_after = claim.not_after();
        let proofs = Proofs { peer, key_exchange };
        match cx.hs.kept.certificate_request.is_some() {
            true if cx.hs.config.resolver.is_some() => {
                cx.hs.kept.server_key_exchange = body;
                Ok(AfterVerdict::AskIdentity(AskIdentity { proofs }))
            }
            true => {
                send_certificate(cx, None)?;
                finish(cx, proofs, &keys)
            }
            false => finish(cx, proofs, &keys),
        }
    }
}

/// Certificate; RFC 5246 §7.4.6: without a suitable one, the list is empty. So it is where a raw public key was asked for:
/// RFC 7250 has no other way to say it.
pub(super) fn send_certificate(cx: &mut Cx<'_>, identity: Option<&Identity>) -> Result<(), Reason> {
    let content = identity.map(Identity::encoded).unwrap_or_default();
    cx.send(HandshakeType::CERTIFICATE, |w| Certificate::from_encoded(content).write(w))
}

/// The end of our flight, where nothing is to be signed.
pub(super) fn finish<N>(cx: &mut Cx<'_>, proofs: Proofs, keys: &ServerKeyExchange<'_>) -> Result<N, Reason>
where
    N: From<WaitNewTicket> + From<WaitChangeCipherSpec>,
{
    let master = exchange_keys(cx, keys)?;
    let next = send_finished(cx, proofs, master)?;
    Ok(await_end(cx, next))
}

/// ChangeCipherSpec and Finished.
pub(super) fn send_finished(
    cx: &mut Cx<'_>,
    proofs: Proofs,
    master: MasterReady,
) -> Result<WaitChangeCipherSpec, Reason> {
    let sealing_key = cx.expand_keys(master, true)?;
    cx.send_finished(master, FinishedLabel::Client, sealing_key)?;
    Ok(WaitChangeCipherSpec { proofs, master, ours: Ours::IsOut })
}

/// The certificate's key fits the cipher suite (RFC 8422 §2), and its curve was offered (RFC 8422 §5.3).
fn check_key(cx: &Cx<'_>, key: &PublicKey) -> Result<(), Reason> {
    let suite = cx.suite()?;
    if !key.fits(suite.auth) {
        return Err(Reason::WrongKeyType { key: key.algorithm().to_string(), wanted: suite.id.to_string() });
    }
    match key.algorithm() {
        KeyAlgorithm::Ecdsa(curve) if cx.common().group(curve).is_none() => Err(Reason::CurveNotOffered(curve)),
        _ => Ok(()),
    }
}

/// RFC 8422 §5.4: over both randoms and the parameters.
fn check_signature(
    cx: &Cx<'_>,
    claim: &Claim,
    keys: &ServerKeyExchange<'_>,
    signed: &[u8],
) -> Result<(PeerProof, KeyExchangeProof), Reason> {
    if !claim.key().allows(keys.scheme) {
        let key = claim.key().algorithm().to_string();
        return Err(Reason::WrongKeyType { key, wanted: keys.scheme.to_string() });
    }
    claim.prove_key_exchange(cx.common().backend, keys.scheme, signed, keys.signature)
}

/// Sends ClientKeyExchange (RFC 8422 §5.7) and makes the master secret of the pre_master_secret (§5.10).
pub(super) fn exchange_keys(cx: &mut Cx<'_>, keys: &ServerKeyExchange<'_>) -> Result<MasterReady, Reason> {
    let name = keys.params.group;
    let group = cx.common().group(name).map(Arc::clone).ok_or(Reason::GroupNotOffered(name))?;
    let exchange = group.start().map_err(|_| Reason::Random)?;
    cx.send(HandshakeType::CLIENT_KEY_EXCHANGE, |w| ClientKeyExchange { public_key: exchange.public_key() }.write(w))?;
    let pre_master = exchange.complete(keys.params.public_key).map_err(|_| Reason::BadKeyShare(name))?;
    cx.set_master_secret(pre_master)
}
