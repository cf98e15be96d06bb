//! Who keeps sessions: on a server by ID or by ticket, on a client for each server.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;

use pki_types::{ServerName, UnixTime};

use super::Session;
use crate::decision::Decision;

/// Keeps a server's sessions, by session ID (RFC 5246 §7.3).
///
/// Nothing here can fail a handshake: a session that is not found, for whatever reason, is a full handshake. A session that is
/// found is still held against all that it is bound to (cipher suite, extended master secret, server name, the
/// configuration's context, client authentication, its age), so that a store that mixes sessions up does no more harm than
/// one that loses them.
///
/// A store outside the process keeps [`Session::to_bytes`] under the ID, encrypted and authenticated on the way and at rest, and forgets it
/// after [`Session::expires_at`]. It answers [`Decision::Later`], looks up without blocking the connection, and
/// responds with what [`Session::from_bytes`] gives; when it fails, by [`crate::FindSessionRequest::fail`].
pub trait SessionStore: Debug + Send + Sync {
    /// The session of this ID, which is what a client showed: any 32 bytes. `None`, also for one that is expired at
    /// `now`, is a full handshake. `Later` pauses the connection, which asks by [`crate::Ask`].
    fn find(&self, id: &[u8], now: UnixTime) -> Decision<Option<Arc<Session>>>;

    /// Keeps a session whose handshake is done. Fire and forget: it must not block, and nobody waits for the outcome. A
    /// client may come back before a store that is slow has it; that is a full handshake, too.
    fn put(&self, id: &[u8], session: Arc<Session>);

    /// Forgets a session: one of its connections failed (RFC 5246 §7.2.2). Fire and forget, as [`Self::put`].
    fn remove(&self, id: &[u8]);
}

/// Turns a server's sessions into tickets, which the clients keep, and back (RFC 5077).
///
/// What a ticket says is trusted as a session store is: it must be encrypted and authenticated with a key that only this
/// server, or its fleet, has (RFC 9325 §3.4).
pub trait TicketSealer: Debug + Send + Sync {
    /// The session in a ticket, which is what a client showed: any bytes. `None` declines it, and a full handshake follows:
    /// it is altered, expired at `now`, under an unknown key, or no longer wanted. `Later` pauses the connection, which
    /// asks by [`crate::Ask`].
    fn open(&self, ticket: &[u8], now: UnixTime) -> Decision<Option<OpenedTicket>>;

    /// A ticket for a session. `None` tells the client that there is none after all: an empty NewSessionTicket
    /// (RFC 5077 §3.3). `Later` pauses the connection, which asks by [`crate::Ask`].
    fn seal(&self, session: &Arc<Session>, now: UnixTime) -> Decision<Option<NewTicket>>;
}

/// What was in a ticket.
#[derive(Clone, Debug)]
pub struct OpenedTicket {
    /// The session, to be held against all that it is bound to.
    pub session: Arc<Session>,
    /// Whether the client gets a new ticket for it (RFC 5077 §3.3). The session stays as old as it is: see
    /// [`Session::created_at`].
    pub renew: bool,
}

/// A ticket for a client.
#[derive(Clone, PartialEq, Eq)]
pub struct NewTicket {
    /// What the client will show: 1 to 2^16 - 1 bytes.
    pub ticket: Vec<u8>,
    /// How long the client should keep it, in seconds; 0 leaves that to the client (RFC 5077 §5.6).
    pub lifetime_hint: u32,
}

impl Debug for NewTicket {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "NewTicket({} bytes, for {} s)", self.ticket.len(), self.lifetime_hint)
    }
}

/// Keeps a client's sessions, for each server.
///
/// The answers are needed when the ClientHello is written and are always immediate. A session that is found is still held
/// against the configuration and the name. What a client keeps over restarts is [`Session::to_bytes`].
pub trait ClientSessions: Debug + Send + Sync {
    /// A session to offer this server; `None`, also for want of one that isn't expired at `now`, is a full handshake.
    fn find(&self, server_name: &ServerName<'_>, now: UnixTime) -> Option<Arc<Session>>;

    /// Keeps a session whose handshake is done. There may be several for one server. After a resumption it comes again, with
    /// the new ticket, when the server sent one.
    fn put(&self, server_name: &ServerName<'_>, session: Arc<Session>);

    /// Forgets a session, the very one that [`Self::find`] or [`Self::put`] knew: the server refused it, or a connection of
    /// it failed (RFC 5246 §7.2.2). Other tickets of the same session had better go as well.
    fn remove(&self, server_name: &ServerName<'_>, session: &Arc<Session>);
}
