//! Beginning, end and failure of a connection, in every phase.

use tls12::message::CipherSuite;
use tls12::{AlertDescription, Connection, Error, Event, Reason, Received, RecordBuffer, Sent, Step};

use crate::pair::{End, Pair};
use crate::recorded::Recorded;

const CLOSE_NOTIFY: [u8; 7] = [21, 3, 3, 0, 2, 1, 0];

/// How far a handshake is: a client's and a server's state.
const PHASES: [(&str, &str); 5] = [
    ("WaitServerHello", "WaitClientHello"),
    ("WaitServerHello", "WaitClientKeyExchange"),
    ("WaitChangeCipherSpec", "WaitClientKeyExchange"),
    ("WaitChangeCipherSpec", "Established"),
    ("Established", "Established"),
];

/// A pair in that phase; what was written last is still queued.
fn in_phase(phase: usize) -> Pair {
    let mut pair = Pair::replayable();
    if phase >= 1 {
        pair.client_says(b"");
    }
    if phase >= 2 {
        pair.server_says(b"");
    }
    if phase >= 3 {
        pair.client_says(b"");
    }
    if phase >= 4 {
        pair.server_says(b"");
    }
    assert_eq!((pair.client.connection.state(), pair.server.connection.state()), PHASES[phase]);
    pair
}

/// `read` fails with this reason, now and ever after.
#[track_caller]
fn assert_stays_failed<C: Connection>(connection: &mut C, reason: &Reason) {
    for input in [&mut [][..], &mut [22, 3, 3, 0, 1, 0], &mut CLOSE_NOTIFY.to_vec()] {
        let error = connection.read(input).unwrap_err();
        assert_eq!(error.reason(), reason);
    }
    assert!(!connection.is_established());
    while connection.wants_write() {
        let sent = connection.write(b"data", &mut [0; 1000]).unwrap();
        assert_eq!(sent.taken, 0, "what was queued still goes out, but no data");
    }
    let error = connection.write(b"data", &mut [0; 100]).unwrap_err();
    assert_eq!(error.reason(), reason, "when the queue is empty, write says so too");
    assert_eq!(connection.write_vec(b"data", &mut Vec::new()).unwrap_err().reason(), reason);
    assert_eq!(connection.write(b"", &mut [0; 100]), Ok(Sent { taken: 0, produced: 0 }));
    assert_eq!(connection.end_of_input().unwrap_err().reason(), reason);
}

#[test]
fn before_a_connection_is_established_no_data_is_taken() {
    for phase in 0..4 {
        let mut pair = in_phase(phase);
        let Sent { taken, .. } = pair.client.connection.write(b"too early", &mut [0; 5000]).unwrap();
        assert_eq!(taken, 0, "client in phase {phase}");
        assert_eq!(pair.client.connection.write(b"too early", &mut []), Ok(Sent { taken: 0, produced: 0 }));
        assert_eq!(pair.client.connection.output_len(1000), 0, "client in phase {phase}");
        assert_eq!(pair.client.connection.records_left(), 0, "client in phase {phase}");
        let mut out = vec![1, 2, 3];
        assert_eq!(pair.client.connection.write_vec(b"too early", &mut out).map(|sent| sent.taken), Ok(0));
        if phase < 3 {
            let Sent { taken, .. } = pair.server.connection.write(b"too early", &mut [0; 5000]).unwrap();
            assert_eq!(taken, 0, "server in phase {phase}");
        }
    }
}

