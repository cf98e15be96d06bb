//! The client: `flow` is its table, `states` what happens at each arrow.

pub(crate) mod config;
pub(crate) mod flow;
mod hello;
mod states;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::{IpAddr, ServerName};

use crate::handshake::Role;
use crate::message::ProtocolVersion;
use crate::proof::Resumable;
use crate::session::Session;

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
    /// The body of CertificateRequest.
    pub(crate) certificate_request: Option<Vec<u8>>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Option<Vec<u8>>,
}

/// A session, and the ID by whose echo the server says that it is resumed.
pub(crate) struct Offered {
    pub(crate) session: Arc<Session>,
    pub(crate) resumable: Resumable,
    pub(crate) session_id: Box<[u8]>,
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
            certificate_request: None,
            ocsp_response: None,
            scts: None,
        }
    }
}

pub(crate) use hello::start;

/// The name of a server as text: what its sessions are bound to.
pub(crate) fn text_of(name: &ServerName<'_>) -> String {
    match name {
        ServerName::DnsName(name) => name.as_ref().into(),
        ServerName::IpAddress(IpAddr::V4(address)) => core::net::IpAddr::from(*address.as_ref()).to_string(),
        ServerName::IpAddress(IpAddr::V6(address)) => core::net::IpAddr::from(*address.as_ref()).to_string(),
        // There is no other kind today.
        other => format!("{other:?}"),
    }
}
