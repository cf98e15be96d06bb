//! Peers that vanish anywhere, through each driver: an error that says so, and no driver that spins.

use std::io::{self, ErrorKind, Read, Write};

use tls12::stream::TlsStream;
use tls12::{AlertDescription, Connection, Error, Event, Reason, RecordBuffer, Step};

use crate::recorded::{CLIENT_SAYS, Recorded, SERVER_SAYS};
use crate::transport::{Gone, Vanished};

/// More calls of the transport than any driver needs when all that it reads comes at once.
const CALLS: usize = 30;

/// The error of TLS within one of a stream.
fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Reads to the end through a stream; also checks that it stays as it is.
fn through_stream<C: Connection>(connection: C, transport: Vanished<'_>, says: &[u8]) -> (Vec<u8>, io::Result<()>) {
    let reads_the_same = transport.gone == Gone::Closed;
    let mut stream = TlsStream::new(connection, transport).allow_half_close();
    let mut got = Vec::new();
    let result = stream.write_all(says).and_then(|()| stream.read_to_end(&mut got)).map(|_| ());
    let first = stream.transport().calls;
    assert!(first <= CALLS, "{first} calls of the transport");
    for _ in 0..3 {
        // Whatever is called afterwards comes back.
        let ended = stream.read(&mut [0; 10]).is_ok_and(|count| count == 0);
        assert!(ended == result.is_ok() || !reads_the_same, "{result:?}");
        _ = stream.write(says);
        _ = stream.flush();
        _ = stream.handshake();
        _ = stream.close();
    }
    let after = stream.transport().calls;
    assert!(after - first <= CALLS, "{after} calls of the transport");
    (got, result)
}

