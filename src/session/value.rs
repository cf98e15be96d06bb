//! What both sides keep of a connection to resume it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use pki_types::UnixTime;

use super::names::Names;
use crate::crypto::{MasterSecret, Suite};
use crate::identity::PeerCertificates;
use crate::message::CipherSuite;

/// What is kept of a connection so that another one resumes it (RFC 5246 §7.3 figure 2, RFC 5077): the master secret,
/// and all that the session is bound to.
///
/// It is shared as an `Arc<Session>`; a store outside the process keeps [`Session::to_bytes`]. Whoever has these bytes can
/// decrypt every connection of the session, and on a server can be its client: they belong where private keys belong.
pub struct Session {
    /// Who we are in it.
    pub(crate) side: Side,
    pub(crate) suite: &'static Suite,
    /// Filled once the session stays where it is: see [`Session::with_secret`].
    pub(crate) master_secret: MasterSecret,
    /// RFC 7627 §5.3: it stays with the session.
    pub(crate) extended_master_secret: bool,
    /// The configuration that it belongs to.
    pub(crate) context: [u8; 32],
    /// Of the full handshake, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) created_at: u64,
    /// In seconds.
    pub(crate) lifetime: u32,
    pub(crate) names: Names,
    /// The server's policy at the time; on a client always `NotRequested`.
    pub(crate) client_auth: ClientAuthPolicy,
    /// Of the peer, as verified; never an empty list. In their place it can have a raw public key (RFC 7250).
    pub(crate) peer_certificates: Option<PeerCertificates>,
    /// The earliest end of what the verified path rests on, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) peer_not_after: Option<u64>,
    /// The code of RFC 6066 §4, which stays with the session.
    pub(crate) max_fragment_length: Option<u8>,
    /// How it is resumed.
    pub(crate) handle: Handle,
}

/// A longer ticket, in bytes, is not worth the room that it takes in each ClientHello.
pub(crate) const LONGEST_TICKET: usize = 16 << 10;

/// How much the clocks of those who make a session and resume it may differ, in seconds.
pub(crate) const CLOCK_SKEW: u64 = 60;

/// Whose session it is: a client's is never taken for a server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// Whether a server asks its clients for a certificate (RFC 5246 §7.4.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuthPolicy {
    /// It does not.
    #[default]
    NotRequested,
    /// It does, and goes on with a client that shows none.
    Optional,
    /// It does, and refuses a client that shows none (`handshake_failure`).
    Required,
}

/// What a client shows the server to resume the session.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Handle {
    /// A server's session that went into a ticket.
    None,
    /// A session ID of 1 to 32 bytes. A server's session has it, too, so that a store cannot mix sessions up.
    Id(Box<[u8]>),
    /// A ticket of 1 to 2^16 - 1 bytes (RFC 5077 §3.3).
    Ticket(Box<[u8]>),
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Handle::None => f.write_str("None"),
            Handle::Id(id) => write!(f, "Id({} bytes)", id.len()),
            Handle::Ticket(ticket) => write!(f, "Ticket({} bytes)", ticket.len()),
        }
    }
}

impl Session {
    /// Puts the session to where it stays, and only then the secret into it, so that there is no copy of that.
    pub(crate) fn with_secret(self, secret: &[u8; MasterSecret::LEN]) -> Arc<Self> {
        let mut session = Arc::new(self);
        if let Some(session) = Arc::get_mut(&mut session) {
            session.master_secret.copy_from(secret);
        }
        session
    }

    /// The cipher suite, the only one that the session is resumed with (RFC 5246 §7.4.1.3).
    #[must_use]
    pub fn cipher_suite(&self) -> CipherSuite {
        self.suite.id
    }

    /// Whether the master secret is bound to its handshake (RFC 7627).
    #[must_use]
    pub fn extended_master_secret(&self) -> bool {
        self.extended_master_secret
    }

    /// When the full handshake was made that the master secret is from, in seconds since 1970-01-01 00:00 UTC. Resuming
    /// the session, or renewing its ticket, does not change it.
    #[must_use]
    pub fn created_at(&self) -> u64 {
        self.created_at
    }

    /// How long after the full handshake it may be resumed, in seconds.
    #[must_use]
    pub fn lifetime(&self) -> u32 {
        self.lifetime
    }

    /// The last second in which it may be resumed, in seconds since 1970-01-01 00:00 UTC: the end of its lifetime, or of the
    /// certificates that the peer was verified by if that comes first.
    #[must_use]
    pub fn expires_at(&self) -> u64 {
        let end = self.created_at.saturating_add(self.lifetime.into());
        self.peer_not_after.map_or(end, |not_after| end.min(not_after))
    }

    /// Whether it may no longer be resumed at that time.
    #[must_use]
    pub fn is_expired(&self, now: UnixTime) -> bool {
        now.as_secs() > self.expires_at()
    }

    /// Whether it was made more than a minute after that time: then one of two clocks is wrong, and its age is not known.
    #[must_use]
    pub fn is_from_the_future(&self, now: UnixTime) -> bool {
        now.as_secs().saturating_add(CLOCK_SKEW) < self.created_at
    }

    /// On a server the name that the client asked for, on a client the name of the server that it was made with.
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.names.server_name()
    }

    /// The application protocol of the connection that it was made by (RFC 7301).
    #[must_use]
    pub fn alpn_protocol(&self) -> Option<&[u8]> {
        self.names.alpn()
    }

    /// The certificates that the peer was verified by, its own first; or its raw public key (RFC 7250).
    #[must_use]
    pub fn peer_certificates(&self) -> Option<&PeerCertificates> {
        self.peer_certificates.as_ref()
    }

    /// The last second at which the verdict on these certificates holds, in seconds since 1970-01-01 00:00 UTC, if it is
    /// known.
    #[must_use]
    pub fn peer_not_after(&self) -> Option<u64> {
        self.peer_not_after
    }

    /// Whether it is a client's session that is resumed by a ticket (RFC 5077), and not by its ID.
    #[must_use]
    pub fn has_ticket(&self) -> bool {
        matches!(self.handle, Handle::Ticket(_))
    }
}

/// All but the master secret.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("side", &self.side)
            .field("cipher_suite", &self.suite.id)
            .field("extended_master_secret", &self.extended_master_secret)
            .field("created_at", &self.created_at)
            .field("lifetime", &self.lifetime)
            .field("server_name", &self.server_name())
            .field("alpn", &self.alpn_protocol().map(crate::error::escape))
            .field("client_auth", &self.client_auth)
            .field("peer_certificates", &self.peer_certificates)
            .field("peer_not_after", &self.peer_not_after)
            .field("max_fragment_length", &self.max_fragment_length)
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
