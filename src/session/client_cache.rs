//! A client's sessions in memory.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use std::collections::hash_map::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;
use pki_types::{ServerName, UnixTime};

use super::{ClientSessions, Session};
use crate::crypto::equal;

/// Keeps a client's sessions in memory: some for each server, and of servers up to a number, where the one that was not used for
/// longest goes first.
///
/// The newest session of a server is offered first. A ticket is offered once, so that those who watch the network cannot
/// tell by it that two connections are of the same client (RFC 8446 §C.4 says so of TLS 1.3, and RFC 5077 §5.8 leaves it to
/// the application); a session that is resumed by its ID is offered until it expires.
///
/// One cache is for one configuration, or for several with the same session context.
pub struct ClientCache {
    servers: Mutex<Servers>,
    sessions_per_server: usize,
    single_use_tickets: bool,
}

/// The sessions of each server, the newest first. One whose last ticket was just taken has none: its place waits for the next.
type Servers = LruCache<Box<str>, VecDeque<Arc<Session>>, RandomState>;

impl ClientCache {
    /// A cache for 256 servers, with 4 sessions of each.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(256, 4)
    }

    /// A cache for this many servers, with this many sessions of each. There is no use in more sessions than are resumed at
    /// the same time.
    #[must_use]
    pub fn with_capacity(servers: usize, sessions_per_server: usize) -> Self {
        let servers = Mutex::new(Servers::with_hasher(servers, RandomState::new()));
        ClientCache { servers, sessions_per_server, single_use_tickets: true }
    }

    /// Whether a ticket is offered once. Default: it is. A server that gives no new ticket when it resumes then gets a full
    /// handshake every other time, which this avoids where privacy is no concern, as between machines.
    #[must_use]
    pub fn single_use_tickets(mut self, single_use: bool) -> Self {
        self.single_use_tickets = single_use;
        self
    }

    /// How many sessions there are, expired ones among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers().iter().map(|(_, sessions)| sessions.len()).sum()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lock, for a test of what happens to whoever panics with it.
    #[cfg(test)]
    pub(super) fn hold(&self) -> impl Sized + '_ {
        self.servers()
    }

    /// A thread that panicked did so outside of the cache, which is whole.
    fn servers(&self) -> MutexGuard<'_, Servers> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// DNS names are the same in upper and lower case (RFC 4343).
fn key<'a>(server_name: &'a ServerName<'_>) -> Cow<'a, str> {
    let name = server_name.to_str();
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name }
}

impl Default for ClientCache {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientSessions for ClientCache {
    fn find(&self, server_name: &ServerName<'_>, now: UnixTime) -> Option<Arc<Session>> {
        let (name, mut servers) = (key(server_name), self.servers());
        let sessions = servers.get_mut(&*name)?;
        sessions.retain(|session| !session.is_expired(now));
        let found = sessions.front().cloned();
        if found.is_none() {
            servers.remove(&*name);
        } else if self.single_use_tickets && found.as_ref().is_some_and(|session| session.has_ticket()) {
            // The next one will come, most likely: its place stays.
            sessions.pop_front();
        }
        found
    }

    fn put(&self, server_name: &ServerName<'_>, session: Arc<Session>) {
        if self.sessions_per_server == 0 {
            return;
        }
        let (name, mut servers) = (key(server_name), self.servers());
        let Some(sessions) = servers.get_mut(&*name) else {
            servers.insert((*name).into(), VecDeque::from([session]));
            return;
        };
        // What is resumed by the same ID or ticket is the same session to the server.
        sessions.retain(|kept| kept.handle != session.handle);
        sessions.push_front(session);
        sessions.truncate(self.sessions_per_server);
    }

    fn remove(&self, server_name: &ServerName<'_>, session: &Arc<Session>) {
        let (name, mut servers) = (key(server_name), self.servers());
        let Some(sessions) = servers.get_mut(&*name) else { return };
        // RFC 5246 §7.2.2: nor by another ticket of it is the session resumed.
        sessions.retain(|kept| !equal(kept.master_secret.as_bytes(), session.master_secret.as_bytes()));
        if sessions.is_empty() {
            servers.remove(&*name);
        }
    }
}

impl fmt::Debug for ClientCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCache")
            .field("sessions", &self.len())
            .field("single_use_tickets", &self.single_use_tickets)
            .finish_non_exhaustive()
    }
}
