//! The same entropy, time and decisions give the same bytes, whatever the calls that fetch them look like.

use tls12::MIN_OUTPUT;

use crate::deciders::{Deciding, Late};
use crate::pair::{Drain, Manner, Pair, Timing};
use crate::recorded::Recorded;

const DRAINS: [Drain; 6] = [
    Drain::Pieces(1),
    Drain::Pieces(7),
    Drain::Pieces(MIN_OUTPUT),
    Drain::Pieces(1000),
    Drain::Pieces(100_000),
    Drain::Vector,
];

const TIMINGS: [Timing; 3] = [Timing::AtTheEnd, Timing::EachEvent, Timing::OnePieceEachEvent];

fn manners() -> impl Iterator<Item = Manner> {
    DRAINS.into_iter().flat_map(|drain| TIMINGS.into_iter().map(move |timing| Manner { drain, timing }))
}

/// A handshake, the same data each time, and the ends of both sides: what each side sent, and what the observer saw.
fn run(late: Late, patience: usize, client: Manner, server: Manner) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let what = format!("{late:?}, {client:?}, {server:?}");
    let deciding = Deciding::new(late);
    let mut pair = deciding.pair();
    (pair.client.manner, pair.server.manner) = (client, server);
    deciding.drive(&mut pair, patience);
    pair.assert_established();
    deciding.assert_each_ran_once(&what);
    // Data is sealed into the buffer that is given, so its records are those of the buffers.
    (pair.client.manner, pair.server.manner) = (Manner::PLAIN, Manner::PLAIN);
    pair.client_says(b"the same");
    pair.server_says(b"each time");
    (pair.client.manner, pair.server.manner) = (client, server);
    pair.client.connection.close();
    pair.server.connection.close();
    pair.drive();
    assert!(pair.client.closed() && pair.server.closed(), "{what}: {pair:?}");
    (pair.client.sent, pair.server.sent, deciding.take_trace())
}

#[test]
fn the_same_bytes_go_over_the_wire_however_the_output_is_drained() {
    let expected = run(Late::NONE, 0, Manner::PLAIN, Manner::PLAIN);
    for manner in manners() {
        assert_eq!(run(Late::NONE, 0, manner, Manner::PLAIN), expected, "client: {manner:?}");
        assert_eq!(run(Late::NONE, 0, Manner::PLAIN, manner), expected, "server: {manner:?}");
        assert_eq!(run(Late::NONE, 0, manner, manner), expected, "both: {manner:?}");
    }
}

#[test]
fn the_same_bytes_go_over_the_wire_whether_decisions_come_at_once_or_late() {
    let expected = run(Late::NONE, 0, Manner::PLAIN, Manner::PLAIN);
    for late in Late::combinations() {
        for patience in [0, 1, 5] {
            let outcome = run(late, patience, Manner::PLAIN, Manner::PLAIN);
            assert_eq!(outcome, expected, "{late:?}, asked again {patience} times");
        }
    }
}

#[test]
fn the_same_bytes_go_over_the_wire_with_late_decisions_and_any_way_of_draining() {
    let expected = run(Late::NONE, 0, Manner::PLAIN, Manner::PLAIN);
    for late in Late::combinations() {
        for manner in manners() {
            assert_eq!(run(late, 1, manner, manner), expected, "{late:?}, {manner:?}");
        }
    }
}

#[test]
fn another_seed_gives_other_bytes() {
    let one = run(Late::NONE, 0, Manner::PLAIN, Manner::PLAIN);
    let mut other = Pair::replayable();
    other.drive();
    assert_eq!(one.0[..11], other.client.sent[..11], "the front of a ClientHello is always the same");
    let deciding = Deciding::new(Late::NONE);
    deciding.draws[0].rewind(77);
    let mut pair = deciding.pair();
    pair.drive();
    pair.assert_established();
    assert_ne!(one.0[11..43], pair.client.sent[11..43], "the client's random");
}

#[test]
fn six_recorded_connections_of_all_suites_and_certificates_can_be_had_again() {
    for recorded in Recorded::six() {
        let mut pair = recorded.pair();
        for _ in 0..10 {
            let bytes = pair.client.talk(crate::recorded::CLIENT_SAYS, true);
            pair.server.inbox.extend(bytes);
            let bytes = pair.server.talk(crate::recorded::SERVER_SAYS, false);
            pair.client.inbox.extend(bytes);
        }
        assert_eq!(pair.client.sent, recorded.by_client, "{recorded:?}");
        assert_eq!(pair.server.sent, recorded.by_server, "{recorded:?}");
    }
}

#[test]
fn nothing_of_a_flight_can_be_fetched_while_a_decision_within_it_is_open() {
    let deciding = Deciding::new(Late::ALL);
    let mut pair = deciding.pair();
    pair.drive();
    assert_eq!(pair.server.sent.len(), 0, "the identity is open");
    assert!(deciding.answer_for(&mut pair.server));
    pair.drive();
    assert_eq!(pair.server.sent.len(), 0, "ServerHello and Certificate wait for the signature");
    assert!(!pair.server.connection.wants_write());
    assert!(deciding.answer_for(&mut pair.server));
    pair.drive();
    assert!(!pair.server.sent.is_empty(), "the flight is whole");
    let hello = pair.client.sent.len();
    assert!(deciding.answer_for(&mut pair.client));
    pair.drive();
    assert!(pair.client.sent.len() > hello);
    pair.assert_established();
}
