//! What a client does at each arrow of its flow table.

mod certificate;
mod finish;
mod identity;
mod key_exchange;
mod resume;
mod server_hello;
mod verify;

pub(crate) use certificate::{WaitCertificate, WaitStatusOrKeys};
pub(crate) use finish::{WaitChangeCipherSpec, WaitFinished, WaitNewTicket};
pub(crate) use identity::{AskIdentity, AskSignature};
pub(crate) use key_exchange::{WaitDone, WaitKeys, WaitRequestOrDone};
pub(crate) use resume::AskVerifyAgain;
pub(crate) use server_hello::WaitServerHello;
pub(crate) use verify::AskVerify;

pub(super) type Cx<'c> = crate::handshake::Cx<'c, super::Client>;