#[test]
fn closing_within_a_handshake_ends_it_for_both_sides() {
    for phase in 0..4 {
        let mut pair = in_phase(phase);
        pair.client.connection.close();
        pair.client.connection.close();
        let wire = pair.client.write(&[]);
        assert!(wire.len() >= 7, "phase {phase}: a close_notify goes out");
        assert_stays_failed(&mut pair.client.connection, &Reason::Closed);
        pair.server.inbox.extend_from_slice(&wire);
        pair.server.read();
        if phase < 2 {
            let error = pair.server.error().expect("the server's handshake has failed, too");
            assert_eq!((error.reason(), error.state()), (&Reason::ClosedInHandshake, "WaitClientKeyExchange"));
        } else {
            assert!(pair.server.closed(), "the client's flight is whole, so for the server this is an ordinary end");
        }

        let mut pair = in_phase(phase);
        let established = pair.server.connection.is_established();
        pair.server.connection.close();
        let wire = pair.server.write(&[]);
        if !established {
            assert_stays_failed(&mut pair.server.connection, &Reason::Closed);
        }
        if phase < 3 {
            assert_eq!(wire[wire.len() - 7..], CLOSE_NOTIFY, "phase {phase}");
            pair.client.inbox.extend_from_slice(&wire);
            pair.client.read();
            let error = pair.client.error().expect("the client's handshake has failed, too");
            let state = if phase == 0 { "WaitServerHello" } else { "WaitChangeCipherSpec" };
            assert_eq!((error.reason(), error.state()), (&Reason::ClosedInHandshake, state));
            assert_eq!(error.alert(), Some(AlertDescription::CLOSE_NOTIFY), "it answers with close_notify");
            assert!(!pair.client.write(&[]).is_empty());
        }
    }
}

#[test]
fn a_client_that_closes_before_its_hello_is_written_still_writes_it() {
    let mut pair = Pair::replayable();
    pair.client.connection.close();
    let wire = pair.client.write(&[]);
    assert_eq!((wire[0], wire[5]), (22, 1), "the ClientHello was queued before");
    assert_eq!(wire[wire.len() - 7..], CLOSE_NOTIFY);
}

#[test]
fn closing_is_for_one_direction_and_the_other_goes_on() {
    let mut pair = Pair::established();
    pair.client.connection.close();
    pair.client_says(b"");
    assert!(pair.server.closed());
    assert_eq!(pair.server.connection.end_of_input(), Ok(()), "a clean end");
    assert!(pair.client.connection.is_established() && pair.server.connection.is_established());
    pair.server_says(b"still something for you");
    assert_eq!(pair.client.data(), b"still something for you");
    pair.server.connection.close();
    pair.server_says(b"");
    assert!(pair.client.closed());
    assert_eq!(pair.client.connection.end_of_input(), Ok(()));
    for _ in 0..3 {
        let received = pair.client.connection.read(&mut [23, 3, 3, 0, 0]).unwrap();
        assert!(matches!(received, Received { consumed: 0, event: Event::Closed }), "{received:?}");
    }
}

#[test]
fn data_after_close_is_refused_and_changes_nothing() {
    let mut pair = Pair::established();
    pair.client.connection.close();
    pair.client.connection.close();
    let mut out = [0; 100];
    let sent = pair.client.connection.write(b"late", &mut out).unwrap();
    assert_eq!(sent.taken, 0, "the close_notify goes out, the data does not");
    assert!(sent.produced > 7);
    for _ in 0..2 {
        let error = pair.client.connection.write(b"late", &mut out).unwrap_err();
        assert_eq!((error.reason(), error.alert()), (&Reason::WriteAfterClose, None));
        assert_eq!(error.to_string(), "data to send after close (in state Established)");
        let error = pair.client.connection.write_vec(b"late", &mut Vec::new()).unwrap_err();
        assert_eq!(error.reason(), &Reason::WriteAfterClose);
    }
    assert_eq!(pair.client.connection.write(b"", &mut out), Ok(Sent { taken: 0, produced: 0 }));
    assert_eq!((pair.client.connection.records_left(), pair.client.connection.output_len(10)), (0, 0));
    pair.server_says(b"the other direction");
    assert_eq!(pair.client.data(), b"the other direction");
}

#[test]
fn the_end_of_the_transport_without_close_notify_is_truncation_in_every_phase() {
    for (phase, (client_state, server_state)) in PHASES.into_iter().enumerate() {
        let mut pair = in_phase(phase);
        let (client, server) = (&mut pair.client.connection, &mut pair.server.connection);
        let (of_client, of_server) = (client.end_of_input().unwrap_err(), server.end_of_input().unwrap_err());
        assert_eq!((of_client.reason(), of_client.state()), (&Reason::Truncated, client_state));
        assert_eq!((of_server.reason(), of_server.state()), (&Reason::Truncated, server_state));
        assert_eq!(of_client.alert(), None, "nobody is there to be told");
        assert_stays_failed(client, &Reason::Truncated);
        assert_stays_failed(server, &Reason::Truncated);
    }
}

