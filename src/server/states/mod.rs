//! What a server does at each arrow of its flow table.

mod client_auth;
mod finish;
mod hello;
mod resume;
mod sign;

pub(crate) use client_auth::{AskVerify, WaitCertificate, WaitCertificateVerify, WaitClaimantKeyExchange};
pub(crate) use finish::{AskNewTicket, WaitChangeCipherSpec, WaitClientKeyExchange, WaitFinished};
use finish::{KeysReady, Ours, Proofs};
pub(crate) use hello::{AskIdentity, WaitClientHello};
pub(crate) use resume::{AskRenewal, AskSession, AskVerifyAgain};
pub(crate) use sign::AskSignature;

pub(super) type Cx<'c> = crate::handshake::Cx<'c, super::Server>;
