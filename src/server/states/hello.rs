use alloc::sync::Arc;

use super::{AskSignature, Cx};
use crate::ask::{Ask, IdentityRequest, Resolved, Token};
use crate::codec::Prefix;
use crate::crypto::Suite;
use crate::decision::Decision;
use crate::error::Reason;
use crate::message::{
    Certificate, ClientHello, HandshakeType, NO_COMPRESSION, OpaqueList, ProtocolVersion, ServerExtensions,
    ServerHello, UNCOMPRESSED,
};
use crate::server::flow::{AfterClientHello, AfterIdentity, Asks, On};
use crate::server::negotiate;

/// Nothing has come.
pub(crate) struct WaitClientHello;

impl On<ClientHello<'_>> for WaitClientHello {
    type Next = AfterClientHello;

    fn on(self, cx: &mut Cx<'_>, hello: ClientHello<'_>) -> Result<AfterClientHello, Reason> {
        negotiate::check_hello(cx, &hello)?;
        cx.incoming.version_agreed();
        cx.hs.kept.client_hello = cx.body.to_vec();
        Ok(AfterClientHello::AskIdentity(AskIdentity))
    }
}

/// ClientHello is in.
pub(crate) struct AskIdentity;

impl Asks for AskIdentity {
    type Answer = Resolved;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Resolved>, Reason> {
        let hello = client_hello(&cx.hs.kept.client_hello)?;
        Ok(cx.hs.config.resolver.resolve(&hello).map(Resolved))
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
        send_hello(cx, &hello, chosen.suite)?;
        let chain = Certificate { chain: OpaqueList::from_encoded(Prefix::U24, identity.encoded_chain()) };
        cx.send(HandshakeType::CERTIFICATE, |w| chain.write(w))?;
        cx.facts.group = Some(chosen.group.name());
        cx.facts.scheme = Some(chosen.scheme);
        cx.facts.identity = Some(Arc::clone(&identity));
        let exchange = chosen.group.start().map_err(|_| Reason::Random)?;
        Ok(AfterIdentity::AskSignature(AskSignature::new(cx, identity, chosen, exchange)))
    }
}

/// RFC 5246 §7.4.1.3: extensions only as answers to the client's.
fn send_hello(cx: &mut Cx<'_>, hello: &ClientHello<'_>, suite: &'static Suite) -> Result<(), Reason> {
    let random = cx.draw_random()?;
    cx.hs.server_random = random;
    cx.facts.suite = Some(suite);
    let backend = cx.common().backend;
    cx.hs.transcript.start(backend, suite.hash);
    let alpn = cx.facts.alpn.clone();
    let answer = ServerHello {
        version: ProtocolVersion::TLS_1_2,
        random: &random,
        // No session is kept.
        session_id: &[],
        cipher_suite: suite.id,
        compression_method: NO_COMPRESSION,
        extensions: ServerExtensions {
            server_name: cx.facts.server_name.is_some(),
            extended_master_secret: cx.facts.extended_master_secret,
            // RFC 5746 §3.6: empty in a first handshake.
            renegotiation_info: cx.facts.secure_renegotiation.then_some(&[]),
            ec_point_formats: hello.extensions.ec_point_formats.map(|_| [UNCOMPRESSED].as_slice()),
            alpn: alpn.as_deref(),
            max_fragment_length: cx.facts.max_fragment_length,
            record_size_limit: cx.hs.record_limits.map(|limits| limits.ours),
            ..ServerExtensions::default()
        },
    };
    cx.send(HandshakeType::SERVER_HELLO, |w| answer.write(w))?;
    if let Some(length) = cx.facts.max_fragment_length {
        cx.limit_fragments(length);
    }
    Ok(())
}
