//! Questions about sessions. The handshake can do without an answer to each of them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pki_types::UnixTime;

use super::{Answer, Answered, Token};
use crate::session::{NewTicket, OpenedTicket, Session};

/// The store's answer, or the sealer's to a ticket.
#[derive(Debug)]
pub(crate) struct Found(pub(crate) Result<Option<FoundSession>, String>);

/// A session that the client may resume, if it fits.
#[derive(Debug)]
pub(crate) struct FoundSession {
    pub(crate) session: Arc<Session>,
    /// The client should get a new ticket.
    pub(crate) renew: bool,
}

impl Found {
    pub(crate) fn in_store(session: Option<Arc<Session>>) -> Self {
        Found(Ok(session.map(|session| FoundSession { session, renew: false })))
    }

    pub(crate) fn in_ticket(opened: Option<OpenedTicket>) -> Self {
        Found(Ok(opened.map(|OpenedTicket { session, renew }| FoundSession { session, renew })))
    }
}

/// The sealer's.
#[derive(Debug)]
pub(crate) struct Sealed(pub(crate) Result<Option<NewTicket>, String>);

/// Asks for the session that has an ID.
#[derive(Debug)]
pub struct FindSessionRequest {
    pub(crate) token: Token,
    pub(crate) id: Vec<u8>,
    pub(crate) now: UnixTime,
}

impl FindSessionRequest {
    /// The session ID that the client offers: 32 bytes, as all that this library makes (RFC 5246 §7.4.1.2).
    #[must_use]
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// The time of the question, by the configuration's clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.now
    }

    /// The session that was stored under this ID, or `None`: a full handshake.
    #[must_use]
    pub fn respond(self, session: Option<Arc<Session>>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Found(Found::in_store(session))) }
    }

    /// The store failed: a full handshake, and [`crate::Observer::not_resumed`] is told why.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Found(Found(Err(why.into())))) }
    }
}

/// Asks which session is in a ticket.
#[derive(Debug)]
pub struct OpenTicketRequest {
    pub(crate) token: Token,
    pub(crate) ticket: Vec<u8>,
    pub(crate) now: UnixTime,
}

impl OpenTicketRequest {
    /// The ticket as the client sent it: from anybody, until it was opened.
    #[must_use]
    pub fn ticket(&self) -> &[u8] {
        &self.ticket
    }

    /// The time of the question, by the configuration's clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.now
    }

    /// What was in the ticket, or `None`: a full handshake.
    #[must_use]
    pub fn respond(self, opened: Option<OpenedTicket>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Found(Found::in_ticket(opened))) }
    }

    /// The ticket could not be looked at: a full handshake, and [`crate::Observer::not_resumed`] is told why.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Found(Found(Err(why.into())))) }
    }
}

/// Asks for a ticket.
#[derive(Debug)]
pub struct SealTicketRequest {
    pub(crate) token: Token,
    pub(crate) session: Arc<Session>,
    pub(crate) now: UnixTime,
}

impl SealTicketRequest {
    /// The session that the ticket is for.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The time of the question, by the configuration's clock.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.now
    }

    /// The ticket, or `None`: the client gets an empty one, which is none (RFC 5077 §3.3).
    #[must_use]
    pub fn respond(self, ticket: Option<NewTicket>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Sealed(Sealed(Ok(ticket)))) }
    }

    /// There will be no ticket: the client gets an empty one, and [`crate::Observer::no_ticket`] is told why.
    #[must_use]
    pub fn fail(self, why: impl Into<String>) -> Answer {
        Answer { token: self.token, answered: Ok(Answered::Sealed(Sealed(Err(why.into())))) }
    }
}
