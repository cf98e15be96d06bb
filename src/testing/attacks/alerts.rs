//! Alerts, close_notify and the end of the transport, in every state.

use alloc::vec::Vec;
use std::io::{self, Read, Write};

use crate::ClientConnection;
use crate::alert::{AlertDescription, AlertLevel};
use crate::codec::Malformed;
use crate::connection::{Event, Received};
use crate::error::{Error, Reason};
use crate::message::{ContentType, HandshakeType as H};
use crate::record_buffer::{RecordBuffer, Step};
use crate::stream::TlsStream;
use crate::testing::bench::{Bench, Real, TO_CLIENT, each_state};
use crate::testing::identities::{client_config, server_name};
use crate::testing::puppet::Letter;
use crate::testing::wire;

#[test]
fn a_fatal_alert_in_every_state_is_the_error_and_is_not_answered() {
    for description in [
        AlertDescription::HANDSHAKE_FAILURE,
        AlertDescription::BAD_RECORD_MAC,
        AlertDescription::NO_RENEGOTIATION,
        AlertDescription(255),
    ] {
        for mut bench in each_state() {
            let state = bench.real.state();
            let error = bench.send(ContentType::ALERT, &[2, description.0]).expect_err("it is over");
            assert_eq!(error.reason(), &Reason::PeerAlert(description));
            assert_eq!((error.alert(), error.state()), (None, state));
            assert!(bench.alerts().is_empty(), "an alert is not answered by an alert");
            bench.stays_failed(&error);
        }
    }
}

/// CVE-2024-32650 was a driver that went on for ever.
#[test]
fn a_close_notify_in_every_state_of_the_handshake_ends_it() {
    for level in [1, 2] {
        for mut bench in each_state().filter(|bench| !bench.real.is_established()) {
            let result = bench.send(ContentType::ALERT, &[level, 0]);
            bench.failed(result, &Reason::ClosedInHandshake, AlertDescription::CLOSE_NOTIFY);
        }
    }
}

#[test]
fn a_close_notify_in_traffic_is_a_clean_end_and_nothing_behind_it_is_read() {
    for mut bench in each_state().filter(|bench| bench.real.is_established()) {
        let mut bytes = bench.puppet.say(Letter::ApplicationData);
        bytes.extend(
            bench.puppet.record(ContentType::ALERT, &wire::alert(AlertLevel::Warning, AlertDescription::CLOSE_NOTIFY)),
        );
        let mut behind = bench.puppet.say(Letter::ApplicationData);
        bytes.extend(&behind);
        bench.deliver(&bytes).expect("a clean end");
        assert_eq!((bench.closed, &bench.data[..]), (true, &b"data"[..]));
        for _ in 0..3 {
            let read = bench.real.read(&mut behind);
            assert!(matches!(read, Ok(Received { consumed: 0, event: Event::Closed })), "{read:?}");
        }
        assert_eq!(bench.real.end_of_input(), Ok(()));
        assert!(bench.alerts().is_empty(), "when to answer is for the application to say");
        let answer = bench.real.write_all(b"still there");
        bench.puppet.hear(&answer);
        bench.real.close();
        bench.listen();
        assert_eq!(bench.alerts(), [(1, AlertDescription::CLOSE_NOTIFY)]);
    }
}

#[test]
fn the_end_of_the_transport_without_close_notify_is_truncation_in_every_state() {
    for mut bench in each_state() {
        let state = bench.real.state();
        let error = bench.real.end_of_input().expect_err("this is no clean end");
        assert_eq!((error.reason(), error.state()), (&Reason::Truncated, state));
        bench.listen();
        assert!(bench.alerts().is_empty(), "there is nobody to tell");
        bench.stays_failed(&error);
    }
}

#[test]
fn an_alert_that_is_no_alert_is_refused_in_every_state() {
    let malformed = |problem| Reason::Malformed { message: "alert", problem };
    for (content, reason, alert) in [
        (&[][..], malformed(Malformed::Truncated("alert")), AlertDescription::DECODE_ERROR),
        (&[2], malformed(Malformed::Truncated("alert")), AlertDescription::DECODE_ERROR),
        (&[1, 90, 0], malformed(Malformed::Trailing("alert")), AlertDescription::DECODE_ERROR),
        (&[1, 90, 1, 90], malformed(Malformed::Trailing("alert")), AlertDescription::DECODE_ERROR),
        (&[0, 40], Reason::AlertLevel(0), AlertDescription::ILLEGAL_PARAMETER),
        (&[3, 40], Reason::AlertLevel(3), AlertDescription::ILLEGAL_PARAMETER),
        (&[255, 100], Reason::AlertLevel(255), AlertDescription::ILLEGAL_PARAMETER),
    ] {
        for mut bench in each_state() {
            let result = bench.send(ContentType::ALERT, content);
            bench.failed(result, &reason, alert);
        }
    }
}

