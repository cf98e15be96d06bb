//! However the received bytes come in pieces, the connection does the same.

use tls12::{Connection, Event};

use crate::pair::End;
use crate::recorded::{CLIENT_SAYS, Outcome, Recorded, SERVER_SAYS};

/// Feeds recorded input in these pieces.
fn feed<'a, C: Connection>(
    end: &mut End<C>,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    says: &[u8],
    closes_first: bool,
) {
    end.talk(says, closes_first);
    for piece in pieces {
        end.inbox.extend_from_slice(piece);
        end.talk(says, closes_first);
    }
    assert!(end.inbox.is_empty(), "all input is consumed");
}

fn client_outcome<'a>(recorded: &Recorded, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut client = recorded.client();
    feed(&mut client, pieces, CLIENT_SAYS, true);
    Outcome::of(&client, client.connection.state())
}

fn server_outcome<'a>(recorded: &Recorded, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut server = recorded.server();
    feed(&mut server, pieces, SERVER_SAYS, false);
    Outcome::of(&server, server.connection.state())
}

fn in_two(bytes: &[u8], at: usize) -> [&[u8]; 2] {
    let (front, back) = bytes.split_at(at);
    [front, back]
}

#[test]
fn byte_by_byte_and_all_at_once_are_the_same() {
    for recorded in Recorded::six() {
        let (by_client, by_server) = (&recorded.by_client, &recorded.by_server);
        assert_eq!(client_outcome(&recorded, [&by_server[..]]), recorded.client_outcome, "{recorded:?}, at once");
        assert_eq!(server_outcome(&recorded, [&by_client[..]]), recorded.server_outcome, "{recorded:?}, at once");
        assert_eq!(client_outcome(&recorded, by_server.chunks(1)), recorded.client_outcome, "{recorded:?}, by bytes");
        assert_eq!(server_outcome(&recorded, by_client.chunks(1)), recorded.server_outcome, "{recorded:?}, by bytes");
    }
}

#[test]
fn every_split_in_two_of_what_a_client_reads_is_the_same() {
    let mut splits = 0;
    for recorded in Recorded::six() {
        for at in 0..=recorded.by_server.len() {
            let outcome = client_outcome(&recorded, in_two(&recorded.by_server, at));
            assert_eq!(outcome, recorded.client_outcome, "{recorded:?}, split at {at}");
            splits += 1;
        }
    }
    println!("clients: {splits} splits of 6 transcripts");
}

#[test]
fn every_split_in_two_of_what_a_server_reads_is_the_same() {
    let mut splits = 0;
    for recorded in Recorded::six() {
        for at in 0..=recorded.by_client.len() {
            let outcome = server_outcome(&recorded, in_two(&recorded.by_client, at));
            assert_eq!(outcome, recorded.server_outcome, "{recorded:?}, split at {at}");
            splits += 1;
        }
    }
    println!("servers: {splits} splits of 6 transcripts");
}

/// Gives a connection exactly the bytes that it says are missing; says how often it asked.
fn feed_what_is_missing<C: Connection>(connection: &mut C, mut input: &[u8]) -> usize {
    let (mut inbox, mut asked) = (Vec::new(), 0);
    loop {
        let received = connection.read(&mut inbox).unwrap();
        match received.event {
            Event::NeedInput { missing } if input.is_empty() => {
                assert_eq!((missing, inbox.len()), (5, 0), "only the next header is missing");
                return asked;
            }
            Event::NeedInput { missing } => {
                if let Some(less) = missing.checked_sub(1).filter(|less| *less > 0) {
                    let mut short = inbox.clone();
                    short.extend_from_slice(&input[..less]);
                    let event = connection.read(&mut short).unwrap().event;
                    assert!(matches!(event, Event::NeedInput { missing: 1 }), "one byte short: {event:?}");
                }
                let (now, later) = input.split_at(missing);
                inbox.extend_from_slice(now);
                input = later;
                asked += 1;
            }
            Event::Closed => return asked,
            _ => drop(inbox.drain(..received.consumed)),
        }
    }
}

/// How many records these bytes are.
fn records(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let [_, _, _, high, low, rest @ ..] = bytes {
        bytes = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
        count += 1;
    }
    count
}

#[test]
fn need_input_names_exactly_what_is_missing_to_the_header_and_then_to_the_record() {
    for recorded in Recorded::six() {
        let asked = feed_what_is_missing(&mut recorded.client().connection, &recorded.by_server);
        assert_eq!(asked, 2 * records(&recorded.by_server), "{recorded:?}: twice for each record");
        let asked = feed_what_is_missing(&mut recorded.server().connection, &recorded.by_client);
        assert_eq!(asked, 2 * records(&recorded.by_client), "{recorded:?}: twice for each record");
    }
}

#[test]
fn handshake_messages_cut_into_many_records_are_the_same() {
    for recorded in Recorded::six() {
        for size in [1, 2, 3, 50] {
            let flight = recut(&recorded.by_server, size);
            let mut client = recorded.client();
            feed(&mut client, [&flight[..]], CLIENT_SAYS, true);
            let outcome = Outcome::of(&client, client.connection.state());
            assert_eq!(outcome, recorded.client_outcome, "{recorded:?}, records of {size} bytes");
        }
    }
}

/// The same with the content of each unprotected handshake record in records of at most `size` bytes.
fn recut(mut bytes: &[u8], size: usize) -> Vec<u8> {
    let (mut out, mut protected) = (Vec::new(), false);
    while let [content_type, major, minor, high, low, rest @ ..] = bytes {
        let (fragment, others) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        let size = if protected || *content_type != 22 { fragment.len() } else { size };
        for piece in fragment.chunks(size) {
            let [high, low] = u16::try_from(piece.len()).unwrap().to_be_bytes();
            out.extend_from_slice(&[*content_type, *major, *minor, high, low]);
            out.extend_from_slice(piece);
        }
        protected |= *content_type == 20;
        bytes = others;
    }
    out
}
