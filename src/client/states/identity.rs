//! Our own certificate, for a server that asks for one (RFC 5246 §7.4.4, §7.4.6, §7.4.8).

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::Cx;
use super::finish::{Proofs, await_end};
use super::verify::{exchange_keys, finish, send_certificate, send_finished};
use crate::ask::{Ask, ClientIdentityRequest, Resolved, SignRequest, Signature, Token};
use crate::client::flow::{AfterIdentity, AfterSignature, Asks, On};
use crate::decision::Decision;
use crate::error::Reason;
use crate::handshake::MasterReady;
use crate::identity::Identity;
use crate::message::{CertificateRequest, CertificateVerify, HandshakeType, SignatureScheme};
use crate::proof::OwnSignature;

/// The server is verified, and asked who we are.
pub(crate) struct AskIdentity {
    pub(super) proofs: Proofs,
}

fn request<'a>(cx: &'a Cx<'_>) -> Result<CertificateRequest<'a>, Reason> {
    let body = cx.hs.kept.certificate_request.as_deref().unwrap_or_default();
    let request = CertificateRequest::read(body)
        .map_err(|problem| Reason::Malformed { message: "CertificateRequest", problem })?;
    Ok(CertificateRequest { certificate_type: cx.hs.kept.certificate_type, ..request })
}

impl Asks for AskIdentity {
    type Answer = Resolved;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Resolved>, Reason> {
        let request = request(cx)?;
        Ok(match &cx.hs.config.resolver {
            Some(resolver) => resolver.resolve(&request).map(Resolved),
            None => Decision::Now(Resolved(None)),
        })
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        let certificate_request = cx.hs.kept.certificate_request.clone().unwrap_or_default();
        let certificate_type = cx.hs.kept.certificate_type;
        Ask::ResolveClientIdentity(Box::new(ClientIdentityRequest { token, certificate_request, certificate_type }))
    }
}

impl On<Resolved> for AskIdentity {
    type Next = AfterIdentity;

    fn on(self, cx: &mut Cx<'_>, resolved: Resolved) -> Result<AfterIdentity, Reason> {
        let body = core::mem::take(&mut cx.hs.kept.server_key_exchange);
        let keys = body.read()?;
        // RFC 5246 §7.4.6, RFC 7250 §4.2: an identity of another type, or one that cannot sign as the server wants it, is not
        // suitable.
        let (schemes, wanted) = (request(cx)?.schemes, cx.hs.kept.certificate_type);
        let suitable = |identity: &Arc<Identity>| identity.certificate_type() == wanted;
        let chosen = resolved.0.filter(suitable);
        let chosen = chosen.and_then(|identity| Some((identity.scheme_among(schemes)?, identity)));
        cx.hs.kept.certificate_request = None;
        send_certificate(cx, chosen.as_ref().map(|(_, identity)| &**identity))?;
        let Some((scheme, identity)) = chosen else {
            cx.hs.transcript.take_messages();
            return finish(cx, self.proofs, &keys);
        };
        let master = exchange_keys(cx, &keys)?;
        let signed = cx.hs.transcript.take_messages();
        Ok(AfterIdentity::AskSignature(AskSignature { proofs: self.proofs, master, identity, scheme, signed }))
    }
}

/// CertificateVerify wants its signature.
pub(crate) struct AskSignature {
    proofs: Proofs,
    master: MasterReady,
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    signed: Vec<u8>,
}

impl Asks for AskSignature {
    type Answer = Signature;

    fn decide(&mut self, _: &mut Cx<'_>) -> Result<Decision<Signature>, Reason> {
        Ok(self.identity.key().sign(self.scheme, &self.signed).map(Signature))
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        Ask::Sign(Box::new(SignRequest {
            token,
            backend: cx.common().backend,
            scheme: self.scheme,
            message: self.signed.clone(),
            key: Arc::clone(self.identity.key()),
        }))
    }
}

impl On<Signature> for AskSignature {
    type Next = AfterSignature;

    fn on(self, cx: &mut Cx<'_>, signature: Signature) -> Result<AfterSignature, Reason> {
        let AskSignature { proofs, master, identity, scheme, signed } = self;
        let signature = OwnSignature::check(signature, cx.common().backend, &**identity.key(), scheme, &signed)?;
        let verify = CertificateVerify { scheme, signature: signature.as_bytes() };
        cx.send(HandshakeType::CERTIFICATE_VERIFY, |w| verify.write(w))?;
        let next = send_finished(cx, proofs, master)?;
        Ok(await_end(cx, next))
    }
}
