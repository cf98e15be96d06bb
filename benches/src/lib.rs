//! What the benches share: the subjects that are measured against each other.
//!
//! - [`mod@bare`]: the calls of cryptography that the protocol forces, and nothing else: what no implementation can do without;
//! - tls12, in [`ours`];
//! - rustls, in [`theirs`]: held to the same version, suite and group.

pub mod bare;
pub mod certificates;
pub mod harness;
pub mod ours;
pub mod plot;
pub mod records;
pub mod report;
pub mod theirs;

/// The crates for cryptography.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// The crate `ring`.
    Ring,
    /// The crate `aws-lc-rs`.
    AwsLc,
}

impl Backend {
    /// Both.
    pub const ALL: [Backend; 2] = [Backend::Ring, Backend::AwsLc];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Backend::Ring => "ring",
            Backend::AwsLc => "aws-lc-rs",
        }
    }
}

/// What two connections do until both are established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handshake {
    /// In full; the server has a certificate on P-256, issued by a root on P-256.
    Ecdsa,
    /// In full; the server has a certificate with an RSA key of 2048 bits, issued by such a root.
    Rsa,
    /// As `Ecdsa`, and the client has a certificate like the server's.
    Mutual,
    /// Resumed by a ticket (RFC 5077), which is renewed each time.
    Ticket,
    /// Resumed by a session ID (RFC 5246 §7.4.1.2).
    SessionId,
}

impl Handshake {
    /// All of them.
    pub const ALL: [Handshake; 5] =
        [Handshake::Ecdsa, Handshake::Rsa, Handshake::Mutual, Handshake::Ticket, Handshake::SessionId];

    /// What a row of the table is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Handshake::Ecdsa => "full handshake, ECDSA P-256",
            Handshake::Rsa => "full handshake, RSA-2048",
            Handshake::Mutual => "full handshake, mutual, ECDSA P-256",
            Handshake::Ticket => "resumed by ticket",
            Handshake::SessionId => "resumed by session ID",
        }
    }

    /// Whether there is no key exchange in it.
    #[must_use]
    pub fn is_resumed(self) -> bool {
        matches!(self, Handshake::Ticket | Handshake::SessionId)
    }
}