#[test]
fn the_end_of_the_transport_within_a_record_is_truncation_also_if_it_is_the_close_notify() {
    let mut pair = Pair::established();
    pair.client.connection.close();
    let wire = pair.client.write(&[]);
    for cut in 0..wire.len() {
        let mut pair = Pair::established();
        pair.server.inbox = wire[..cut].to_vec();
        pair.server.read();
        assert_eq!(pair.server.connection.end_of_input().unwrap_err().reason(), &Reason::Truncated, "{cut} bytes");
    }
}

#[test]
fn after_a_failure_the_alert_goes_out_and_the_error_stays_for_ever() {
    for (phase, (client_state, server_state)) in PHASES.into_iter().enumerate() {
        for (side, state) in [("client", client_state), ("server", server_state)] {
            let mut pair = in_phase(phase);
            // A record of a type that nobody knows (24 is heartbeat).
            let mut input = *b"\x18\x03\x03\x00\x01\x00";
            let reason = Reason::ContentType(tls12::message::ContentType::HEARTBEAT);
            if side == "client" {
                check_failure(&mut pair.client, &mut input, &reason, state);
            } else {
                check_failure(&mut pair.server, &mut input, &reason, state);
            }
        }
    }
}

fn check_failure<C: Connection>(end: &mut End<C>, input: &mut [u8], reason: &Reason, state: &str) {
    let connection = &mut end.connection;
    // A client protects what it writes from its own Finished on, a server from its own, which establishes it.
    let protected = matches!(state, "WaitChangeCipherSpec" | "Established");
    let queued = connection.output_len(0);
    let received = connection.read(input).unwrap();
    assert!(matches!(received.event, Event::Failing), "{received:?}");
    let error = connection.read(&mut []).unwrap_err();
    assert_eq!((error.reason(), error.state()), (reason, state));
    assert_eq!(error.alert(), Some(AlertDescription::UNEXPECTED_MESSAGE));
    assert_eq!(connection.read(input).unwrap_err(), error, "the same for ever");
    assert!(connection.wants_write(), "the alert waits");
    assert_eq!(connection.end_of_input().unwrap_err(), error, "the end of the transport does not hide the reason");

    // It also comes out byte by byte, with data to send beside it.
    let mut out = Vec::new();
    while connection.wants_write() {
        let mut byte = [0];
        let sent = connection.write(b"data", &mut byte).unwrap();
        assert_eq!(sent, Sent { taken: 0, produced: 1 });
        out.push(byte[0]);
    }
    if protected {
        assert!(out.len() > queued + 7, "an encrypted alert");
    } else {
        assert_eq!(out[queued..], [21, 3, 3, 0, 2, 2, 10], "in the clear, behind what was queued");
    }
    assert_stays_failed(connection, reason);
    connection.close();
    assert!(!connection.wants_write(), "nothing follows a fatal alert");
}

#[test]
fn an_error_that_the_peer_is_not_told_comes_at_once() {
    let mut pair = Pair::replayable();
    pair.server.inbox = b"GET / HTTP/1.1\r\n\r\n".to_vec();
    let error = pair.server.connection.read(&mut pair.server.inbox).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the peer sent a plain HTTP request to this TLS port; it should use https (in state WaitClientHello)"
    );
    assert!(!pair.server.connection.wants_write());

    let mut pair = in_phase(1);
    let error = pair.client.connection.read(&mut [21, 3, 3, 0, 2, 2, 40]).unwrap_err();
    assert_eq!(error.reason(), &Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE));
    assert!(error.to_string().starts_with("the peer sent handshake_failure: nothing in common"), "{error}");
    assert!(!pair.client.connection.wants_write());
}

