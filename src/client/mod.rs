//! The client: `flow` is its table, `states` what happens at each arrow.

pub(crate) mod config;
pub(crate) mod flow;
mod hello;
mod states;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use pki_types::{IpAddr, ServerName};

use crate::handshake::{Role, SessionId};
use crate::message::{CertificateType, ProtocolVersion};
use crate::proof::Resumable;
use crate::session::Handle;

/// The role.
pub(crate) struct Client;

impl Role for Client {
    const IS_CLIENT: bool = true;
    const FIRST_FLIGHT: ProtocolVersion = ProtocolVersion::TLS_1_0;
    type Config = config::ClientConfig;
    type Kept = Kept;
    type Machine = flow::Machine;
}

/// What a client keeps through its handshake.
pub(crate) struct Kept {
    pub(crate) server_name: ServerName<'static>,
    /// The session that ClientHello offers.
    pub(crate) offered: Option<Offered>,
    /// The ID that ServerHello gave to the session, for when there is no ticket.
    pub(crate) session_id: Vec<u8>,
    /// ServerHello said that a NewSessionTicket will come.
    pub(crate) ticket_promised: bool,
    /// The ticket that came, with its lifetime in seconds as the server says it.
    pub(crate) new_ticket: Option<(Box<[u8]>, u32)>,
    /// The body of ServerKeyExchange: its signature can only be checked once the certificate is.
    pub(crate) server_key_exchange: Vec<u8>,
    /// The type of certificate that ServerHello says we would be asked for.
    pub(crate) certificate_type: CertificateType,
    /// The body of CertificateRequest.
    pub(crate) certificate_request: Option<Vec<u8>>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Option<Vec<u8>>,
}

/// A session, and what the server says to resume it.
pub(crate) struct Offered {
    pub(crate) resumable: Resumable,
    /// Shown with a ticket (RFC 5077 §3.4).
    pub(crate) drawn_id: SessionId,
}

impl Offered {
    /// The ID by whose echo the server says that the session is resumed.
    pub(crate) fn session_id(&self) -> &[u8] {
        match &self.resumable.session().handle {
            Handle::Id(id) => id,
            Handle::Ticket(_) => &self.drawn_id,
            Handle::None => &[],
        }
    }
}

impl Kept {
    pub(crate) fn new(server_name: ServerName<'static>) -> Self {
        Kept {
            server_name,
            offered: None,
            session_id: Vec::new(),
            ticket_promised: false,
            new_ticket: None,
            server_key_exchange: Vec::new(),
            certificate_type: CertificateType::X509,
            certificate_request: None,
            ocsp_response: None,
            scts: None,
        }
    }
}

pub(crate) use hello::start;

/// The name of a server as text: what its sessions are bound to.
pub(crate) fn text_of<'a>(name: &'a ServerName<'_>) -> Cow<'a, str> {
    match name {
        ServerName::DnsName(name) => Cow::Borrowed(name.as_ref()),
        ServerName::IpAddress(IpAddr::V4(address)) => core::net::IpAddr::from(*address.as_ref()).to_string().into(),
        ServerName::IpAddress(IpAddr::V6(address)) => core::net::IpAddr::from(*address.as_ref()).to_string().into(),
        // There is no other kind today.
        other => format!("{other:?}").into(),
    }
}