/// The same by hand, with `RecordBuffer`.
fn through_buffer<C: Connection>(
    mut connection: C,
    mut transport: Vanished<'_>,
    says: &[u8],
) -> Result<Vec<u8>, String> {
    let (mut buffer, mut got, mut left, mut out) = (RecordBuffer::new(), Vec::new(), says, [0; 4096]);
    for _ in 0..100 {
        loop {
            let sent = connection.write(left, &mut out).map_err(|error| error.to_string())?;
            left = &left[sent.taken..];
            if sent.produced == 0 {
                break;
            }
            transport.write_all(&out[..sent.produced]).map_err(|error| error.to_string())?;
        }
        match buffer.step(&mut connection).map_err(|error| error.to_string())? {
            Step::Data(data) => got.extend_from_slice(data),
            Step::NeedInput => {
                if buffer.fill_from(&mut transport).map_err(|error| error.to_string())? == 0 {
                    return connection.end_of_input().map(|()| got).map_err(|error| error.to_string());
                }
            }
            Step::Closed => return Ok(got),
            Step::Established | Step::Progress | Step::Failing => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("it goes on for ever");
}

/// The same by `read` alone, with what there is.
fn by_hand<C: Connection>(mut connection: C, said: &[u8]) -> Result<(), Error> {
    let mut inbox = said.to_vec();
    for _ in 0..100 {
        let received = connection.read(&mut inbox)?;
        match received.event {
            Event::NeedInput { .. } => return connection.end_of_input(),
            Event::Closed => return Ok(()),
            _ => drop(inbox.drain(..received.consumed)),
        }
    }
    panic!("it goes on for ever");
}

/// All that is common to both roles, for a peer that said so much of `said` and vanished.
fn check<C: Connection>(
    connection: impl Fn() -> C,
    said: &[u8],
    cut: usize,
    (says, hears): (&[u8], &[u8]),
    what: &str,
) {
    let complete = cut == said.len();
    let said = &said[..cut];
    let (got, result) = through_stream(connection(), Vanished::new(said, Gone::Closed, 0), says);
    assert!(hears.starts_with(&got), "{what}: {got:?}");
    match result {
        Ok(()) => assert!(complete && got == hears, "{what}: a clean end, with {got:?}"),
        Err(error) => {
            assert!(!complete, "{what}: {error}");
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{what}: {error}");
            assert_eq!(inner(&error).map(Error::reason), Some(&Reason::Truncated), "{what}");
        }
    }
    for gone in [Gone::BrokenPipe, Gone::Reset] {
        for takes in [0, 100, 100_000] {
            let (_, result) = through_stream(connection(), Vanished::new(said, gone, takes), says);
            assert!(result.is_err() || complete, "{what}, {gone:?}, {takes} bytes taken");
        }
    }
    let result = through_buffer(connection(), Vanished::new(said, Gone::Closed, 0), says);
    assert_eq!(result.is_ok(), complete, "{what}, by RecordBuffer: {result:?}");
    for gone in [Gone::BrokenPipe, Gone::Reset] {
        let result = through_buffer(connection(), Vanished::new(said, gone, 100), says);
        assert!(result.is_err(), "{what}, by RecordBuffer, {gone:?}: {result:?}");
    }
    let result = by_hand(connection(), said);
    match result {
        Ok(()) => assert!(complete, "{what}, by hand"),
        Err(error) => assert_eq!(error.reason(), &Reason::Truncated, "{what}, by hand"),
    }
}

#[test]
fn a_server_that_vanishes_after_any_byte_is_noticed_through_each_driver() {
    for recorded in [&Recorded::six()[0], &Recorded::six()[4]] {
        for cut in 0..=recorded.by_server.len() {
            let client = || recorded.client().connection;
            let what = format!("{recorded:?}, client, {cut} bytes came");
            check(client, &recorded.by_server, cut, (CLIENT_SAYS, SERVER_SAYS), &what);
        }
    }
}

#[test]
fn a_client_that_vanishes_after_any_byte_is_noticed_through_each_driver() {
    for recorded in [&Recorded::six()[1], &Recorded::six()[5]] {
        for cut in 0..=recorded.by_client.len() {
            let server = || recorded.server().connection;
            let what = format!("{recorded:?}, server, {cut} bytes came");
            check(server, &recorded.by_client, cut, (SERVER_SAYS, CLIENT_SAYS), &what);
        }
    }
}

#[test]
fn a_stream_that_closes_within_the_handshake_says_so_and_stays_closed() {
    let recorded = &Recorded::six()[0];
    let mut stream = TlsStream::new(recorded.client().connection, Vanished::new(&[], Gone::Closed, 0));
    stream.close().unwrap();
    for _ in 0..3 {
        let error = stream.handshake().unwrap_err();
        assert_eq!(inner(&error).map(Error::reason), Some(&Reason::Closed));
        let error = stream.read(&mut [0; 9]).unwrap_err();
        assert_eq!(inner(&error).map(Error::reason), Some(&Reason::Closed));
        let error = stream.write(b"data").unwrap_err();
        assert_eq!(inner(&error).map(Error::reason), Some(&Reason::Closed));
    }
}

/// Closes a stream whose peer has said so much, and goes on with it.
fn check_close<C: Connection>(connection: C, said: &[u8], says: &[u8], what: &str) {
    let mut stream = TlsStream::new(connection, Vanished::new(said, Gone::Silent, 0));
    _ = stream.handshake();
    let was_established = stream.connection().is_established();
    stream.close().expect("the transport takes the close_notify");
    assert!(!stream.wants_write(), "{what}");
    let mut got = Vec::new();
    let reading = stream.read_to_end(&mut got);
    let writing = stream.write(says);
    let reason = |result: io::Result<usize>| result.err().as_ref().and_then(inner).map(|error| error.reason().clone());
    if was_established {
        assert_eq!(reason(writing), Some(Reason::WriteAfterClose), "{what}");
        assert!(reading.is_ok() || reading.is_err_and(|error| error.kind() == ErrorKind::WouldBlock), "{what}");
    } else {
        assert_eq!((reason(reading), reason(writing)), (Some(Reason::Closed), Some(Reason::Closed)), "{what}");
    }
    let calls = stream.transport().calls;
    assert!(calls <= CALLS, "{what}: {calls} calls of the transport");
}

#[test]
fn a_stream_may_close_in_every_state() {
    let recorded = &Recorded::six()[2];
    for cut in 0..=recorded.by_server.len() {
        let (client, what) = (recorded.client().connection, format!("client, {cut} bytes came"));
        check_close(client, &recorded.by_server[..cut], CLIENT_SAYS, &what);
    }
    for cut in 0..=recorded.by_client.len() {
        let (server, what) = (recorded.server().connection, format!("server, {cut} bytes came"));
        check_close(server, &recorded.by_client[..cut], SERVER_SAYS, &what);
    }
}

#[test]
fn the_reason_of_a_failure_is_told_even_if_its_alert_cannot_be_sent() {
    let recorded = &Recorded::six()[0];
    // A record of a type that nobody knows.
    let said = b"\x18\x03\x03\x00\x01\x00";
    for gone in [Gone::BrokenPipe, Gone::Reset] {
        let hello = recorded.client().write(&[]).len();
        let mut stream = TlsStream::new(recorded.client().connection, Vanished::new(said, gone, hello));
        let error = stream.handshake().unwrap_err();
        assert_eq!(
            inner(&error).and_then(Error::alert),
            Some(AlertDescription::UNEXPECTED_MESSAGE),
            "{gone:?}: {error}"
        );
    }
}

#[test]
fn an_interrupted_call_of_the_transport_is_made_again() {
    /// Interrupted each second time.
    struct Interrupting<'a>(Vanished<'a>, bool);

    impl Interrupting<'_> {
        fn turn(&mut self) -> io::Result<()> {
            self.1 = !self.1;
            if self.1 { Err(ErrorKind::Interrupted.into()) } else { Ok(()) }
        }
    }

    impl Read for Interrupting<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.turn()?;
            self.0.read(out)
        }
    }

    impl Write for Interrupting<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.turn()?;
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let recorded = &Recorded::six()[0];
    let transport = Interrupting(Vanished::new(&recorded.by_server, Gone::Closed, 0), false);
    let mut stream = TlsStream::new(recorded.client().connection, transport);
    stream.handshake().expect("a handshake that a signal interrupts goes on");
    stream.write_all(CLIENT_SAYS).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, SERVER_SAYS);
}