#[test]
fn data_and_close_notify_in_one_input_come_one_after_the_other() {
    let mut pair = Pair::established();
    let mut wire = pair.client.write(b"first");
    wire.extend(pair.client.write(b"second"));
    pair.client.connection.close();
    wire.extend(pair.client.write(&[]));
    wire.extend_from_slice(b"plain text after TLS");

    let server = &mut pair.server.connection;
    let mut events = Vec::new();
    let mut at = 0;
    loop {
        let Received { consumed, event } = server.read(&mut wire[at..]).unwrap();
        match event {
            Event::Data(range) => events.push(wire[at..][range].to_vec()),
            Event::Closed => {
                at += consumed;
                break;
            }
            other => panic!("{other:?}"),
        }
        at += consumed;
    }
    assert_eq!(events, [b"first".to_vec(), b"second".to_vec()]);
    assert_eq!(&wire[at..], b"plain text after TLS", "what follows is not TLS any more, and untouched");
    let received = server.read(&mut wire[at..]).unwrap();
    assert!(matches!(received, Received { consumed: 0, event: Event::Closed }), "{received:?}");
}

#[test]
fn a_record_buffer_shows_what_came_after_the_close_notify() {
    let mut pair = Pair::established();
    let mut wire = pair.client.write(b"last words");
    pair.client.connection.close();
    wire.extend(pair.client.write(&[]));
    wire.extend_from_slice(b"plain text after TLS");

    let mut buffer = RecordBuffer::new();
    while !wire.is_empty() {
        let count = buffer.fill_from(&mut &wire[..]).unwrap();
        wire.drain(..count);
    }
    let step = buffer.step(&mut pair.server.connection).unwrap();
    assert!(matches!(&step, Step::Data(data) if *data == b"last words"), "{step:?}");
    for _ in 0..3 {
        assert!(matches!(buffer.step(&mut pair.server.connection).unwrap(), Step::Closed));
        assert_eq!(buffer.unread(), b"plain text after TLS");
    }
}

#[test]
fn an_established_connection_whose_output_has_no_room_says_how_much_is_needed() {
    for recorded in Recorded::six() {
        let mut pair = recorded.pair();
        pair.drive();
        pair.assert_established();
        let chacha = [
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        ];
        let overhead = if chacha.contains(&recorded.suite) { 5 + 16 } else { 5 + 8 + 16 };
        assert_eq!(pair.client.connection.write(b"data", &mut []), Ok(Sent { taken: 0, produced: 0 }));
        for size in 1..=overhead {
            let mut out = vec![0xaa; size];
            let error = pair.client.connection.write(b"data", &mut out).unwrap_err();
            assert_eq!(error.reason(), &Reason::OutputTooSmall { needed: overhead + 1 }, "{recorded:?}, {size} bytes");
            assert_eq!(error.alert(), None);
            assert_eq!(out, vec![0xaa; size], "nothing was written");
        }
        let mut out = vec![0; overhead + 1];
        let sent = pair.client.connection.write(b"data", &mut out);
        assert_eq!(sent, Ok(Sent { taken: 1, produced: overhead + 1 }));
        pair.server.inbox = out;
        pair.server.read();
        assert_eq!(pair.server.data(), b"d", "the refused calls used up no sequence number");
        assert_eq!(pair.client.connection.write(b"", &mut []), Ok(Sent { taken: 0, produced: 0 }));
    }
}

#[test]
fn an_empty_output_gets_nothing_and_nothing_is_lost() {
    let mut pair = Pair::replayable();
    let nothing = Ok(Sent { taken: 0, produced: 0 });
    assert_eq!(pair.client.connection.write(b"data", &mut []), nothing);
    assert!(pair.client.connection.wants_write(), "the ClientHello still waits");
    pair.drive();
    pair.assert_established();
    assert_eq!(pair.server.connection.write(b"data", &mut []), nothing);
    pair.server_says(b"data");
    assert_eq!(pair.client.data(), b"data");
}

#[test]
fn errors_say_their_state_and_are_errors_of_the_standard_library() {
    let mut pair = in_phase(2);
    let error = pair.client.connection.end_of_input().unwrap_err();
    let boxed: Box<dyn std::error::Error + Send + Sync> = Box::new(error.clone());
    assert_eq!(
        boxed.to_string(),
        "the transport ended without close_notify or another alert: somebody hung up, and what was received may not be \
         all (in state WaitChangeCipherSpec)"
    );
    assert!(format!("{error:?}").contains("Truncated"));
    let io = std::io::Error::from(error.clone());
    assert_eq!(io.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(io.get_ref().and_then(|inner| inner.downcast_ref::<Error>()), Some(&error));
}
