//! What a stream says when its transport fails, and what it lets go of.

use std::io::{self, ErrorKind, Read, Write};

use tls12::stream::TlsStream;
use tls12::{AlertDescription, ClientConnection, Error, Reason, ServerConnection};

use crate::deciders::{Deciding, Late};
use crate::pair::Pair;
use crate::transport::Moody;

/// handshake_failure of a server that doesn't like our hello.
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02\x28";

/// Gives what it has, and fails each write in its own way.
struct Failing {
    incoming: &'static [u8],
    error: ErrorKind,
    reads: usize,
}

impl Read for Failing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        self.incoming.read(out)
    }
}

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.error.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failing(incoming: &'static [u8], error: ErrorKind) -> TlsStream<ClientConnection, Failing> {
    TlsStream::new(Pair::replayable().client.connection, Failing { incoming, error, reads: 0 })
}

#[test]
fn an_alert_behind_a_transport_that_hung_up_is_the_error() {
    for error in [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted] {
        let failed = failing(ALERT, error).handshake().unwrap_err();
        let inner = failed.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map(Error::reason);
        let expected = Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE);
        assert_eq!(inner, Some(&expected), "{error:?}: {failed}");
        assert_eq!(failing(b"", error).handshake().unwrap_err().kind(), error, "nobody said why");
    }
}

#[test]
fn any_other_failure_of_the_transport_is_the_error_and_nothing_is_read() {
    for error in [ErrorKind::TimedOut, ErrorKind::WouldBlock, ErrorKind::PermissionDenied, ErrorKind::OutOfMemory] {
        let mut stream = failing(ALERT, error);
        assert_eq!(stream.handshake().unwrap_err().kind(), error);
        assert_eq!(stream.transport().reads, 0, "{error:?}: a transport that blocks would block for ever");
    }
}

type Streams = (TlsStream<ClientConnection, Moody>, TlsStream<ServerConnection, Moody>);

/// Two streams whose handshake went as far as it goes without an answer.
fn streams(deciding: &Deciding) -> Streams {
    let pair = deciding.pair();
    let (one, other) = Moody::pair(&[], &[]);
    let mut client = TlsStream::new(pair.client.connection, one);
    let mut server = TlsStream::new(pair.server.connection, other);
    for _ in 0..3 {
        _ = client.handshake();
        _ = server.handshake();
    }
    (client, server)
}

#[test]
fn a_stream_says_what_it_waits_for() {
    let deciding = Deciding::new(Late { verify: true, ..Late::NONE });
    let (mut client, _server) = streams(&deciding);
    assert!(client.is_waiting() && !client.wants_write());
    let ask = client.question().expect("a question");
    client.connection_mut().answer(deciding.answer(ask)).unwrap();
    client.transport_mut().take_nothing();
    assert_eq!(client.handshake().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!client.is_waiting() && client.wants_write(), "for the transport to take the last flight");
    client.transport_mut().take_all();
    assert_eq!(client.handshake().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!client.is_waiting() && !client.wants_write(), "for the server");
}

#[test]
fn closing_ends_the_wait_for_a_decision() {
    let deciding = Deciding::new(Late { verify: true, ..Late::NONE });
    let (mut client, _server) = streams(&deciding);
    client.transport_mut().take_nothing();
    assert_eq!(client.close().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert!(!client.is_waiting() && client.wants_write());
    assert!(client.question().is_none(), "nobody needs the answer");
}

#[test]
fn a_stream_is_not_taken_apart_while_it_holds_what_would_be_lost() {
    // Output that the transport did not take.
    let (mut client, mut server) = streams(&Deciding::new(Late::NONE));
    client.transport_mut().take_nothing();
    client.write_all(b"unsent").unwrap();
    let mut client = client.into_parts().map(|_| ()).unwrap_err();
    client.transport_mut().take_all();
    client.flush().unwrap();
    client.into_parts().map(|_| ()).unwrap_or_else(|_| panic!("all is sent"));

    // Data that nobody has read.
    assert_eq!(server.read(&mut [0; 2]).unwrap(), 2);
    let mut server = server.into_parts().map(|_| ()).unwrap_err();
    let mut rest = [0; 10];
    assert_eq!(server.read(&mut rest).unwrap(), 4);
    assert_eq!(&rest[..4], b"sent");
    server.into_parts().map(|_| ()).unwrap_or_else(|_| panic!("all is read"));

    // A question that nobody has taken.
    let deciding = Deciding::new(Late { verify: true, ..Late::NONE });
    let mut client = streams(&deciding).0.into_parts().map(|_| ()).unwrap_err();
    let ask = client.question().expect("it is still there");
    let (mut connection, _, _) = client.into_parts().map_err(|_| "nothing is left").unwrap();
    connection.answer(deciding.answer(ask)).unwrap();
}
