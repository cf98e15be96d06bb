//! Real tickets, and what becomes of them on the way.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::{By, Server, changed};
use crate::clock::Clock;
use crate::decision::Decision;
use crate::message::{ContentType, HandshakeType as H};
use crate::observer::NotResumed;
use crate::record::MessageLimits;
use crate::session::{Handle, LONGEST_TICKET, Session, TicketSealer, Tickets};
use crate::testing::bench::{Bench, TO_CLIENT};
use crate::testing::identities::client_config;
use crate::testing::puppet::Letter;
use crate::testing::sessions::{At, Keeper, Kept, NOW, TICKET};

/// A session as it is in a ticket.
fn session() -> Session {
    changed(|session| session.handle = Handle::None)
}

fn sealed(tickets: &Tickets, session: Session) -> Vec<u8> {
    match tickets.seal(&Arc::new(session), At(NOW).now()) {
        Decision::Now(Some(new)) => new.ticket,
        other => panic!("a ticket: {other:?}"),
    }
}

/// A server with these tickets, and a client with this one.
fn server(tickets: &Arc<Tickets>, ticket: Vec<u8>) -> Server {
    let mut server = Server::kept_by(By::Ticket, Keeper::default(), |config| config.tickets(tickets.clone()));
    server.bench.puppet.ticket_offered = Some(ticket);
    server
}

fn tickets() -> Arc<Tickets> {
    Arc::new(Tickets::new().expect("randomness"))
}

#[test]
fn a_ticket_that_was_changed_anywhere_leads_to_a_full_handshake() {
    let tickets = tickets();
    let good = sealed(&tickets, session());
    server(&tickets, good.clone()).resumes(|_| ());
    let changed = (0..good.len()).map(|at| {
        let mut ticket = good.clone();
        ticket[at] ^= 1;
        ticket
    });
    let cut = (1..good.len()).map(|length| good[..length].to_vec());
    let longer = [[&good[..], &[0]].concat(), [&good[..], &good[..]].concat()];
    let invented = [vec![0], vec![0; good.len()], vec![0xff; 4096]];
    for ticket in changed.chain(cut).chain(longer).chain(invented) {
        server(&tickets, ticket).goes_on_in_full(|_| (), Some(NotResumed::TicketDeclined));
    }
}

/// CVE-2020-13777, and ticket keys that several servers share though nobody said so.
#[test]
fn a_ticket_under_other_keys_leads_to_a_full_handshake() {
    server(&tickets(), sealed(&tickets(), session())).is_full(|_| (), Some(NotResumed::TicketDeclined));
}

/// Good keys, but another configuration: CVE-2025-68121.
#[test]
fn a_ticket_of_another_configuration_with_the_same_keys_leads_to_a_full_handshake() {
    let tickets = tickets();
    let mut other = session();
    other.context = [7; 32];
    server(&tickets, sealed(&tickets, other)).is_full(|_| (), Some(NotResumed::OtherConfiguration));
}

/// RFC 5077 §3.3: an empty ticket is none, and no ticket is one before Finished. A long one has no room in a ClientHello.
#[test]
fn a_ticket_is_kept_when_the_server_has_finished_unless_it_is_empty() {
    let long = |length| vec![7; length];
    for (ticket, is_kept) in
        [(TICKET.to_vec(), true), (long(0), false), (long(LONGEST_TICKET), true), (long(LONGEST_TICKET + 1), false)]
    {
        let keeper = Arc::new(Keeper::default());
        let limits = MessageLimits { other: 1 << 18, ..MessageLimits::client() };
        let config = client_config(false, false).sessions(keeper.clone()).message_limits(limits);
        let mut bench = Bench::client(config.build().expect("a configuration"));
        bench.puppet.ticket_promised = Some(ticket.clone());
        let kept = || {
            let is_it = |kept: &Kept| matches!(kept, Kept::Put(session) if session.handle == Handle::Ticket(ticket.clone().into()));
            let seen = keeper.seen.lock().expect("nobody panics here");
            assert!(seen.iter().all(|kept| !matches!(kept, Kept::Put(_)) || is_it(kept)));
            seen.iter().any(is_it)
        };
        bench.go(&TO_CLIENT[..4]);
        let message = bench.puppet.message(H::NEW_SESSION_TICKET);
        bench.puppet.note(H::NEW_SESSION_TICKET, &message);
        for record in message.chunks(1 << 14) {
            bench.send(ContentType::HANDSHAKE, record).expect("it was promised");
        }
        bench.go(&[Letter::ChangeCipherSpec]);
        assert!(!kept());
        bench.tell(H::FINISHED);
        assert_eq!(kept(), is_kept);
    }
}