#[test]
fn every_alert_of_two_bytes_is_read_or_refused_as_its_level_says() {
    let begun: [fn() -> Bench; 2] = [Bench::any_client, Bench::any_server];
    for begin in begun {
        let mut bench = begin();
        for (level, number) in (0..=u8::MAX).flat_map(|level| (0..=u8::MAX).map(move |number| (level, number))) {
            // Of levels that do not exist, some descriptions are enough.
            if !(1..=2).contains(&level) && number % 51 != 0 {
                continue;
            }
            let description = AlertDescription(number);
            let expected = match (level, description) {
                (1 | 2, AlertDescription::CLOSE_NOTIFY) => Some(Reason::ClosedInHandshake),
                (1, _) => None,
                (2, description) => Some(Reason::PeerAlert(description)),
                (level, _) => Some(Reason::AlertLevel(level)),
            };
            // As many warnings as are allowed go to one connection.
            if expected.is_some() || number % 4 == 1 {
                bench = begin();
            }
            let result = bench.send(ContentType::ALERT, &[level, number]);
            assert_eq!(result.err().map(|error| error.reason().clone()), expected, "level {level}, {description}");
        }
    }
}

#[test]
fn closing_in_every_state_of_the_handshake_says_so_and_ends_it() {
    for mut bench in each_state().filter(|bench| !bench.real.is_established()) {
        bench.real.close();
        bench.listen();
        assert_eq!(bench.alerts(), [(1, AlertDescription::CLOSE_NOTIFY)]);
        let error = bench.real.read(&mut []).expect_err("closed");
        assert_eq!(error.reason(), &Reason::Closed);
        bench.stays_failed(&error);
    }
}

/// A transport that gives these bytes and then ends.
struct Canned {
    input: io::Cursor<Vec<u8>>,
    output: Vec<u8>,
}

impl Canned {
    fn new(input: &[u8]) -> Self {
        Canned { input: io::Cursor::new(input.to_vec()), output: Vec::new() }
    }
}

impl Read for Canned {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.input.read(out)
    }
}

impl Write for Canned {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn client() -> ClientConnection {
    ClientConnection::new(client_config(false, false).build().expect("a configuration"), server_name())
        .expect("a client")
}

const CLOSE_NOTIFY: [u8; 7] = [21, 3, 3, 0, 2, 1, 0];

#[test]
fn a_stream_whose_server_closes_right_after_the_hello_ends_and_does_not_spin() {
    for (bytes, kind, reason) in [
        (&CLOSE_NOTIFY[..], io::ErrorKind::ConnectionAborted, Reason::ClosedInHandshake),
        (&CLOSE_NOTIFY[..3], io::ErrorKind::UnexpectedEof, Reason::Truncated),
        (&[], io::ErrorKind::UnexpectedEof, Reason::Truncated),
    ] {
        let mut stream = TlsStream::new(client(), Canned::new(bytes));
        for _ in 0..3 {
            let error = stream.handshake().expect_err("there is no handshake");
            assert_eq!(error.kind(), kind, "{error}");
            let inner = error.get_ref().and_then(|error| error.downcast_ref::<Error>()).expect("an error of ours");
            assert_eq!(inner.reason(), &reason);
        }
        assert!(stream.read(&mut [0; 10]).is_err());
        assert!(stream.write(b"request").is_err());
    }
}

#[test]
fn a_record_buffer_whose_server_closes_right_after_the_hello_ends_and_does_not_spin() {
    let mut connection = client();
    let mut buffer = RecordBuffer::new();
    let mut transport = Canned::new(&CLOSE_NOTIFY);
    for _ in 0..10 {
        match buffer.step(&mut connection) {
            Ok(Step::NeedInput) => {
                assert!(buffer.fill_from(&mut transport).expect("bytes") > 0, "the close_notify is enough");
            }
            Ok(Step::Failing) => {}
            Ok(_) => panic!("nothing else happens"),
            Err(error) => {
                assert_eq!(error.reason(), &Reason::ClosedInHandshake);
                return;
            }
        }
    }
    panic!("it has to end");
}

#[test]
fn alerts_of_a_failed_connection_are_protected_as_soon_as_there_are_keys() {
    // The client's keys are in use from its own ChangeCipherSpec on, the server's not yet.
    let mut bench = Bench::any_client();
    bench.go(&TO_CLIENT[..4]);
    assert!(matches!(bench.real, Real::Client(_)) && !bench.puppet.is_protected());
    // The puppet hears the alert: it could be decrypted.
    let result = bench.say(Letter::Handshake(H::FINISHED));
    let error = result.expect_err("no ChangeCipherSpec yet");
    bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
}
