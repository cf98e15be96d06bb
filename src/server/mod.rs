//! The server: `flow` is its table, `states` what happens at each arrow.

pub(crate) mod config;
pub(crate) mod flow;
mod negotiate;
mod states;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::mem;

use crate::handshake::{Cx, Role, SessionId};
use crate::message::{CertificateType, ClientHello, ProtocolVersion};

/// The role.
pub(crate) struct Server;

impl Role for Server {
    const IS_CLIENT: bool = false;
    const FIRST_FLIGHT: ProtocolVersion = ProtocolVersion::TLS_1_2;
    type Config = config::ServerConfig;
    type Kept = Kept;
    type Machine = flow::Machine;

    fn keep_message(cx: &mut Cx<'_, Self>) {
        if cx.facts.suite.is_none() && cx.hs.kept.client_hello.is_empty() {
            cx.hs.kept.client_hello = cx.message.to_vec();
            // While the connection waits, it says what it knows.
            if let Ok(hello) = ClientHello::read(cx.body())
                && let Ok(names) = negotiate::names(cx.common(), &hello)
            {
                cx.facts.names = names;
            }
        }
    }
}

/// What a server keeps through its handshake.
#[derive(Default)]
pub(crate) struct Kept {
    /// ClientHello, if its bytes go before it is answered. See [`Cx::client_hello`].
    client_hello: Vec<u8>,
    /// The type of certificate that the client is asked for, if it is asked.
    pub(crate) client_certificate_type: Option<CertificateType>,
    /// ServerHello said that a NewSessionTicket will come.
    pub(crate) ticket_promised: bool,
    /// The ID of a session that is to be stored.
    pub(crate) session_id: Option<SessionId>,
}

impl<'c> Cx<'c, Server> {
    /// ClientHello, until ServerHello is out: the message that is at work, or a copy.
    pub(crate) fn client_hello(&self) -> &[u8] {
        if self.hs.kept.client_hello.is_empty() { self.message } else { &self.hs.kept.client_hello }
    }

    /// As [`Self::client_hello`], for the last time.
    pub(crate) fn take_client_hello(&mut self) -> Cow<'c, [u8]> {
        match mem::take(&mut self.hs.kept.client_hello) {
            copy if copy.is_empty() => Cow::Borrowed(self.message),
            copy => Cow::Owned(copy),
        }
    }
}

/// A server waits for its client.
pub(crate) fn start() -> flow::Machine {
    flow::Machine::WaitClientHello(states::WaitClientHello)
}
