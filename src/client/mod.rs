//! The client: `flow` is its table, `states` what happens at each arrow.

pub(crate) mod config;
pub(crate) mod flow;
mod hello;
mod states;

use alloc::vec::Vec;

use pki_types::ServerName;

use crate::handshake::Role;
use crate::message::ProtocolVersion;

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
    /// The body of ServerKeyExchange: its signature can only be checked once the certificate is.
    pub(crate) server_key_exchange: Vec<u8>,
    pub(crate) ocsp_response: Option<Vec<u8>>,
    pub(crate) scts: Option<Vec<u8>>,
}

impl Kept {
    pub(crate) fn new(server_name: ServerName<'static>) -> Self {
        Kept { server_name, server_key_exchange: Vec::new(), ocsp_response: None, scts: None }
    }
}

pub(crate) use hello::start;
