//! The server: `flow` is its table, `states` what happens at each arrow.

pub(crate) mod config;
pub(crate) mod flow;
mod negotiate;
mod states;

use alloc::vec::Vec;

use crate::handshake::{Role, SessionId};
use crate::message::{CertificateType, ProtocolVersion};

/// The role.
pub(crate) struct Server;

impl Role for Server {
    const IS_CLIENT: bool = false;
    const FIRST_FLIGHT: ProtocolVersion = ProtocolVersion::TLS_1_2;
    type Config = config::ServerConfig;
    type Kept = Kept;
    type Machine = flow::Machine;
}

/// What a server keeps through its handshake.
#[derive(Default)]
pub(crate) struct Kept {
    /// The body of ClientHello, until the identity is known that decides what is chosen from it.
    pub(crate) client_hello: Vec<u8>,
    /// The type of certificate that the client is asked for, if it is asked.
    pub(crate) client_certificate_type: Option<CertificateType>,
    /// ServerHello said that a NewSessionTicket will come.
    pub(crate) ticket_promised: bool,
    /// The ID of a session that is to be stored.
    pub(crate) session_id: Option<SessionId>,
}

/// A server waits for its client.
pub(crate) fn start() -> flow::Machine {
    flow::Machine::WaitClientHello(states::WaitClientHello)
}
