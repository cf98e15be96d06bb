//! Who keeps the sessions of both sides, in the process and with nothing random.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use tls12::pki_types::{ServerName, UnixTime};
use tls12::{Backend, ClientSessions, Decision, NewTicket, OpenedTicket, Session, SessionStore, TicketSealer, Tickets};

use crate::end::{End, pump};
use crate::parts::Counted;
use crate::setup::Setup;

/// Sessions by ID, and those of a client; the latest last.
#[derive(Clone, Debug, Default)]
struct Kept {
    by_id: Vec<(Vec<u8>, Arc<Session>)>,
    of_client: Vec<Arc<Session>>,
}

#[derive(Debug)]
pub struct Keepers {
    tickets: Tickets,
    kept: Mutex<Kept>,
}

impl Keepers {
    fn new(kept: Kept) -> Arc<Self> {
        let tickets = Tickets::with_random(Backend::default(), Counted::new(0)).expect("keys");
        Arc::new(Keepers { tickets, kept: Mutex::new(kept) })
    }

    pub fn empty() -> Arc<Self> {
        Keepers::new(Kept::default())
    }

    /// Empty ones, or as a good handshake left them.
    pub fn of(setup: Setup) -> Arc<Self> {
        static AFTER: LazyLock<Mutex<HashMap<Setup, Kept>>> = LazyLock::new(Mutex::default);
        if !setup.has(Setup::RESUMES) || !setup.keeps_sessions() {
            return Keepers::empty();
        }
        let setup = setup.session();
        let mut after = AFTER.lock().expect("nobody panicked");
        Keepers::new(after.entry(setup).or_insert_with(|| handshake(setup)).clone())
    }

    /// Changes a byte of the session that the client has, if a session comes of it.
    pub fn change_session(&self, at: u16, bits: u8) {
        if let Some(session) = self.kept().of_client.last_mut() {
            let mut bytes = session.to_bytes();
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= bits;
            if let Ok(changed) = Session::from_bytes(&bytes) {
                *session = changed;
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("nobody panicked")
    }
}

fn handshake(setup: Setup) -> Kept {
    let keepers = Keepers::empty();
    let (mut client, mut server) = (End::client(setup, &keepers, 1), End::server(setup, &keepers, 1));
    pump(&mut client, &mut server);
    assert!(
        client.known.is_some() && client.known == server.known,
        "{setup:?}: {:?}, {:?}",
        client.error,
        server.error
    );
    let kept = keepers.kept().clone();
    assert!(!kept.of_client.is_empty(), "{setup:?}");
    kept
}

/// The keepers for one side, which may take its time.
#[derive(Debug)]
pub struct Keeping {
    setup: Setup,
    keepers: Arc<Keepers>,
}

impl Keeping {
    pub fn new(setup: Setup, keepers: &Arc<Keepers>) -> Arc<Self> {
        Arc::new(Keeping { setup, keepers: keepers.clone() })
    }

    fn decide<T>(&self, now: impl FnOnce() -> T) -> Decision<T> {
        if self.setup.has(Setup::LATER) { Decision::Later } else { Decision::Now(now()) }
    }

    pub fn find_id(&self, id: &[u8]) -> Option<Arc<Session>> {
        let kept = self.keepers.kept();
        kept.by_id.iter().find(|(own, _)| own == id).map(|(_, session)| session.clone())
    }

    pub fn open_now(&self, ticket: &[u8], now: UnixTime) -> Option<OpenedTicket> {
        let opened = match self.setup.bare_tickets() {
            true => Session::from_bytes(ticket).ok().map(|session| OpenedTicket { session, renew: false }),
            false => at_once(self.keepers.tickets.open(ticket, now)),
        };
        opened.map(|opened| OpenedTicket { renew: opened.renew || self.setup.has(Setup::RENEWS), ..opened })
    }

    pub fn seal_now(&self, session: &Arc<Session>, now: UnixTime) -> Option<NewTicket> {
        match self.setup.bare_tickets() {
            true => Some(NewTicket { ticket: session.to_bytes().to_vec(), lifetime_hint: 3600 }),
            false => at_once(self.keepers.tickets.seal(session, now)),
        }
    }
}

pub fn at_once<T>(decision: Decision<T>) -> T {
    match decision {
        Decision::Now(answer) => answer,
        Decision::Later => unreachable!("it decides at once"),
    }
}

impl SessionStore for Keeping {
    fn find(&self, id: &[u8], _: UnixTime) -> Decision<Option<Arc<Session>>> {
        self.decide(|| self.find_id(id))
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        self.keepers.kept().by_id.push((id.to_vec(), session));
    }

    fn remove(&self, id: &[u8]) {
        self.keepers.kept().by_id.retain(|(own, _)| own != id);
    }
}

impl TicketSealer for Keeping {
    fn open(&self, ticket: &[u8], now: UnixTime) -> Decision<Option<OpenedTicket>> {
        self.decide(|| self.open_now(ticket, now))
    }

    fn seal(&self, session: &Arc<Session>, now: UnixTime) -> Decision<Option<NewTicket>> {
        self.decide(|| self.seal_now(session, now))
    }
}

impl ClientSessions for Keeping {
    fn find(&self, _: &ServerName<'_>, _: UnixTime) -> Option<Arc<Session>> {
        self.keepers.kept().of_client.last().cloned()
    }

    fn put(&self, _: &ServerName<'_>, session: Arc<Session>) {
        self.keepers.kept().of_client.push(session);
    }

    fn remove(&self, _: &ServerName<'_>, session: &Arc<Session>) {
        self.keepers.kept().of_client.retain(|own| !Arc::ptr_eq(own, session));
    }
}
