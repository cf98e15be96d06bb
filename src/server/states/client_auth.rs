//! The client's certificate, and the proof that it has its key (RFC 5246 §7.4.4, §7.4.6, §7.4.8).

use alloc::boxed::Box;
use alloc::string::ToString;

use pki_types::UnixTime;

use super::finish::Exchange;
use super::{Cx, KeysReady, WaitChangeCipherSpec, WaitClientKeyExchange};
use crate::ask::{Ask, Token, Verdict, VerifyRequest};
use crate::decision::Decision;
use crate::error::Reason;
use crate::identity::{Peer, PeerCertificates};
use crate::message::{Certificate, CertificateType, CertificateVerify, ClientKeyExchange};
use crate::proof::{Claim, PeerProof};
use crate::server::flow::{AfterCertificate, AfterCertificateVerify, AfterClaimantKeyExchange, AfterVerdict, Asks, On};
use crate::session::ClientAuthPolicy;

/// The client was asked for its certificate.
pub(crate) struct WaitCertificate {
    pub(super) exchange: Exchange,
    pub(super) certificate_type: CertificateType,
}

impl On<Certificate<'_>> for WaitCertificate {
    type Next = AfterCertificate;

    fn on(self, cx: &mut Cx<'_>, certificate: Certificate<'_>) -> Result<AfterCertificate, Reason> {
        let WaitCertificate { exchange, certificate_type } = self;
        if let Some(shown) = PeerCertificates::read(certificate, certificate_type)? {
            cx.facts.peer_certificates = Some(shown);
            return Ok(AfterCertificate::AskVerify(AskVerify { exchange, now: cx.common().clock.now() }));
        }
        // RFC 5246 §7.4.6: whether to go on without one is for the server to say.
        if cx.hs.config.client_auth_policy() == ClientAuthPolicy::Required {
            return Err(Reason::NoClientCertificate);
        }
        cx.hs.transcript.take_messages();
        let peer = PeerProof::declined();
        Ok(AfterCertificate::WaitClientKeyExchange(WaitClientKeyExchange { peer, exchange }))
    }
}

/// The client showed a certificate.
pub(crate) struct AskVerify {
    exchange: Exchange,
    /// The time of the question, the same whether it is answered at once or late.
    now: UnixTime,
}

impl Asks for AskVerify {
    type Answer = Verdict;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Verdict>, Reason> {
        verify(cx, cx.facts.peer_certificates.as_ref(), false, self.now)
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        verify_request(cx.facts.peer_certificates.as_ref(), false, self.now, token)
    }
}

/// Asks the verifier of clients.
pub(super) fn verify(
    cx: &Cx<'_>,
    certificates: Option<&PeerCertificates>,
    resumed: bool,
    now: UnixTime,
) -> Result<Decision<Verdict>, Reason> {
    let missing = |what: &str| Reason::Local { what: "the authentication of the client", why: what.into() };
    let certificates = certificates.ok_or_else(|| missing("no certificate"))?;
    let (_, verifier) = cx.hs.config.client_auth.as_ref().ok_or_else(|| missing("no verifier"))?;
    Ok(verifier.verify(&Peer { resumed, ..Peer::new(certificates, now) }).map(Verdict::Given))
}

pub(super) fn verify_request(
    certificates: Option<&PeerCertificates>,
    resumed: bool,
    now: UnixTime,
    token: Token,
) -> Ask {
    Ask::Verify(Box::new(VerifyRequest {
        token,
        certificates: certificates.cloned().unwrap_or_default(),
        server_name: None,
        ocsp_response: None,
        scts: None,
        resumed,
        now,
    }))
}

impl On<Verdict> for AskVerify {
    type Next = AfterVerdict;

    fn on(self, cx: &mut Cx<'_>, verdict: Verdict) -> Result<AfterVerdict, Reason> {
        let claim = Claim::accepted(verdict)?;
        cx.hs.peer_not_after = claim.not_after();
        let next = WaitClaimantKeyExchange { claim, exchange: self.exchange };
        Ok(AfterVerdict::WaitClaimantKeyExchange(next))
    }
}

/// The client's certificate is accepted; whether it has the key is still to be proven.
pub(crate) struct WaitClaimantKeyExchange {
    claim: Claim,
    exchange: Exchange,
}

impl On<ClientKeyExchange<'_>> for WaitClaimantKeyExchange {
    type Next = AfterClaimantKeyExchange;

    fn on(self, cx: &mut Cx<'_>, client: ClientKeyExchange<'_>) -> Result<AfterClaimantKeyExchange, Reason> {
        let WaitClaimantKeyExchange { claim, exchange } = self;
        let keys = exchange.complete(cx, &client)?;
        Ok(AfterClaimantKeyExchange::WaitCertificateVerify(WaitCertificateVerify { claim, keys }))
    }
}

/// The client has to prove that it holds its certificate's key.
pub(crate) struct WaitCertificateVerify {
    claim: Claim,
    keys: KeysReady,
}

impl On<CertificateVerify<'_>> for WaitCertificateVerify {
    type Next = AfterCertificateVerify;

    fn on(self, cx: &mut Cx<'_>, verify: CertificateVerify<'_>) -> Result<AfterCertificateVerify, Reason> {
        let scheme = verify.scheme;
        // RFC 5246 §7.4.8: one of those in our CertificateRequest, and one for this key.
        if !cx.hs.config.client_schemes.contains(&scheme) {
            return Err(Reason::SchemeNotOffered(scheme));
        }
        if !self.claim.key().allows(scheme) {
            let key = self.claim.key().algorithm().to_string();
            return Err(Reason::WrongKeyType { key, wanted: scheme.to_string() });
        }
        let signed = core::mem::take(&mut cx.hs.signed);
        let peer = self.claim.prove(cx.common().backend, scheme, &signed, verify.signature)?;
        let next = WaitChangeCipherSpec::full(peer, self.keys);
        Ok(AfterCertificateVerify::WaitChangeCipherSpec(next))
    }
}
