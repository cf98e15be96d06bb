use alloc::sync::Arc;

use pki_types::UnixTime;

use super::flow::Machine;
use super::states::WaitServerHello;
use super::{Client, Offered, text_of};
use crate::config::ExtendedMasterSecret;
use crate::error::Reason;
use crate::handshake::Cx;
use crate::message::{
    ClientExtensions, ClientHello, HandshakeType, MaxFragmentLength, NO_COMPRESSION, ProtocolVersion, StatusRequest,
    UNCOMPRESSED,
};
use crate::observer::NotResumed;
use crate::proof::{Binding, Resumable};
use crate::session::{ClientAuthPolicy, Handle, LONGEST_TICKET, Session, Side};

/// The first flight: ClientHello (RFC 5246 §7.4.1.2), which offers a session if the configuration has one.
pub(crate) fn start(cx: &mut Cx<'_, Client>) -> Result<Machine, Reason> {
    let config = Arc::clone(&cx.hs.config);
    let common = &config.common;
    let from = config.sessions.as_ref().zip(cx.facts.own.server());
    // Without sessions, nobody asks for the time.
    let found = from.and_then(|(all, server)| {
        let now = common.clock.now();
        all.find(server, now).map(|session| check(cx, session, now))
    });
    let (resumable, refused) = match found.transpose() {
        Ok(resumable) => (resumable, None),
        Err(why) => (None, Some(why)),
    };
    let has_ticket = resumable.as_ref().is_some_and(|resumable| resumable.session().has_ticket());
    // RFC 5077 §3.4: with a ticket, an ID by whose echo the server says that it took it.
    let (random, drawn_id) = cx.draw_random(has_ticket)?;
    let offered = resumable.map(|resumable| Offered { resumable, drawn_id });
    let session_id = offered.as_ref().map(Offered::session_id).unwrap_or_default();
    let ticket = match offered.as_ref().map(|offered| &offered.resumable.session().handle) {
        Some(Handle::Ticket(ticket)) => Some(&**ticket),
        _ => None,
    };
    cx.facts.client_random = random;
    if let Some(why) = refused {
        cx.not_resumed(&why);
    }
    if config.resolver.is_some() {
        cx.hs.transcript.keep_messages();
    }
    if let Some(hash) = common.only_hash() {
        cx.hs.transcript.start(common.backend, hash);
    }
    let offer = ClientHello {
        version: ProtocolVersion::TLS_1_2,
        random: &random,
        session_id,
        cipher_suites: common.suite_ids.as_slice().into(),
        compression_methods: &[NO_COMPRESSION],
        extensions: ClientExtensions {
            server_name: cx.facts.server_name().map(str::as_bytes),
            extended_master_secret: true,
            // RFC 5746 §3.4: empty in a first handshake.
            renegotiation_info: Some(&[]),
            supported_groups: Some(common.group_names.as_slice().into()),
            ec_point_formats: Some(&[UNCOMPRESSED]),
            signature_algorithms: Some(config.schemes.as_slice().into()),
            alpn: common.alpn(),
            status_request: config.verifier.wants_status().then_some(StatusRequest::OCSP),
            signed_certificate_timestamp: config.verifier.wants_scts(),
            client_certificate_type: config.client_types.offer(),
            server_certificate_type: config.server_types.offer(),
            // RFC 5077 §3.2: empty to ask for a ticket.
            session_ticket: ticket.or(config.sessions.as_ref().map(|_| <&[u8]>::default())),
            max_fragment_length: config.max_fragment_length,
            record_size_limit: Some(common.record_size_limit),
            ..ClientExtensions::default()
        },
    };
    let offers = Offers {
        server_name: cx.facts.server_name().is_some(),
        session_ticket: offer.extensions.session_ticket.is_some(),
    };
    let message = cx.outgoing.message(HandshakeType::CLIENT_HELLO, |w| offer.write(w))?;
    cx.hs.transcript.add(message);
    let length = message.len();
    cx.sent(HandshakeType::CLIENT_HELLO, length);
    cx.outgoing.flush_flight()?;
    cx.hs.kept.offered = offered;
    remember(cx);
    Ok(Machine::WaitServerHello(WaitServerHello { offers }))
}

/// What the hello offers only sometimes.
pub(crate) struct Offers {
    pub(crate) server_name: bool,
    pub(crate) session_ticket: bool,
}

/// Whether the session can be offered to this server.
fn check(cx: &Cx<'_, Client>, session: Arc<Session>, now: UnixTime) -> Result<Resumable, NotResumed> {
    let common = cx.common();
    let can_be_shown = match &session.handle {
        Handle::None => false,
        // RFC 5246 §7.4.1.2: an empty ID names no session, and its echo would say nothing.
        Handle::Id(id) => !id.is_empty(),
        Handle::Ticket(ticket) => ticket.len() <= LONGEST_TICKET,
    };
    if !can_be_shown {
        return Err(NotResumed::OtherSession);
    }
    let name = cx.facts.own.server().map(text_of);
    let binding = Binding {
        side: Side::Client,
        now,
        context: &common.session_context,
        lifetime: common.session_lifetime,
        server_name: name.as_deref(),
        id: None,
        client_auth: ClientAuthPolicy::NotRequested,
        certificate_types: &cx.hs.config.server_types,
        without_ems: common.resumes_without_ems && common.extended_master_secret != ExtendedMasterSecret::Required,
    };
    let resumable = Resumable::check(session, &binding, |suite| common.suites.iter().any(|own| own.id == suite.id))?;
    // RFC 6066 §4: the length stays with the session. A server that knows record_size_limit has agreed on none.
    let length = resumable.session().max_fragment_length.map(MaxFragmentLength);
    if length.is_some() && length != cx.hs.config.max_fragment_length {
        return Err(NotResumed::OtherFragmentLength);
    }
    Ok(resumable)
}

/// If the handshake fails, the session that it offers is not offered again.
fn remember(cx: &mut Cx<'_, Client>) {
    if let (Some(sessions), Some(offered)) = (&cx.hs.config.sessions, &cx.hs.kept.offered) {
        let (sessions, session) = (Arc::clone(sessions), Arc::clone(offered.resumable.session()));
        cx.facts.own.store(sessions, session);
    }
}
