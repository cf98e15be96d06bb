use alloc::boxed::Box;
use alloc::sync::Arc;

use super::{AskSession, AskSignature, Cx};
use crate::ask::{Ask, IdentityRequest, Resolved, Token};
use crate::crypto::Suite;
use crate::decision::Decision;
use crate::error::Reason;
use crate::identity::Identity;
use crate::message::{
    Certificate, CertificateStatus, ClientHello, HEADER_LEN, HandshakeType, NO_COMPRESSION, ProtocolVersion,
    ServerExtensions, ServerHello, StatusRequest, UNCOMPRESSED,
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
        Ok(match AskSession::offered(cx, &hello) {
            Some(state) => AfterClientHello::AskSession(state),
            None => AfterClientHello::AskIdentity(AskIdentity),
        })
    }
}

/// A full handshake it is.
pub(crate) struct AskIdentity;

impl Asks for AskIdentity {
    type Answer = Resolved;

    fn decide(&mut self, cx: &mut Cx<'_>) -> Result<Decision<Resolved>, Reason> {
        let hello = client_hello(cx.client_hello())?;
        Ok(cx.hs.config.resolver.resolve(&hello).map(Resolved))
    }

    fn request(&self, cx: &Cx<'_>, token: Token) -> Ask {
        Ask::ResolveIdentity(Box::new(IdentityRequest { token, client_hello: body_of(cx.client_hello()).to_vec() }))
    }
}

pub(super) fn client_hello(message: &[u8]) -> Result<ClientHello<'_>, Reason> {
    ClientHello::read(body_of(message)).map_err(|problem| Reason::Malformed { message: "ClientHello", problem })
}

fn body_of(message: &[u8]) -> &[u8] {
    message.get(HEADER_LEN..).unwrap_or_default()
}

impl On<Resolved> for AskIdentity {
    type Next = AfterIdentity;

    /// ServerHello and Certificate; ServerKeyExchange waits for its signature.
    fn on(self, cx: &mut Cx<'_>, resolved: Resolved) -> Result<AfterIdentity, Reason> {
        let message = cx.take_client_hello();
        let hello = client_hello(&message)?;
        let none = || Reason::NoIdentity { server_name: negotiate::name_of(&hello) };
        let identity = resolved.0.ok_or_else(none)?;
        cx.facts.names = negotiate::names(cx.common(), &hello)?;
        let chosen = negotiate::choose(cx, &hello, &identity)?;
        cx.hs.kept.client_certificate_type = negotiate::client_certificate_type(cx, &hello)?;
        // RFC 5077 §3.4: a session ID is for those who get no ticket.
        let keeps = cx.may_leave_session();
        let session_ticket = keeps && cx.hs.config.tickets.is_some() && hello.extensions.session_ticket.is_some();
        let stored = keeps && cx.hs.config.session_store.is_some() && !session_ticket;
        let (random, session_id) = negotiate::server_random(cx, stored)?;
        cx.hs.kept.ticket_promised = session_ticket;
        cx.hs.kept.session_id = stored.then_some(session_id);
        let session_id: &[u8] = if stored { &session_id } else { &[] };
        let response = asks_for_status(&hello).then(|| identity.ocsp_response()).flatten();
        let says = Says {
            suite: chosen.suite,
            random,
            session_id,
            session_ticket,
            ec_point_formats: hello.extensions.ec_point_formats.is_some(),
            identity: Some((&identity, &hello)),
        };
        cx.outgoing.reserve(identity.encoded().len());
        send_hello(cx, &message, &says)?;
        cx.send(HandshakeType::CERTIFICATE, |w| Certificate::from_encoded(identity.encoded()).write(w))?;
        if let Some(response) = response {
            // RFC 6066 §8: immediately after Certificate.
            cx.send(HandshakeType::CERTIFICATE_STATUS, |w| CertificateStatus { response }.write(w))?;
        }
        cx.facts.group = Some(chosen.group.name());
        cx.facts.scheme = Some(chosen.scheme);
        cx.facts.own.set_identity(Arc::clone(&identity));
        let exchange = chosen.group.start().map_err(|_| Reason::Random)?;
        Ok(AfterIdentity::AskSignature(AskSignature::new(cx, identity, chosen, exchange)))
    }
}

