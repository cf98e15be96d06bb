//! What is in a ticket, what opens it, and how long.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU8, Ordering};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::crypto::{Backend, Random, RandomError};
use crate::decision::Decision;

/// 12 hours.
pub(super) const PERIOD: u64 = 12 * 60 * 60;

/// A session that lives longer than any ticket, made at that time.
pub(super) fn long(created_at: u64) -> Arc<Session> {
    Arc::new(Session { created_at, lifetime: u32::MAX, peer_not_after: None, ..server() })
}

pub(super) fn seal(tickets: &Tickets, session: &Arc<Session>, now: u64) -> Option<NewTicket> {
    match tickets.seal(session, at(now)) {
        Decision::Now(sealed) => sealed,
        Decision::Later => panic!("tickets are sealed at once"),
    }
}

pub(super) fn open(tickets: &Tickets, ticket: &[u8], now: u64) -> Option<OpenedTicket> {
    match tickets.open(ticket, at(now)) {
        Decision::Now(opened) => opened,
        Decision::Later => panic!("tickets are opened at once"),
    }
}

pub(super) fn sealed(tickets: &Tickets, now: u64) -> Vec<u8> {
    seal(tickets, &long(now), now).expect("a ticket").ticket
}

pub(super) fn key(byte: u8) -> TicketKey {
    TicketKey::new(&[byte; TicketKey::LEN]).unwrap()
}

/// Fills everything with one byte, or fails; what it does can be changed.
#[derive(Debug)]
pub(super) struct Stuck(AtomicU8);

impl Stuck {
    /// Fails instead.
    const FAILS: u8 = 0xff;

    pub(super) fn at(byte: u8) -> Arc<Self> {
        Arc::new(Stuck(AtomicU8::new(byte)))
    }

    pub(super) fn set(&self, byte: u8) {
        self.0.store(byte, Ordering::Relaxed);
    }
}

impl Random for Stuck {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        let byte = self.0.load(Ordering::Relaxed);
        out.fill(byte);
        if byte == Self::FAILS { Err(RandomError) } else { Ok(()) }
    }
}

#[test]
fn a_ticket_opens_to_its_session() {
    let tickets = Tickets::new().unwrap();
    let session = Arc::new(server());
    let NewTicket { ticket, lifetime_hint } = seal(&tickets, &session, THEN).unwrap();
    assert_eq!(lifetime_hint, 3600, "the session ends before the ticket");
    let opened = open(&tickets, &ticket, THEN + 10).unwrap();
    assert_eq!(*opened.session.to_bytes(), *session.to_bytes());
    assert!(opened.renew, "a ticket is for one time");
    assert!(!ticket.windows(4).any(|window| window == [0xa5; 4]), "the master secret is not to be seen");
}

#[test]
fn two_tickets_of_one_session_share_nothing_but_the_name_of_the_key() {
    let tickets = Tickets::new().unwrap();
    let [a, b] = [(); 2].map(|()| sealed(&tickets, THEN));
    assert_eq!(a[..16], b[..16], "the name of the key");
    assert_ne!(a[16..28], b[16..28], "the nonce");
    assert_ne!(a[28..], b[28..]);
}

proptest! {
    #[test]
    fn a_ticket_that_is_altered_or_cut_is_declined(at in any::<Index>(), change in 1..=u8::MAX, more in any::<u8>()) {
        let tickets = Tickets::with_keys(key(1), [key(2)]).unwrap();
        let mut ticket = sealed(&tickets, THEN);
        prop_assert!(open(&tickets, &ticket[..at.index(ticket.len())], THEN).is_none());
        *at.get_mut(&mut ticket) ^= change;
        prop_assert!(open(&tickets, &ticket, THEN).is_none());
        *at.get_mut(&mut ticket) ^= change;
        prop_assert!(open(&tickets, &ticket, THEN).is_some());
        ticket.push(more);
        prop_assert!(open(&tickets, &ticket, THEN).is_none());
    }
}

#[test]
fn each_backend_opens_what_each_sealed() {
    let tickets: Vec<_> =
        Backend::ALL.iter().map(|backend| Tickets::with_keys_on(*backend, key(1), []).unwrap()).collect();
    for sealing in &tickets {
        let ticket = sealed(sealing, THEN);
        for opening in tickets.iter().chain([&Tickets::with_keys(key(2), [key(1)]).unwrap()]) {
            assert!(open(opening, &ticket, THEN).is_some());
        }
    }
}

#[test]
fn a_ticket_of_another_key_is_declined_even_under_its_name() {
    let tickets = Tickets::with_keys(key(1), [key(2)]).unwrap();
    let mut ticket = sealed(&tickets, THEN);
    ticket[..16].fill(2);
    assert!(open(&tickets, &ticket, THEN).is_none());
    ticket[..16].fill(3);
    assert!(open(&tickets, &ticket, THEN).is_none());
}

#[test]
fn a_ticket_that_holds_a_clients_session_is_declined() {
    let tickets = Tickets::new().unwrap();
    let session = Arc::new(client(Handle::Id([1; 32].into())));
    let ticket = seal(&tickets, &session, THEN).unwrap().ticket;
    assert!(open(&tickets, &ticket, THEN).is_none());
}

