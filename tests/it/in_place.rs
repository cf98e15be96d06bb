//! Records that are made in place, in the caller's buffer: by whole connections and by sending halves.

use std::ops::Range;

use tls12::{Connection, Error, MAX_HEADROOM, Reason, Sent, TAG_LEN, Transmit};

use crate::pair::Pair;
use crate::recorded::Recorded;

/// A buffer with room for a record of this data, and where the data stands.
fn framed(data: &[u8]) -> (Vec<u8>, Range<usize>) {
    let mut buffer = vec![0xee; MAX_HEADROOM + data.len() + TAG_LEN];
    let place = MAX_HEADROOM..MAX_HEADROOM + data.len();
    buffer[place.clone()].copy_from_slice(data);
    (buffer, place)
}

/// The record of this data.
fn in_place(from: &mut impl Transmit, data: &[u8]) -> Vec<u8> {
    let (mut buffer, place) = framed(data);
    let record = from.seal_in_place(&mut buffer, place).unwrap();
    buffer[record].to_vec()
}

/// Why there is no record; the buffer is as it was.
#[track_caller]
fn refusal(from: &mut impl Transmit) -> Error {
    let (mut buffer, place) = framed(b"data");
    let before = buffer.clone();
    let error = from.seal_in_place(&mut buffer, place).unwrap_err();
    assert_eq!(buffer, before);
    error
}

#[test]
fn records_made_in_place_arrive_between_others_under_each_suite_and_both_ways() {
    for recorded in Recorded::six() {
        let mut pair = recorded.pair();
        pair.drive();
        pair.assert_established();
        let longest = vec![7; pair.client.connection.max_plaintext_sent()];
        let left = pair.client.connection.records_left();
        for data in [&b"x"[..], b"some bytes", &longest] {
            let client = &mut pair.client.connection;
            pair.server.inbox.extend(in_place(client, data));
            let sent = client.write_vec(b" and written", &mut pair.server.inbox).unwrap();
            assert_eq!(sent.taken, 12);
            pair.server.happened.clear();
            pair.server.read();
            assert_eq!(pair.server.data(), [data, b" and written"].concat(), "{recorded:?}");

            pair.client.inbox = in_place(&mut pair.server.connection, data);
            pair.client.happened.clear();
            pair.client.read();
            assert_eq!(pair.client.data(), data, "{recorded:?}");
        }
        assert_eq!(pair.client.connection.records_left(), left - 6);
    }
}

#[test]
fn a_sending_half_makes_them_too_until_it_is_over() {
    let Pair { client, mut server } = Pair::established();
    let (mut receiver, mut sender) = client.connection.split().unwrap();
    server.inbox = in_place(&mut sender, b"from a half");
    server.read();
    assert_eq!(server.data(), b"from a half");

    // A record that cannot be opened ends both halves.
    let mut wrong = [&[23, 3, 3, 0, 40][..], &[0; 40]].concat();
    let tls12::Event::SendAlert(token) = receiver.read(&mut wrong).unwrap().event else { panic!("no token") };
    sender.alert(token);
    assert_eq!(refusal(&mut sender).reason(), &Reason::BadRecordMac { sequence: 1 });
}

#[test]
fn no_record_is_made_before_the_handshake_is_done() {
    fn refuses(connection: &mut impl Connection) {
        if !connection.is_established() {
            assert_eq!(refusal(connection).reason(), &Reason::NotSealed("the handshake is not done"));
        }
    }
    let mut pair = Pair::replayable();
    while !(pair.client.connection.is_established() && pair.server.connection.is_established()) {
        refuses(&mut pair.client.connection);
        refuses(&mut pair.server.connection);
        assert!(pair.step() > 0, "the handshake stands still");
    }
    pair.drive();
    pair.assert_established();
}

#[test]
fn what_is_queued_goes_first_and_nothing_follows_a_close() {
    let mut pair = Pair::replayable();
    pair.client_says(b"");
    pair.server_says(b"");
    pair.client_says(b"");
    let server = &mut pair.server.connection;
    assert!(server.is_established() && server.wants_write(), "the last flight of the server is queued");
    let queued = Reason::NotSealed("output is queued, and has to be written before");
    assert_eq!((refusal(server).reason(), refusal(server).alert()), (&queued, None));
    pair.client.inbox = pair.server.write(&[]);
    pair.client.inbox.extend(in_place(&mut pair.server.connection, b"behind the flight"));
    pair.client.read();
    assert_eq!(pair.client.data(), b"behind the flight");

    pair.server.connection.close();
    for _ in 0..2 {
        assert_eq!(refusal(&mut pair.server.connection).reason(), &Reason::WriteAfterClose);
        pair.client.inbox = pair.server.write(&[]);
        pair.client.read();
    }
    assert!(pair.client.closed(), "the refused calls used up no sequence number");
}

#[test]
fn a_failed_connection_says_why_it_makes_no_record() {
    let mut pair = Pair::established();
    let error = pair.server.connection.end_of_input().unwrap_err();
    assert_eq!(refusal(&mut pair.server.connection), error);
    assert_eq!(error.reason(), &Reason::Truncated);
}

#[test]
fn more_than_the_peer_takes_in_a_record_is_refused_and_write_still_sends_it() {
    let mut pair = Pair::established();
    let client = &mut pair.client.connection;
    let data = vec![7; client.max_plaintext_sent() + 1];
    let (mut buffer, place) = framed(&data);
    let error = client.seal_in_place(&mut buffer, place).unwrap_err();
    assert_eq!(error.reason(), &Reason::NotSealed("the plaintext is longer than the peer takes in a record"));
    let Sent { taken, .. } = client.write_vec(&data, &mut pair.server.inbox).unwrap();
    assert_eq!(taken, data.len());
    pair.server.read();
    assert_eq!(pair.server.data(), data);
}