/// RFC 6066 §8. Whom the client trusts to answer is for it to check: our response is what our issuer says.
fn asks_for_status(hello: &ClientHello<'_>) -> bool {
    matches!(hello.extensions.status_request, Some(StatusRequest::Ocsp { .. }))
}

/// RFC 6066 §6: the server says so if the authorities that the client names guided its choice.
fn is_trusted(hello: &ClientHello<'_>, identity: &Identity) -> bool {
    hello.extensions.trusted_ca_keys.is_some_and(|authorities| identity.is_issued_by(authorities.names()))
}

/// What ServerHello says of our certificate, and of the one that we ask for.
fn of_identity<'a>(cx: &Cx<'_>, own: &'a Identity, hello: &ClientHello<'_>) -> ServerExtensions<'a> {
    let asked = &hello.extensions;
    let asked_for = cx.hs.kept.client_certificate_type;
    ServerExtensions {
        trusted_ca_keys: is_trusted(hello, own),
        status_request: asks_for_status(hello) && own.ocsp_response().is_some(),
        signed_certificate_timestamp: own.sct_list().filter(|_| asked.signed_certificate_timestamp),
        client_certificate_type: asked_for.filter(|_| asked.client_certificate_type.is_some()),
        server_certificate_type: asked.server_certificate_type.map(|_| own.certificate_type()),
        ..ServerExtensions::default()
    }
}

/// What ServerHello says differently in a full handshake and in a resumption.
#[derive(Clone, Copy)]
pub(super) struct Says<'a> {
    pub(super) suite: &'static Suite,
    pub(super) random: [u8; 32],
    pub(super) session_id: &'a [u8],
    /// A NewSessionTicket will come.
    pub(super) session_ticket: bool,
    /// The client says what it knows of the encodings of points.
    pub(super) ec_point_formats: bool,
    /// Who we are, and what the client wants to know of it; in a resumption that was shown before.
    pub(super) identity: Option<(&'a Identity, &'a ClientHello<'a>)>,
}

/// RFC 5246 §7.4.1.3: extensions only as answers to the client's.
pub(super) fn send_hello(cx: &mut Cx<'_>, message: &[u8], says: &Says<'_>) -> Result<(), Reason> {
    let Says { suite, random, session_id, session_ticket, ec_point_formats, identity } = *says;
    cx.hs.server_random = random;
    cx.facts.suite = Some(suite);
    let backend = cx.common().backend;
    cx.hs.transcript.start(backend, suite.hash);
    cx.hs.transcript.add(message);
    let names = cx.facts.names.clone();
    let answer = ServerHello {
        version: ProtocolVersion::TLS_1_2,
        random: &random,
        session_id,
        cipher_suite: suite.id,
        compression_method: NO_COMPRESSION,
        extensions: ServerExtensions {
            // RFC 6066 §3: not in a resumption.
            server_name: names.server_name().is_some() && identity.is_some(),
            extended_master_secret: cx.facts.extended_master_secret,
            // RFC 5746 §3.6: empty in a first handshake.
            renegotiation_info: cx.facts.secure_renegotiation.then_some(&[]),
            ec_point_formats: ec_point_formats.then_some(&[UNCOMPRESSED]),
            alpn: names.alpn(),
            session_ticket,
            max_fragment_length: cx.facts.max_fragment_length,
            record_size_limit: cx.hs.record_limits.map(|limits| limits.ours),
            ..identity.map(|(own, hello)| of_identity(cx, own, hello)).unwrap_or_default()
        },
    };
    cx.send(HandshakeType::SERVER_HELLO, |w| answer.write(w))?;
    if let Some(length) = cx.facts.max_fragment_length {
        cx.limit_fragments(length);
    }
    Ok(())
}
