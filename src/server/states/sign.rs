use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Cx, WaitClientKeyExchange};
use crate::ask::{Ask, SignRequest, Signature, Token};
use crate::crypto::KeyExchange;
use crate::decision::Decision;
use crate::error::Reason;
use crate::identity::Identity;
use crate::message::{EcdhParams, HandshakeType, NamedGroup, ServerHelloDone, ServerKeyExchange, SignatureScheme};
use crate::proof::{KeyExchangeSigned, PeerProof};
use crate::server::flow::{AfterSignature, Asks, On};
use crate::server::negotiate::Chosen;

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
        Ask::Sign(SignRequest {
            token,
            backend: cx.common().backend,
            scheme: self.scheme,
            message: self.signed.clone(),
            key: Arc::clone(self.identity.key()),
        })
    }
}

impl On<Signature> for AskSignature {
    type Next = AfterSignature;

    /// ServerKeyExchange and ServerHelloDone: the end of the flight.
    fn on(self, cx: &mut Cx<'_>, signature: Signature) -> Result<AfterSignature, Reason> {
        let signature =
            signature.0.map_err(|error| Reason::Local { what: "the signing key", why: error.to_string() })?;
        let (backend, key) = (cx.common().backend, &**self.identity.key());
        let key_exchange = KeyExchangeSigned::by_us(backend, key, self.scheme, &self.signed, &signature)?;
        let params = EcdhParams { group: self.group, public_key: self.exchange.public_key() };
        let keys = ServerKeyExchange { params, scheme: self.scheme, signature: &signature };
        cx.send(HandshakeType::SERVER_KEY_EXCHANGE, |w| keys.write(w))?;
        cx.send(HandshakeType::SERVER_HELLO_DONE, |w| ServerHelloDone.write(w))?;
        cx.outgoing.flush_flight()?;
        Ok(AfterSignature::WaitClientKeyExchange(WaitClientKeyExchange {
            peer: PeerProof::not_requested(),
            key_exchange,
            group: self.group,
            exchange: self.exchange,
        }))
    }
}
