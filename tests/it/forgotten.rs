//! RFC 5246 §7.2.2: a connection that fails by a fatal alert makes both sides forget its session; one that ends without a
//! word, or by a close_notify, does not.

use std::sync::Arc;

use tls12::{ClientCache, ClientSessions, Connection, Event, Received, Session, Tickets};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{End, NAME, NOW, Pair, Stopped, client_config, server_config};
use crate::sessions::{Bare, Kept, Store};

/// How a connection ends.
type Ending = fn(&mut Pair);

/// How many sessions the client and the server keep.
type Count = (usize, usize);

struct Scene {
    kept: Arc<Kept>,
    store: Arc<Store>,
    by_ticket: bool,
}

impl Scene {
    fn new(by_ticket: bool) -> Self {
        Scene { kept: Arc::default(), store: Arc::default(), by_ticket }
    }

    fn pair(&self, seed: u64) -> Pair {
        let client = client_config(authority(), seed).groups(backend_groups()).session_context("client");
        let server = server_config(seed + 1).groups(backend_groups()).identity(identity(Kind::P256));
        let server = server.session_context("server").session_store(self.store.clone());
        let server = if self.by_ticket { server.tickets(Arc::new(Bare { renew: true })) } else { server };
        Pair::new(client.sessions(self.kept.clone()).build().unwrap(), server.build().unwrap())
    }

    fn established(&self, seed: u64) -> Pair {
        let mut pair = self.pair(seed);
        pair.drive();
        pair.assert_established();
        pair
    }

    fn count(&self) -> Count {
        (self.kept.count(), self.store.0.lock().unwrap().len())
    }
}

/// A record that nobody has sealed.
const BAD_RECORD: [u8; 5 + 32] = {
    let mut record = [0; 5 + 32];
    (record[0], record[1], record[2], record[4]) = (23, 3, 3, 32);
    record
};

/// Gives one end a record that makes it fail, and the other one its alert.
fn break_off<A: Connection, B: Connection>(one: &mut End<A>, other: &mut End<B>) {
    one.inbox.extend_from_slice(&BAD_RECORD);
    one.read();
    let alert = one.write(&[]);
    other.inbox.extend_from_slice(&alert);
    other.read();
    assert!(one.error().is_some() && other.error().is_some());
}

#[test]
fn a_fatal_alert_of_either_side_makes_both_forget_the_session() {
    for resumed in [false, true] {
        for of_client in [false, true] {
            for by_ticket in [false, true] {
                let what = format!("resumed: {resumed}, of the client: {of_client}, by ticket: {by_ticket}");
                let scene = Scene::new(by_ticket);
                let mut pair = scene.established(1);
                assert_eq!(scene.count(), if by_ticket { (1, 0) } else { (1, 1) }, "{what}");
                if resumed {
                    pair = scene.established(3);
                    assert!(pair.server.connection.resumed(), "{what}");
                }
                let before = scene.count();
                if of_client {
                    break_off(&mut pair.client, &mut pair.server);
                } else {
                    break_off(&mut pair.server, &mut pair.client);
                }
                // The renewed ticket; this cache would offer the old one, which is of the same session, once more.
                let left = if by_ticket { before.0 - 1 } else { 0 };
                assert_eq!(scene.count(), (left, 0), "{what}");
            }
        }
    }
}

#[test]
fn a_resumption_that_fails_makes_both_forget_the_session() {
    for of_client in [false, true] {
        let scene = Scene::new(false);
        _ = scene.established(1);
        let mut pair = scene.pair(3);
        let hello = pair.client.write(&[]);
        pair.server.inbox.extend_from_slice(&hello);
        pair.server.read();
        let mut flight = pair.server.write(&[]);
        if of_client {
            *flight.last_mut().unwrap() ^= 1;
        }
        pair.client.inbox.extend_from_slice(&flight);
        pair.client.read();
        let mut flight = pair.client.write(&[]);
        if !of_client {
            *flight.last_mut().unwrap() ^= 1;
        }
        pair.server.inbox.extend_from_slice(&flight);
        pair.server.read();
        pair.drive();
        assert!(pair.client.error().is_some() && pair.server.error().is_some(), "{pair:?}");
        assert_eq!(scene.count(), (0, 0), "of the client: {of_client}");
        assert!(!scene.established(5).server.connection.resumed());
    }
}

