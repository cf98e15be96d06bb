use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{AskSignature, Cx};
use crate::ask::{Ask, IdentityRequest, Resolved, Token};
use crate::crypto::KeyExchange;
use crate::decision::Decision;
use crate::error::Reason;
use crate::identity::Identity;
use crate::message::{
    Certificate, ClientHello, EcdhParams, HandshakeType, ProtocolVersion, ServerAnswer, SignatureScheme,
};
use crate::server::flow::{AfterClientHello, AfterIdentity, Asks, Machine, On};
use crate::server::negotiate::{self, Chosen};

/// A server waits for its client.
pub(crate) fn start() -> Machine {
    Machine::WaitClientHello(WaitClientHello)
}

/// Nothing has come.
pub(crate) struct WaitClientHello;

impl On<ClientHello<'_>> for WaitClientHello {
    type Next = AfterClientHello;

    fn on(self, cx: &mut Cx<'_>, hello: ClientHello<'_>) -> Result<AfterClientHello, Reason> {
        negotiate::check_hello(cx, &hello)?;
        cx.incoming.version_agreed();
        cx.hs.client_random = *hello.random;
        cx.hs.kept.client_hello = hello.raw().to_vec();
        Ok(AfterClientHello::AskIdentity(AskIdentity))
    }
}

/// ClientHello is in.
pub(crate) struct AskIdentity;

impl Asks for AskIdentity {
    type Answer = Resolved;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Resolved>, Reason> {
        let hello = client_hello(&cx.hs.kept.client_hello)?;
        Ok(match cx.hs.config.resolver.resolve(&hello) {
            Decision::Now(identity) => Decision::Now(Resolved(identity)),
            Decision::Later => Decision::Later,
        })
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        Ask::ResolveIdentity(IdentityRequest { token, client_hello: cx.hs.kept.client_hello.clone() })
    }
}

fn client_hello(body: &[u8]) -> Result<ClientHello<'_>, Reason> {
    ClientHello::read(body).map_err(|problem| Reason::Malformed { message: "ClientHello", problem })
}

impl On<Resolved> for AskIdentity {
    type Next = AfterIdentity;

    /// ServerHello and Certificate; ServerKeyExchange waits for its signature.
    fn on(self, cx: &mut Cx<'_>, resolved: Resolved) -> Result<AfterIdentity, Reason> {
        let body = core::mem::take(&mut cx.hs.kept.client_hello);
        let hello = client_hello(&body)?;
        let none = || Reason::NoIdentity { server_name: negotiate::name_of(&hello) };
        let identity = resolved.0.ok_or_else(none)?;
        let chosen = negotiate::choose(cx, &hello, &identity)?;
        send_hello(cx, &hello, &chosen)?;
        cx.send(HandshakeType::CERTIFICATE, |w| Certificate::write_chain(w, identity.chain().iter().map(AsRef::as_ref)))?;

        let exchange = chosen.group.start().map_err(|_| Reason::Random)?;
        let params = params(chosen.group.name(), &*exchange)?;
        cx.facts.group = Some(chosen.group.name());
        cx.facts.scheme = Some(chosen.scheme);
        Ok(AfterIdentity::AskSignature(AskSignature::new(cx, identity, chosen.scheme, exchange, &params)))
    }
}
