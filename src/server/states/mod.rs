//! What a server does at each arrow of its flow table.

mod finish;
mod hello;
mod sign;

pub(crate) use finish::{WaitChangeCipherSpec, WaitClientKeyExchange, WaitFinished};
pub(crate) use hello::{AskIdentity, WaitClientHello};
pub(crate) use sign::AskSignature;

pub(super) type Cx<'c> = crate::handshake::Cx<'c, super::Server>;
