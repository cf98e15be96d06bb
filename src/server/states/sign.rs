use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::finish::Exchange;
use super::{Cx, WaitCertificate, WaitClientKeyExchange};
use crate::ask::{Ask, SignRequest, Signature, Token};
use crate::codec::Prefix;
use crate::crypto::{KeyExchange, SuiteAuth};
use crate::decision::Decision;
use crate::error::Reason;
use crate::identity::Identity;
use crate::message::{
    CertificateRequest, CertificateType, ClientCertificateType as Type, EcdhParams, HandshakeType, NamedGroup,
    OpaqueList, ServerHelloDone, ServerKeyExchange, SignatureScheme,
};
use crate::proof::{KeyExchangeProof, OwnSignature, PeerProof};
use crate::server::flow::{AfterSignature, Asks, On};
use crate::server::negotiate::Chosen;
use crate::session::ClientAuthPolicy;

/// The ephemeral key wants its signature.
pub(crate) struct AskSignature {
    identity: Arc<Identity>,
    scheme: SignatureScheme,
    group: NamedGroup,
    exchange: Box<dyn KeyExchange>,
    signed: Vec<u8>,
}

impl AskSignature {
    pub(super) fn new(cx: &Cx<'_>, identity: Arc<Identity>, chosen: Chosen, exchange: Box<dyn KeyExchange>) -> Self {
        let group = chosen.group.name();
        let params = EcdhParams { group, public_key: exchange.public_key() };
        let signed = params.signed_content(&cx.facts.client_random, &cx.hs.server_random);
        AskSignature { identity, scheme: chosen.scheme, group, exchange, signed }
    }
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

    /// ServerKeyExchange, CertificateRequest if there is to be one, and ServerHelloDone: the end of the flight.
    fn on(self, cx: &mut Cx<'_>, signature: Signature) -> Result<AfterSignature, Reason> {
        let (backend, key) = (cx.common().backend, &**self.identity.key());
        let signature = OwnSignature::check(signature, backend, key, self.scheme, &self.signed)?;
        let proof = KeyExchangeProof::by_us(&signature);
        let params = EcdhParams { group: self.group, public_key: self.exchange.public_key() };
        let keys = ServerKeyExchange { params, scheme: self.scheme, signature: signature.as_bytes() };
        cx.send(HandshakeType::SERVER_KEY_EXCHANGE, |w| keys.write(w))?;
        let asked_for = cx.hs.kept.client_certificate_type;
        if let Some(certificate_type) = asked_for {
            send_request(cx, certificate_type)?;
        }
        cx.send(HandshakeType::SERVER_HELLO_DONE, |w| ServerHelloDone.write(w))?;
        cx.outgoing.flush_flight()?;
        let exchange = Exchange { proof, group: self.group, exchange: self.exchange };
        if let Some(certificate_type) = asked_for {
            return Ok(AfterSignature::WaitCertificate(WaitCertificate { exchange, certificate_type }));
        }
        cx.hs.transcript.take_messages();
        let peer = match cx.hs.config.client_auth_policy() {
            ClientAuthPolicy::NotRequested => PeerProof::not_requested(),
            // It has none of a type that is taken.
            ClientAuthPolicy::Optional | ClientAuthPolicy::Required => PeerProof::declined(),
        };
        Ok(AfterSignature::WaitClientKeyExchange(WaitClientKeyExchange { peer, exchange }))
    }
}

/// RFC 5246 §7.4.4.
fn send_request(cx: &mut Cx<'_>, certificate_type: CertificateType) -> Result<(), Reason> {
    let config = Arc::clone(&cx.hs.config);
    let signs = |auth: SuiteAuth| config.client_schemes.iter().any(|scheme| auth.signs_with(*scheme));
    let certificate_types: &[u8] = match (signs(SuiteAuth::Ecdsa), signs(SuiteAuth::Rsa)) {
        (true, true) => &[Type::ECDSA_SIGN.0, Type::RSA_SIGN.0],
        (true, false) => &[Type::ECDSA_SIGN.0],
        (false, _) => &[Type::RSA_SIGN.0],
    };
    // Nobody issued a raw public key.
    let authorities = match certificate_type {
        CertificateType::RAW_PUBLIC_KEY => &[],
        _ => config.client_authorities.as_slice(),
    };
    let request = CertificateRequest {
        certificate_type,
        certificate_types,
        schemes: config.client_schemes.as_slice().into(),
        authorities: OpaqueList::from_encoded(Prefix::U16, authorities),
    };
    cx.send(HandshakeType::CERTIFICATE_REQUEST, |w| request.write(w))
}