#[test]
fn a_ticket_is_opened_for_its_lifetime_and_not_before_it_was_sealed() {
    let tickets = Tickets::with_keys(key(1), []).unwrap().with_lifetime(Duration::from_secs(100)).unwrap();
    let NewTicket { ticket, lifetime_hint } = seal(&tickets, &long(THEN - 50), THEN).unwrap();
    assert_eq!(lifetime_hint, 100);
    assert!(open(&tickets, &ticket, THEN - 61).is_none(), "it is from the future");
    assert!(open(&tickets, &ticket, THEN - 60).is_some(), "clocks differ");
    for (age, opens) in [(0, true), (100, true), (101, false)] {
        assert_eq!(open(&tickets, &ticket, THEN + age).is_some(), opens, "after {age} of 100 seconds");
    }
}

#[test]
fn a_renewed_ticket_does_not_outlive_its_session() {
    let tickets = Tickets::with_keys(key(1), []).unwrap();
    let session = Arc::new(Session { created_at: THEN, lifetime: 1000, ..server() });
    let first = seal(&tickets, &session, THEN).unwrap();
    let opened = open(&tickets, &first.ticket, THEN + 900).unwrap();
    let renewed = seal(&tickets, &opened.session, THEN + 900).unwrap();
    assert_eq!(renewed.lifetime_hint, 100);
    assert!(open(&tickets, &renewed.ticket, THEN + 1000).is_some());
    assert!(open(&tickets, &renewed.ticket, THEN + 1001).is_none());
    assert!(seal(&tickets, &session, THEN + 1000).is_none(), "a hint of 0 would say something else");
    assert!(seal(&tickets, &session, THEN + 1001).is_none());
}

#[test]
fn a_session_is_not_resumed_for_longer_than_two_periods() {
    let tickets = Tickets::with_keys(key(1), []).unwrap();
    let end = THEN + 2 * PERIOD;
    let late = seal(&tickets, &long(THEN), end - 10).unwrap();
    assert_eq!(late.lifetime_hint, 10);
    assert!(open(&tickets, &late.ticket, end).is_some());
    assert!(open(&tickets, &late.ticket, end + 1).is_none());
    assert!(seal(&tickets, &long(THEN), end + 1).is_none());
}

#[test]
fn keys_of_zeros_are_refused() {
    let mut bytes = [1; TicketKey::LEN];
    assert!(TicketKey::new(&bytes).is_ok());
    bytes[16..].fill(0);
    assert!(TicketKey::new(&bytes).is_err(), "the key");
    bytes = [1; TicketKey::LEN];
    bytes[..16].fill(0);
    assert!(TicketKey::new(&bytes).is_err(), "the name");
}

#[test]
fn a_source_of_randomness_that_fails_or_gives_zeros_makes_no_tickets() {
    for byte in [0, Stuck::FAILS] {
        let error = Tickets::with_random(Backend::default(), Stuck::at(byte)).unwrap_err();
        assert_eq!(error.field(), "tickets.random");
        let random = Stuck::at(1);
        let tickets = Tickets::with_random(Backend::default(), random.clone()).unwrap();
        let before = sealed(&tickets, THEN);
        random.set(byte);
        assert!(seal(&tickets, &long(THEN), THEN).is_none(), "no nonce");
        assert!(open(&tickets, &before, THEN).is_some(), "what was sealed is opened");
    }
}

#[test]
fn a_source_of_randomness_that_repeats_itself_gives_no_nonce_twice() {
    let tickets = Tickets::with_random(Backend::default(), Stuck::at(1)).unwrap();
    let mut nonces: Vec<_> = (0..300).map(|_| sealed(&tickets, THEN)[16..28].to_vec()).collect();
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 300);
}

#[test]
fn keys_and_tickets_are_printed_without_secrets() {
    let (key, tickets) = (key(0xa5), Tickets::new().unwrap());
    assert_eq!(format!("{key:?}"), "TicketKey { .. }");
    assert_eq!(format!("{tickets:?}"), "Tickets { period: 43200, lifetime: 43200, .. }");
    let ticket = NewTicket { ticket: sealed(&tickets, THEN), lifetime_hint: 5 };
    assert!(format!("{ticket:?}").ends_with("bytes, for 5 s)"), "{ticket:?}");
}

#[test]
fn periods_and_lifetimes_are_held_to_what_the_rfc_says() {
    let tickets = || Tickets::new().unwrap();
    let seconds = Duration::from_secs;
    let field = |result: Result<Tickets, crate::ConfigError>| result.map(|_| ()).map_err(|error| error.field());
    for period in [seconds(0), Duration::from_millis(999), seconds(7 * 24 * 3600 + 1), Duration::MAX] {
        assert_eq!(field(tickets().with_period(period)), Err("tickets.period"), "{period:?}");
    }
    assert_eq!(field(tickets().with_period(seconds(7 * 24 * 3600))), Ok(()));
    for lifetime in [seconds(0), seconds(PERIOD + 1)] {
        assert_eq!(field(tickets().with_lifetime(lifetime)), Err("tickets.lifetime"), "{lifetime:?}");
    }
    assert_eq!(field(tickets().with_lifetime(seconds(PERIOD))), Ok(()));
    let short = tickets().with_period(seconds(60)).unwrap();
    assert_eq!(seal(&short, &long(THEN), THEN).unwrap().lifetime_hint, 60, "the lifetime follows the period");
    assert_eq!(field(short.with_lifetime(seconds(61))), Err("tickets.lifetime"));
}
