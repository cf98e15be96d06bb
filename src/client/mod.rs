//! The client: `flow` is its table, `states` what happens at each arrow.

pub(crate) mod config;
pub(crate) mod flow;
mod hello;
mod states;

use alloc::vec::Vec;

use pki_types::ServerName;

use crate::handshake::Role;

/// The role.
pub(crate) struct Client;

impl Role for Client {
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

pub(crate) use hello::start;
