//! Stores, tickets and caches that keep everything, as bytes, and can be looked into.

use std::sync::{Arc, Mutex};

use tls12::pki_types::{ServerName, UnixTime};
use tls12::{
    ClientSessions, Decision, NewTicket, NotResumed, Observer, OpenedTicket, Seen, Session, SessionStore, TicketSealer,
};

/// What a server keeps by ID, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Store(pub(crate) Mutex<Vec<(Vec<u8>, Vec<u8>)>>);

impl SessionStore for Store {
    fn find(&self, id: &[u8], _: UnixTime) -> Decision<Option<Arc<Session>>> {
        let all = self.0.lock().unwrap();
        let found = all.iter().find(|(own, _)| own == id);
        Decision::Now(found.map(|(_, bytes)| Session::from_bytes(bytes).unwrap()))
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        self.0.lock().unwrap().push((id.to_vec(), session.to_bytes().to_vec()));
    }

    fn remove(&self, id: &[u8]) {
        self.0.lock().unwrap().retain(|(own, _)| own != id);
    }
}

/// A sealer whose tickets are the bare session.
#[derive(Debug, Default)]
pub(crate) struct Bare {
    pub(crate) renew: bool,
}

impl TicketSealer for Bare {
    fn open(&self, ticket: &[u8], _: UnixTime) -> Decision<Option<OpenedTicket>> {
        let session = Session::from_bytes(ticket).ok();
        Decision::Now(session.map(|session| OpenedTicket { session, renew: self.renew }))
    }

    fn seal(&self, session: &Arc<Session>, _: UnixTime) -> Decision<Option<NewTicket>> {
        Decision::Now(Some(NewTicket { ticket: session.to_bytes().to_vec(), lifetime_hint: 3600 }))
    }
}

/// What a client keeps, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Kept(pub(crate) Mutex<Vec<Arc<Session>>>);

impl Kept {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> Option<Arc<Session>> {
        self.0.lock().unwrap().last().cloned()
    }
}

impl ClientSessions for Kept {
    fn find(&self, _: &ServerName<'_>, _: UnixTime) -> Option<Arc<Session>> {
        self.last()
    }

    fn put(&self, _: &ServerName<'_>, session: Arc<Session>) {
        self.0.lock().unwrap().push(session);
    }

    fn remove(&self, _: &ServerName<'_>, session: &Arc<Session>) {
        self.0.lock().unwrap().retain(|own| !Arc::ptr_eq(own, session));
    }
}

/// Collects why sessions were not resumed, and why there were no tickets.
#[derive(Debug, Default)]
pub(crate) struct Refusals(pub(crate) Mutex<Vec<NotResumed>>, Mutex<Vec<String>>);

impl Refusals {
    pub(crate) fn take(&self) -> Vec<NotResumed> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    pub(crate) fn take_tickets(&self) -> Vec<String> {
        std::mem::take(&mut *self.1.lock().unwrap())
    }
}

impl Observer for Refusals {
    fn message(&self, _: &Seen<'_>) {}

    fn not_resumed(&self, _: &[u8; 32], why: &NotResumed) {
        self.0.lock().unwrap().push(why.clone());
    }

    fn no_ticket(&self, _: &[u8; 32], why: &str) {
        self.1.lock().unwrap().push(why.to_string());
    }
}
