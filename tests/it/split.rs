//! Connections in two halves: every event through both of them, and both at work at once.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;

use tls12::{
    AlertDescription, AlertToken, ChannelBinding, Direction, Error, Event, HalfStep, Reason, Received, Receiver,
    RecordBuffer, Sender, Sent,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{End, NAME, Pair, Trace, client_config, server_config};
use crate::pattern::{Checked, LARGE, Pattern};
use crate::sockets::sockets;

/// A client in halves, and its peer.
struct Split {
    receiver: Receiver,
    sender: Sender,
    peer: End<tls12::ServerConnection>,
}

impl Split {
    fn new() -> Self {
        let Pair { client, server } = Pair::established();
        let (receiver, sender) = client.connection.split().unwrap();
        Split { receiver, sender, peer: server }
    }

    /// What a read of these bytes comes to; all of them are consumed.
    #[track_caller]
    fn happens(&mut self, mut wire: Vec<u8>) -> Event {
        let Received { consumed, event } = self.receiver.read(&mut wire).unwrap();
        assert_eq!(consumed, wire.len(), "{event:?}");
        event
    }

    #[track_caller]
    fn token(&mut self, mut wire: Vec<u8>) -> AlertToken {
        match self.receiver.read(&mut wire).unwrap().event {
            Event::SendAlert(token) => token,
            other => panic!("{other:?}"),
        }
    }

    /// The peer reads what the sending half has queued.
    fn send(&mut self) {
        _ = self.sender.write_vec(&[], &mut self.peer.inbox).unwrap();
        self.peer.read();
    }

    #[track_caller]
    fn fails_for_ever(&mut self, error: &Error) {
        for input in [&mut [][..], &mut [22, 3, 3, 0, 1, 0], &mut [23]] {
            assert_eq!(&self.receiver.read(input).unwrap_err(), error);
        }
        assert_eq!(&self.receiver.end_of_input().unwrap_err(), error);
        assert_eq!(self.receiver.error(), Some(error));
        assert!(self.receiver.agreed().is_none() && self.receiver.peer_proof().is_none());
        assert!(self.receiver.exporter(b"EXPERIMENTAL", None, &mut [0; 8]).is_err());
        assert!(self.receiver.peer_certificates().is_some(), "what was shown stays known");
    }
}

/// A record that nobody sealed.
fn forged() -> Vec<u8> {
    let mut record = vec![23, 3, 3, 0, 40];
    record.resize(45, 0);
    record
}

#[test]
fn a_connection_that_is_not_established_cannot_be_split_and_comes_back_as_it_was() {
    let mut pair = Pair::replayable();
    let mut refused = 0;
    while !pair.client.connection.is_established() {
        let state = pair.client.connection.state();
        let error = pair.client.connection.split().unwrap_err();
        assert_eq!(error.error().reason(), &Reason::NotSplit("the handshake is not done"));
        assert_eq!((error.error().state(), error.error().alert()), (state, None));
        assert_eq!(
            error.to_string(),
            format!("the connection cannot be split: the handshake is not done (in state {state})")
        );
        pair.client.connection = error.into_inner();
        if let Err(error) = pair.server.connection.split() {
            pair.server.connection = error.into_inner();
        } else {
            panic!("the server is not established, either");
        }
        refused += 1;
        let to_server = pair.client.write(&[]);
        pair.server.inbox.extend(to_server);
        pair.server.read();
        if pair.server.connection.is_established() {
            break;
        }
        let to_client = pair.server.write(&[]);
        pair.client.inbox.extend(to_client);
        pair.client.read();
    }
    assert_eq!(refused, 2, "before the hello, and before Finished");
    pair.drive();
    assert!(pair.client.connection.is_established() && pair.server.connection.is_established());
}

#[test]
fn a_connection_that_has_failed_cannot_be_split_and_says_why_it_failed() {
    let mut pair = Pair::established();
    pair.client.inbox = forged();
    pair.client.read();
    let refused = pair.client.connection.split().unwrap_err();
    assert_eq!(refused.error().reason(), &Reason::BadRecordMac { sequence: 1 });
    let mut connection = refused.into_inner();
    assert!(connection.wants_write(), "the alert is still there");
    _ = connection.write_vec(&[], &mut pair.server.inbox).unwrap();
    pair.server.read();
    let error = pair.server.error().unwrap();
    assert_eq!(error.reason(), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
}

#[test]
fn what_is_queued_goes_with_the_sender() {
    let mut pair = Pair::replayable();
    pair.client_says(b"");
    pair.server_says(b"");
    pair.client_says(b"");
    assert!(pair.server.connection.is_established() && !pair.client.connection.is_established());
    let (_, mut sender) = pair.server.connection.split().unwrap();
    assert!(sender.wants_write(), "ChangeCipherSpec and Finished");
    let bound = sender.output_len(4);
    let sent = sender.write_vec(b"data", &mut pair.client.inbox).unwrap();
    assert_eq!(sent, Sent { taken: 4, produced: bound });
    pair.client.read();
    assert!(pair.client.established());
    assert_eq!(pair.client.data(), b"data");
}

#[test]
fn the_halves_of_both_roles_exchange_data_and_the_receiver_knows_what_was_agreed_on() {
    let pair = Pair::established();
    let (client, server) = (pair.client.connection, pair.server.connection);
    let whole = format!("{:?}", client.agreed().unwrap());
    let (mut exported, mut from_half) = ([0; 32], [0; 32]);
    client.exporter(b"EXPERIMENTAL", Some(b"context"), &mut exported).unwrap();
    let binding = client.channel_binding(ChannelBinding::TlsUnique).unwrap();
    let left = client.records_left();

    let (mut client_receiver, mut client_sender) = client.split().unwrap();
    let (mut server_receiver, mut server_sender) = server.split().unwrap();
    assert_eq!(client_sender.records_left(), left);
    assert_eq!(format!("{:?}", client_receiver.agreed().unwrap()), whole);
    assert_eq!((client_receiver.server_name(), server_receiver.server_name()), (Some(NAME), Some(NAME)));
    assert_eq!(client_receiver.peer_certificates().unwrap().iter().count(), 1);
    assert!(server_receiver.peer_certificates().is_none());
    for receiver in [&client_receiver, &server_receiver] {
        receiver.exporter(b"EXPERIMENTAL", Some(b"context"), &mut from_half).unwrap();
        assert_eq!(from_half, exported);
        assert_eq!(receiver.channel_binding(ChannelBinding::TlsUnique).unwrap(), binding);
        assert!(receiver.peer_proof().is_some() && receiver.error().is_none() && !receiver.closed());
    }
    for round in 0..3 {
        for (sender, receiver) in
            [(&mut client_sender, &mut server_receiver), (&mut server_sender, &mut client_receiver)]
        {
            let data = vec![round; 20_000];
            let mut wire = vec![0; sender.output_len(data.len())];
            assert_eq!(sender.write(&data, &mut wire), Ok(Sent { taken: data.len(), produced: wire.len() }));
            let (mut got, mut at) = (Vec::new(), 0);
            while at < wire.len() {
                let Received { consumed, event } = receiver.read(&mut wire[at..]).unwrap();
                let Event::Data(range) = event else { panic!("{event:?}") };
                got.extend_from_slice(&wire[at..][range]);
                at += consumed;
            }
            assert_eq!(got, data);
        }
    }
}

#[test]
fn a_partial_record_is_waited_for() {
    let mut split = Split::new();
    let mut wire = split.peer.write(b"data");
    for cut in 0..wire.len() {
        let Received { consumed, event } = split.receiver.read(&mut wire[..cut]).unwrap();
        assert!(matches!(event, Event::NeedInput { missing: 1.. }), "{event:?}");
        assert_eq!(consumed, 0);
    }
    assert!(matches!(split.happens(wire), Event::Data(_)));
}

#[test]
fn the_reply_to_close_notify_comes_as_a_token_and_then_the_end_for_ever() {
    let mut split = Split::new();
    split.peer.connection.close();
    let mut wire = split.peer.write(&[]);
    let length = wire.len();
    wire.extend_from_slice(b"plain text after TLS");
    let mut buffer = RecordBuffer::new();
    while !wire.is_empty() {
        let count = buffer.fill_from(&mut &wire[..]).unwrap();
        wire.drain(..count);
    }
    let HalfStep::SendAlert(token) = buffer.step_half(&mut split.receiver).unwrap() else {
        panic!("the reply comes first")
    };
    assert_eq!((token.description(), token.error()), (Some(AlertDescription::CLOSE_NOTIFY), None));
    for _ in 0..3 {
        assert!(matches!(buffer.step_half(&mut split.receiver).unwrap(), HalfStep::Closed));
        assert_eq!(buffer.unread(), b"plain text after TLS", "behind {length} bytes of TLS");
    }
    assert!(split.receiver.closed());
    assert_eq!(split.receiver.end_of_input(), Ok(()));

    // There is time for what is still to be said.
    let sent = split.sender.write_vec(b"last words", &mut split.peer.inbox).unwrap();
    assert_eq!(sent.taken, 10);
    split.sender.alert(token);
    let error = split.sender.write(b"more", &mut [0; 100]).map(|sent| sent.taken);
    assert_eq!(error, Ok(0), "the close_notify goes first");
    assert_eq!(split.sender.write(b"more", &mut [0; 100]).unwrap_err().reason(), &Reason::WriteAfterClose);
    assert_eq!(split.sender.records_left(), 0);
    assert_eq!(split.sender.error(), None, "an ordinary end");
}

#[test]
fn each_half_closes_its_direction_and_the_other_goes_on() {
    let mut split = Split::new();
    split.sender.close();
    split.sender.close();
    split.send();
    assert!(split.peer.closed());
    let wire = split.peer.write(b"still there");
    assert!(matches!(split.happens(wire), Event::Data(_)));
    split.peer.connection.close();
    let wire = split.peer.write(&[]);
    let token = split.token(wire);
    split.sender.alert(token);
    assert!(!split.sender.wants_write(), "it was said before");
}

#[test]
fn an_error_of_the_receiving_half_ends_the_sending_half_by_its_token() {
    let mut split = Split::new();
    let token = split.token(forged());
    assert_eq!(token.description(), Some(AlertDescription::BAD_RECORD_MAC));
    let error = token.error().unwrap().clone();
    assert_eq!((error.reason(), error.state()), (&Reason::BadRecordMac { sequence: 1 }, "Established"));
    assert_eq!(error.alert(), Some(AlertDescription::BAD_RECORD_MAC));
    split.fails_for_ever(&error);

    let sent = split.sender.write(b"nobody has told me", &mut [0; 100]).unwrap();
    assert_eq!(sent.taken, 18, "the sending half knows nothing of it yet");
    let mut split = Split::new();
    let token = split.token(forged());
    split.sender.alert(token);
    assert_eq!(split.sender.error(), Some(&error));
    assert_eq!((split.sender.records_left(), split.sender.output_len(100)), (0, split.sender.output_len(0)));
    split.send();
    let reason = Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC);
    assert_eq!(split.peer.error().unwrap().reason(), &reason, "the peer is told");
    assert_eq!(split.sender.write(b"data", &mut [0; 100]), Err(error.clone()));
    assert_eq!(split.sender.write_vec(b"data", &mut Vec::new()), Err(error.clone()));
    assert_eq!(split.sender.write(b"", &mut [0; 100]), Ok(Sent { taken: 0, produced: 0 }));
    split.sender.close();
    assert!(!split.sender.wants_write(), "nothing follows a fatal alert");
}

#[test]
fn behind_our_close_notify_no_alert_is_sent() {
    let mut split = Split::new();
    split.sender.close();
    split.send();
    let token = split.token(forged());
    split.sender.alert(token);
    assert!(!split.sender.wants_write());
    assert_eq!(split.sender.write(b"data", &mut [0; 100]).unwrap_err().reason(), &Reason::WriteAfterClose);
}

#[test]
fn a_fatal_alert_of_the_peer_ends_the_sending_half_by_a_token_that_sends_nothing() {
    let mut split = Split::new();
    split.peer.inbox = forged();
    split.peer.read();
    let wire = split.peer.write(&[]);
    let token = split.token(wire);
    let error = token.error().unwrap().clone();
    assert_eq!(error.reason(), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
    assert_eq!(token.description(), None);
    split.fails_for_ever(&error);
    split.sender.alert(token);
    assert_eq!(split.sender.error(), Some(&error));
    assert!(!split.sender.wants_write(), "the peer is told nothing");
    assert_eq!(split.sender.write(b"data", &mut [0; 100]), Err(error));
    split.sender.close();
    assert!(!split.sender.wants_write(), "and nothing follows");
}

#[test]
fn the_end_of_the_transport_without_close_notify_is_truncation_of_the_receiving_half() {
    let mut split = Split::new();
    let error = split.receiver.end_of_input().unwrap_err();
    assert_eq!((error.reason(), error.state(), error.alert()), (&Reason::Truncated, "Established", None));
    split.fails_for_ever(&error);
    assert!(split.sender.error().is_none() && !split.sender.wants_write());
}

#[test]
fn a_token_that_goes_to_another_connection_ends_that_one_and_nothing_else() {
    let (mut one, mut other) = (Split::new(), Split::new());
    let token = one.token(forged());
    other.sender.alert(token);
    other.send();
    assert_eq!(other.peer.error().unwrap().reason(), &Reason::PeerAlert(AlertDescription::BAD_RECORD_MAC));
    assert_eq!(other.sender.error(), one.receiver.error());
    assert!(other.receiver.error().is_none());
}

#[test]
fn a_connection_that_was_closed_before_it_is_split_stays_closed() {
    let mut pair = Pair::established();
    pair.server.connection.close();
    pair.server_says(b"");
    pair.client.connection.close();
    let (mut receiver, mut sender) = pair.client.connection.split().unwrap();
    assert!(matches!(receiver.read(&mut []), Ok(Received { consumed: 0, event: Event::Closed })));
    assert!(sender.wants_write(), "our own close_notify");
    assert_eq!(sender.write(b"data", &mut [0; 100]).map(|sent| sent.taken), Ok(0));
    assert_eq!(sender.write(b"data", &mut [0; 100]).unwrap_err().reason(), &Reason::WriteAfterClose);
}

#[test]
fn the_observer_sees_of_two_halves_what_it_sees_of_a_whole_connection() {
    let seen = |is_split: bool| {
        let trace = Arc::new(Trace::default());
        let client = client_config(authority(), 1).observer(trace.clone());
        let mut pair = Pair::driven(client, server_config(2).identity(identity(Kind::Ed25519)));
        trace.0.lock().unwrap().clear();
        if is_split {
            let (mut receiver, mut sender) = pair.client.connection.split().unwrap();
            let Ok(Received { event: Event::SendAlert(token), .. }) = receiver.read(&mut forged()) else {
                panic!("an alert")
            };
            sender.alert(token);
        } else {
            pair.client.inbox = forged();
            pair.client.read();
        }
        std::mem::take(&mut *trace.0.lock().unwrap())
    };
    assert_eq!(seen(true), [(Direction::Sent, "bad_record_mac", "Failed")]);
    assert_eq!(seen(true), seen(false));
}

/// Sends all that a pattern has, and closes.
fn send_all(mut sender: Sender, mut socket: impl Write, length: u64) {
    let mut pattern = Pattern::new(length);
    let mut out = vec![0; 64 << 10];
    loop {
        let Sent { taken, produced } = sender.write(pattern.left(), &mut out).unwrap();
        pattern.advance(taken);
        if produced == 0 {
            if !pattern.left().is_empty() {
                continue;
            }
            sender.close();
            let Sent { produced, .. } = sender.write(&[], &mut out).unwrap();
            return socket.write_all(&out[..produced]).unwrap();
        }
        socket.write_all(&out[..produced]).unwrap();
    }
}

/// Checks all that comes until the peer closes.
fn receive_all(mut receiver: Receiver, mut socket: impl Read) -> Checked {
    let (mut buffer, mut checked) = (RecordBuffer::new(), Checked::default());
    loop {
        match buffer.step_half(&mut receiver).unwrap() {
            HalfStep::Data(data) => checked.check(data),
            HalfStep::NeedInput => {
                assert_ne!(buffer.fill_from(&mut socket).unwrap(), 0, "the transport ends too early")
            }
            // Our own close_notify says it.
            HalfStep::SendAlert(_) => {}
            HalfStep::Closed => return checked,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn two_threads_on_each_end_move_a_gibibyte_each_way_at_once() {
    let client = client_config(authority(), 1).groups(backend_groups());
    let server = server_config(2).groups(backend_groups()).identity(identity(Kind::P256));
    let pair = Pair::driven(client, server);
    pair.assert_established();
    let (one, other) = sockets();
    let ends = [(pair.client.connection.split().unwrap(), one), (pair.server.connection.split().unwrap(), other)];
    let threads = ends.map(|((receiver, sender), socket)| {
        let reading = socket.try_clone().unwrap();
        let sending = thread::spawn(move || {
            send_all(sender, &socket, LARGE);
            socket.shutdown(Shutdown::Write).unwrap();
        });
        (sending, thread::spawn(move || receive_all(receiver, reading)))
    });
    for (sending, receiving) in threads {
        sending.join().unwrap();
        assert_eq!(receiving.join().unwrap().length(), LARGE);
    }
}
