//! The calls of cryptography that TLS 1.2 forces, in the cheapest way that the crates offer: the floor under every
//! implementation. There is no message, no parsing, no buffer and no state beside them.

pub mod aws_lc;
pub mod ring;

use crate::certificates::Issued;

/// The bytes of the messages of one handshake, as measured on a real one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lengths {
    /// Through ClientKeyExchange: what the extended master secret is bound to (RFC 7627 §3), and what CertificateVerify signs.
    pub key_exchange: usize,
    /// Before the first Finished.
    pub first_finished: usize,
    /// Before the second Finished.
    pub second_finished: usize,
    /// A ticket; 0 without one.
    pub ticket: usize,
}

/// How a handshake is authenticated.
#[derive(Clone, Copy, Debug)]
pub enum Authentication<'a> {
    /// By ECDSA on P-256.
    Ecdsa(&'a Issued),
    /// By RSA.
    Rsa(&'a Issued),
    /// Both sides, by ECDSA on P-256.
    Mutual(&'a Issued),
}