#[test]
fn an_end_without_a_fatal_alert_leaves_the_session() {
    // Each gets an established pair, one whose client offers its session, and one whose server has resumed it.
    let ends: [(&str, Ending); 4] = [
        ("the client closes", |pair| pair.client.connection.close()),
        ("the server closes", |pair| pair.server.connection.close()),
        ("the client's transport ends", |pair| _ = pair.client.connection.end_of_input().unwrap_err()),
        ("the server's transport ends", |pair| _ = pair.server.connection.end_of_input().unwrap_err()),
    ];
    for by_ticket in [false, true] {
        for (what, end) in ends {
            let scene = Scene::new(by_ticket);
            let mut pair = scene.established(1);
            let before = scene.count();
            end(&mut pair);
            pair.drive();
            drop(pair);
            assert_eq!(scene.count(), before, "{what}, established");

            for server_reads in [false, true] {
                let mut pair = scene.pair(3);
                let hello = pair.client.write(&[]);
                if server_reads {
                    pair.server.inbox.extend_from_slice(&hello);
                    pair.server.read();
                }
                end(&mut pair);
                pair.drive();
                // Before it closes, the server has said all that it had to say, and given a new ticket perhaps.
                assert!(scene.count() >= before, "{what}, in the handshake: {pair:?}");
            }
            assert!(scene.established(5).server.connection.resumed(), "{what}: it is as good as before");
        }
    }
}

#[test]
fn the_receiving_half_of_a_connection_forgets_the_session_as_well() {
    fn read_all(mut read: impl FnMut(&mut [u8]) -> Result<Received, tls12::Error>, mut input: &mut [u8]) -> bool {
        loop {
            match read(input) {
                Ok(Received { event: Event::NeedInput { .. }, .. }) => return false,
                Ok(Received { consumed, .. }) => input = &mut input[consumed..],
                Err(_) => return true,
            }
        }
    }
    let scene = Scene::new(false);
    // It fails by itself.
    let pair = scene.established(1);
    let ((mut client, _to_server), (mut server, _to_client)) =
        (pair.client.connection.split().unwrap(), pair.server.connection.split().unwrap());
    assert_eq!(scene.count(), (1, 1));
    assert!(read_all(|input| client.read(input), &mut BAD_RECORD.clone()));
    assert_eq!(scene.count(), (0, 1));
    assert!(read_all(|input| server.read(input), &mut BAD_RECORD.clone()));
    assert_eq!(scene.count(), (0, 0));

    // It hears an alert.
    let mut pair = scene.established(3);
    pair.client.inbox.extend_from_slice(&BAD_RECORD);
    pair.client.read();
    let mut alert = pair.client.write(&[]);
    assert_eq!(scene.count(), (0, 1));
    let (mut server, _) = pair.server.connection.split().unwrap();
    assert!(read_all(|input| server.read(input), &mut alert));
    assert_eq!(scene.count(), (0, 0));

    // It hears a close_notify, or nothing.
    let mut pair = scene.established(5);
    pair.client.connection.close();
    let mut close = pair.client.write(&[]);
    let (mut server, _) = pair.server.connection.split().unwrap();
    _ = read_all(
        |input| server.read(input).map(|received| Received { event: closed(received.event), ..received }),
        &mut close,
    );
    assert!(server.closed());
    assert_eq!(scene.count(), (1, 1));
    let pair = scene.established(7);
    let (mut client, _) = pair.client.connection.split().unwrap();
    client.end_of_input().unwrap_err();
    assert_eq!(scene.count(), (1, 1));
}

/// There is nothing to read any more.
fn closed(event: Event) -> Event {
    if let Event::Closed = event { Event::NeedInput { missing: 1 } } else { event }
}

#[test]
fn the_cache_forgets_all_tickets_of_a_session_whose_connection_failed() {
    let cache = Arc::new(ClientCache::new().single_use_tickets(false));
    let tickets = Arc::new(Tickets::new().unwrap());
    let pair = |seed, time| {
        let clock = Arc::new(Stopped(time));
        let client = client_config(authority(), seed).groups(backend_groups()).clock(clock.clone());
        let client = client.session_context("client");
        let server = server_config(seed + 1).groups(backend_groups()).clock(clock).identity(identity(Kind::P256));
        let server = server.session_context("server").tickets(tickets.clone());
        let mut pair = Pair::new(client.sessions(cache.clone()).build().unwrap(), server.build().unwrap());
        pair.drive();
        pair.assert_established();
        pair
    };
    _ = pair(1, NOW);
    let of_another = session_of_another();
    cache.put(&NAME.try_into().unwrap(), of_another.clone());
    cache.remove(&NAME.try_into().unwrap(), &of_another);
    assert_eq!(cache.len(), 1, "another session leaves this one alone");
    // At a time at which tickets are renewed.
    let mut resumed = pair(3, NOW + 7 * 60 * 60);
    assert!(resumed.client.connection.resumed());
    assert_eq!(cache.len(), 2);
    break_off(&mut resumed.server, &mut resumed.client);
    assert_eq!(cache.len(), 0, "neither the ticket that was shown nor the one that came");
}

/// A session with the same server, from another full handshake.
fn session_of_another() -> Arc<Session> {
    let scene = Scene::new(true);
    _ = scene.established(11);
    scene.kept.last().unwrap()
}
