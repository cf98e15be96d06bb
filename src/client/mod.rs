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

use crate::error::Reason;
use crate::handshake::{Role, SessionId};
use crate::message::{CertificateType, EcdhParams, ProtocolVersion, ServerKeyExchange};
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
    /// The session that ClientHello offers.
    pub(crate) offered: Option<Offered>,
    /// The ID that ServerHello gave to the session, for when there is no ticket.
    pub(crate) session_id: Vec<u8>,
    /// ServerHello said that a NewSessionTicket will come.
    pub(crate) ticket_promised: bool,
    /// The ticket that came, with its lifetime in seconds as the server says it.
    pub(crate) new_ticket: Option<(Box<[u8]>, u32)>,
    /// Both randoms and the body of ServerKeyExchange: its signature can only be checked once the certificate is.
    pub(crate) server_key_exchange: SignedKeys,
    /// The type of certificate that ServerHello says we would be asked for.
    pub(crate) certificate_type: CertificateType,
    /// The body of CertificateRequest.
    pub(crate) certificate_request: Option<Vec<u8>>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Option<Vec<u8>>,
}

/// A ServerKeyExchange, behind what its signature is also over (RFC 8422 §5.4).
#[derive(Default)]
pub(crate) struct SignedKeys(Vec<u8>);

impl SignedKeys {
    const RANDOMS: usize = 64;

    pub(crate) fn new(client_random: &[u8; 32], server_random: &[u8; 32], body: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(Self::RANDOMS + body.len());
        [client_random, server_random, body].into_iter().for_each(|part: &[u8]| bytes.extend_from_slice(part));
        SignedKeys(bytes)
    }

    pub(crate) fn read(&self) -> Result<ServerKeyExchange<'_>, Reason> {
        ServerKeyExchange::read(self.0.get(Self::RANDOMS..).unwrap_or_default())
            .map_err(|problem| Reason::Malformed { message: "ServerKeyExchange", problem })
    }

    /// What is signed: both randoms and the parameters.
    pub(crate) fn signed_content(&self, params: &EcdhParams<'_>) -> &[u8] {
        self.0.get(..Self::RANDOMS + params.encoded_len()).unwrap_or_default()
    }
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
    pub(crate) fn new() -> Self {
        Kept {
            offered: None,
            session_id: Vec::new(),
            ticket_promised: false,
            new_ticket: None,
            server_key_exchange: SignedKeys::default(),
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
