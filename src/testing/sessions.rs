//! Sessions whose master secret these tests know, and those who keep them: whatever they are asked for, the same session.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::sync::{LazyLock, Mutex};

use pki_types::{ServerName, UnixTime};

use super::identities::{NAME, P256, client_config, server_config};
use super::puppet::{self, Side};
use crate::client::config::ClientConfigBuilder;
use crate::clock::Clock;
use crate::crypto::MasterSecret;
use crate::decision::Decision;
use crate::identity::PeerCertificates;
use crate::message::CipherSuite;
use crate::session::{
    ClientAuthPolicy, ClientSessions, Handle, Names, NewTicket, OpenedTicket, Session, SessionStore, TicketSealer,
};

/// What both sides of a session know.
pub(super) const MASTER_SECRET: [u8; 48] = *b"the master secret of a session of earlier times ";
pub(super) const ID: &[u8] = b"the ID of a session: 32 bytes   ";
pub(super) const TICKET: &[u8] = b"the ticket of a session";

/// The time of these tests, in seconds since 1970.
pub(super) const NOW: u64 = 1_800_000_000;

/// A clock that stands.
#[derive(Debug)]
pub(super) struct At(pub(super) u64);

impl Clock for At {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0))
    }
}

/// The name of the configurations that share the session.
pub(super) const FLEET: &str = "fleet";

/// The same as the sessions of a client have it.
static OF_CLIENTS: LazyLock<[u8; 32]> = LazyLock::new(|| client_context(|config| config));

/// The same as the sessions of a client with an identity have it.
static OF_KNOWN_CLIENTS: LazyLock<[u8; 32]> = LazyLock::new(|| client_context(|config| config.identity(P256.clone())));

/// The same as the sessions of a server have it.
static OF_SERVERS: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let config = server_config(&P256, false).session_context(FLEET).session_store(Arc::new(Keeper::default()));
    config.build().expect("a configuration").common.session_context
});

fn client_context(settings: impl FnOnce(ClientConfigBuilder) -> ClientConfigBuilder) -> [u8; 32] {
    let config = client_config(false, false).session_context(FLEET).sessions(Arc::new(Keeper::default()));
    settings(config).build().expect("a configuration").common.session_context
}

/// A session that was made a minute ago with the other side of these tests, by ID; to be changed as the test likes.
pub(super) fn session(side: Side) -> Session {
    session_of(side, false)
}

/// The same; `known` is of a client whose configuration has an identity.
pub(super) fn session_of(side: Side, known: bool) -> Session {
    let certificates = PeerCertificates::new(P256.chain()).expect("a chain");
    let is_client = side == Side::Client;
    Session {
        side: if is_client { crate::session::Side::Client } else { crate::session::Side::Server },
        suite: puppet::suite(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
        master_secret: MasterSecret::of(&MASTER_SECRET),
        extended_master_secret: true,
        context: match side {
            Side::Client if known => *OF_KNOWN_CLIENTS,
            Side::Client => *OF_CLIENTS,
            Side::Server => *OF_SERVERS,
        },
        created_at: NOW - 60,
        lifetime: 3600,
        client_auth: ClientAuthPolicy::NotRequested,
        peer_certificates: is_client.then_some(certificates),
        peer_not_after: None,
        names: Names::new(NAME, b"", b"").unwrap(),
        max_fragment_length: None,
        handle: Handle::Id(ID.into()),
    }
}

/// Keeps one session, for a server or a client.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    pub(super) session: Option<Arc<Session>>,
    /// Decisions are put off.
    pub(super) later: bool,
    /// A ticket that is opened is to be renewed.
    pub(super) renew: bool,
    /// No ticket is sealed: NewSessionTicket is empty.
    pub(super) declines_to_seal: bool,
    pub(super) seen: Mutex<Vec<Kept>>,
}

/// What a keeper was told.
#[derive(Debug)]
pub(super) enum Kept {
    Found,
    Opened,
    Sealed,
    Put(Arc<Session>),
    Removed,
}

impl Keeper {
    pub(super) fn of(session: Session) -> Self {
        Keeper { session: Some(Arc::new(session)), ..Keeper::default() }
    }

    fn see(&self, kept: Kept) {
        self.seen.lock().expect("no test panics here").push(kept);
    }

    fn decide<T>(&self, answer: T) -> Decision<T> {
        if self.later { Decision::Later } else { Decision::Now(answer) }
    }

    /// The sealer's answers.
    pub(super) fn opened(&self) -> Option<OpenedTicket> {
        self.session.clone().map(|session| OpenedTicket { session, renew: self.renew })
    }

    pub(super) fn sealed(&self) -> Option<NewTicket> {
        (!self.declines_to_seal).then(|| NewTicket { ticket: TICKET.to_vec(), lifetime_hint: 300 })
    }
}

impl SessionStore for Keeper {
    fn find(&self, _: &[u8], _: UnixTime) -> Decision<Option<Arc<Session>>> {
        self.see(Kept::Found);
        self.decide(self.session.clone())
    }

    fn put(&self, _: &[u8], session: Arc<Session>) {
        self.see(Kept::Put(session));
    }

    fn remove(&self, _: &[u8]) {
        self.see(Kept::Removed);
    }
}

impl TicketSealer for Keeper {
    fn open(&self, _: &[u8], _: UnixTime) -> Decision<Option<OpenedTicket>> {
        self.see(Kept::Opened);
        self.decide(self.opened())
    }

    fn seal(&self, _: &Arc<Session>, _: UnixTime) -> Decision<Option<NewTicket>> {
        self.see(Kept::Sealed);
        self.decide(self.sealed())
    }
}

impl ClientSessions for Keeper {
    fn find(&self, _: &ServerName<'_>, _: UnixTime) -> Option<Arc<Session>> {
        self.see(Kept::Found);
        self.session.clone()
    }

    fn put(&self, _: &ServerName<'_>, session: Arc<Session>) {
        self.see(Kept::Put(session));
    }

    fn remove(&self, _: &ServerName<'_>, _: &Arc<Session>) {
        self.see(Kept::Removed);
    }
}
