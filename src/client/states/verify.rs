use alloc::string::ToString;
use alloc::sync::Arc;

use pki_types::UnixTime;

use super::{Cx, WaitChangeCipherSpec};
use crate::ask::{Ask, Token, Verdict, VerifyRequest};
use crate::client::flow::{AfterVerdict, Asks, On};
use crate::codec::Prefix;
use crate::crypto::{FinishedLabel, KeyAlgorithm, PublicKey, RSA_BITS, SharedSecret};
use crate::decision::Decision;
use crate::error::{CertificateError, Reason};
use crate::identity::{Peer, PeerCertificates};
use crate::message::{Certificate, ClientKeyExchange, HandshakeType, OpaqueList, ServerKeyExchange};
use crate::proof::{KeyExchangeSigned, PeerProof};

/// All that the server says before it waits for us is in.
pub(crate) struct AskVerify {
    pub(super) certificate_requested: bool,
    /// The time of the question, the same whether it is answered at once or late.
    pub(super) now: UnixTime,
}

impl Asks for AskVerify {
    type Answer = Verdict;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Verdict>, Reason> {
        let peer = Peer {
            certificates: certificates(cx)?,
            server_name: Some(&cx.hs.kept.server_name),
            ocsp_response: cx.hs.kept.ocsp_response.as_deref(),
            scts: cx.hs.kept.scts.as_deref(),
            resumed: false,
            now: self.now,
        };
        Ok(cx.hs.config.verifier.verify(&peer).map(Verdict))
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        Ask::Verify(VerifyRequest {
            token,
            certificates: cx.facts.peer_certificates.clone().unwrap_or_default(),
            server_name: Some(cx.hs.kept.server_name.clone()),
            ocsp_response: cx.hs.kept.ocsp_response.clone(),
            scts: cx.hs.kept.scts.clone(),
            now: self.now,
        })
    }
}

fn certificates<'a>(cx: &'a Cx<'_>) -> Result<&'a PeerCertificates, Reason> {
    let missing = || Reason::Local { what: "the handshake", why: "no certificate yet".into() };
    cx.facts.peer_certificates.as_ref().ok_or_else(missing)
}

impl On<Verdict> for AskVerify {
    type Next = AfterVerdict;

    /// The rest of RFC 5246 §7.3 figure 1 that is ours: Certificate if asked for, ClientKeyExchange, ChangeCipherSpec, Finished.
    fn on(self, cx: &mut Cx<'_>, verdict: Verdict) -> Result<AfterVerdict, Reason> {
        let (peer, key) = PeerProof::verified(verdict)?;
        check_key(cx, &key)?;
        let body = core::mem::take(&mut cx.hs.kept.server_key_exchange);
        let keys = ServerKeyExchange::read(&body)
            .map_err(|problem| Reason::Malformed { message: "ServerKeyExchange", problem })?;
        let key_exchange = check_signature(cx, &key, &keys)?;

        if self.certificate_requested {
            // RFC 5246 §7.4.6: without a suitable certificate, the list is empty.
            cx.send(HandshakeType::CERTIFICATE, |w| {
                Certificate { chain: OpaqueList::from_encoded(Prefix::U24, &[]) }.write(w)
            })?;
        }
        let pre_master = exchange_keys(cx, &keys)?;
        let master = cx.set_master_secret(pre_master)?;
        let sealing_key = cx.expand_keys(master, true)?;
        cx.send_finished(master, FinishedLabel::Client, sealing_key)?;
        Ok(AfterVerdict::WaitChangeCipherSpec(WaitChangeCipherSpec { peer, key_exchange, master }))
    }
}

/// The certificate's key fits the cipher suite (RFC 8422 §2), and its curve was offered (RFC 8422 §5.3).
fn check_key(cx: &Cx<'_>, key: &PublicKey) -> Result<(), Reason> {
    let suite = cx.suite()?;
    if !key.fits(suite.auth) {
        return Err(Reason::WrongKeyType { key: key.algorithm().to_string(), wanted: suite.id.to_string() });
    }
    match key.algorithm() {
        // Whoever verified the certificate may know of no limits; a huge key must not be worked with.
        KeyAlgorithm::Rsa { bits } if !RSA_BITS.contains(&bits) => {
            let (least, most) = (*RSA_BITS.start(), *RSA_BITS.end());
            Err(CertificateError::RsaKeySize { bits, least, most }.into())
        }
        KeyAlgorithm::Ecdsa(curve) if cx.common().group(curve).is_none() => Err(Reason::CurveNotOffered(curve)),
        _ => Ok(()),
    }
}

/// RFC 8422 §5.4: over both randoms and the parameters.
fn check_signature(cx: &Cx<'_>, key: &PublicKey, keys: &ServerKeyExchange<'_>) -> Result<KeyExchangeSigned, Reason> {
    if !key.allows(keys.scheme) {
        return Err(Reason::WrongKeyType { key: key.algorithm().to_string(), wanted: keys.scheme.to_string() });
    }
    let signed = keys.params.signed_content(&cx.facts.client_random, &cx.hs.server_random);
    KeyExchangeSigned::verify(cx.common().backend, key, keys.scheme, &signed, keys.signature)
}

/// Sends ClientKeyExchange (RFC 8422 §5.7) and makes the pre_master_secret (§5.10).
fn exchange_keys(cx: &mut Cx<'_>, keys: &ServerKeyExchange<'_>) -> Result<SharedSecret, Reason> {
    let name = keys.params.group;
    let group = cx.common().group(name).map(Arc::clone).ok_or(Reason::GroupNotOffered(name))?;
    let exchange = group.start().map_err(|_| Reason::Random)?;
    cx.send(HandshakeType::CLIENT_KEY_EXCHANGE, |w| ClientKeyExchange { public_key: exchange.public_key() }.write(w))?;
    exchange.complete(keys.params.public_key).map_err(|_| Reason::BadKeyShare(name))
}
