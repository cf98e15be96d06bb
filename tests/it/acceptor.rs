//! Choosing by ClientHello: what an acceptor shows, hands back and goes on with.

use std::io::ErrorKind;
use std::sync::Arc;
use std::thread;

use tls12::message::{CipherSuite, ProtocolVersion};
use tls12::stream::TlsStream;
use tls12::{
    Acceptance, Accepted, Accepting, Acceptor, AlertDescription, ClientConnection, Error, Event, MessageLimits, NotTls,
    Reason, RecordBuffer, ServerConfig, ServerConnection, Step,
};

use crate::credentials::{Kind, identity, identity_for};
use crate::pair::{Authority, Ed25519Key, End, NAME, Pair, server_config};
use crate::rustls_peer::{client, server};
use crate::transport::Moody;

fn config() -> Arc<ServerConfig> {
    server(identity(Kind::P256)).build().unwrap()
}

/// A client whose hello is on its way.
fn with_hello() -> (Pair, Vec<u8>) {
    let mut pair = Pair::new(client().build().unwrap(), config());
    let hello = pair.client.write(&[]);
    (pair, hello)
}

/// Reads all of `input` that the acceptor takes, and leaves the rest there.
fn read(acceptor: &mut Acceptor, input: &mut Vec<u8>) -> Result<Option<Accepted>, Error> {
    loop {
        let before = input.clone();
        let Accepting { consumed, event } = acceptor.read(input)?;
        assert_eq!(*input, before, "the input stays as it is");
        input.drain(..consumed);
        match event {
            Acceptance::ClientHello(accepted) => return Ok(Some(accepted)),
            Acceptance::NeedInput { missing } => {
                assert!(consumed == 0 && missing > 0);
                return Ok(None);
            }
            Acceptance::Progress | Acceptance::Failing => {}
        }
    }
}

/// A client that this acceptor takes.
fn accepted(mut acceptor: Acceptor, hello: &[u8]) -> Accepted {
    let mut input = hello.to_vec();
    let accepted = read(&mut acceptor, &mut input).unwrap().expect("a whole ClientHello");
    assert!(input.is_empty());
    accepted
}

/// The server goes on, and the connection works in both directions.
fn goes_on(mut pair: Pair, server: ServerConnection) -> Pair {
    pair.server = End::new(server);
    pair.drive();
    pair.assert_established();
    pair.client_says(b"from the client");
    assert_eq!(pair.server.data(), b"from the client");
    pair.server_says(b"from the server");
    assert_eq!(pair.client.data(), b"from the server");
    pair
}

/// The same message in records of so many bytes each.
fn in_records_of(size: usize, hello: &[u8]) -> Vec<u8> {
    let record = |fragment: &[u8]| [&[22, 3, 1][..], &(fragment.len() as u16).to_be_bytes(), fragment].concat();
    hello[5..].chunks(size).flat_map(record).collect()
}

#[test]
fn a_client_hello_is_shown_whole_and_the_handshake_goes_on_with_the_configuration_chosen() {
    let (pair, hello) = with_hello();
    let accepted = accepted(Acceptor::new(), &hello);
    assert_eq!(accepted.client_hello().server_name(), Some(NAME));
    assert_eq!(accepted.client_hello_bytes(), &hello[9..]);
    assert_eq!(accepted.bytes(), hello);

    let chosen = server(identity(Kind::P256)).cipher_suites(&[Kind::P256.suites()[2]]).build().unwrap();
    let pair = goes_on(pair, accepted.into_connection(chosen));
    assert_eq!(pair.server.connection.cipher_suite(), Some(Kind::P256.suites()[2]));
}

#[test]
fn a_server_behind_an_acceptor_says_what_it_says_without_one() {
    let mut direct = Pair::replayable();
    direct.drive();
    for size in [1, 7, 16384] {
        let mut pair = Pair::replayable();
        let hello = pair.client.write(&[]);
        let identity = Authority::new().replayable(Arc::new(Ed25519Key::new(7)));
        let config = server_config(2).identity(identity).build().unwrap();
        let accepted = accepted(Acceptor::new(), &in_records_of(size, &hello));
        let pair = goes_on(pair, accepted.into_connection(config));
        assert!(pair.server.sent.starts_with(&direct.server.sent), "records of {size}");
    }
}

#[test]
fn a_hello_that_comes_byte_by_byte_or_in_many_records_is_the_same() {
    for size in [1, 2, 5, 50, 16384] {
        let (pair, hello) = with_hello();
        let records = in_records_of(size, &hello);
        let mut acceptor = Acceptor::new();
        let mut input = Vec::new();
        let mut found = None;
        for (index, byte) in records.iter().enumerate() {
            input.push(*byte);
            found = read(&mut acceptor, &mut input).unwrap();
            assert_eq!(found.is_some(), index + 1 == records.len(), "records of {size}, byte {index}");
        }
        let found = found.unwrap();
        assert_eq!(found.client_hello_bytes(), &hello[9..]);
        assert_eq!(found.bytes(), records, "records of {size}");
        goes_on(pair, found.into_connection(config()));
    }
}

#[test]
fn the_bytes_are_handed_back_as_they_came() {
    let (_, hello) = with_hello();
    // A warning first, and an empty record in between.
    let mut records = vec![21, 3, 1, 0, 2, 1, 90, 22, 3, 1, 0, 0];
    records.extend(in_records_of(100, &hello));
    assert_eq!(accepted(Acceptor::new(), &records).into_bytes(), records);
}

#[test]
fn what_stands_behind_the_hello_is_not_consumed() {
    let (_, hello) = with_hello();
    let early_data = b"\x17\x03\x03\x00\x0aearly data";
    let mut input = [&hello[..], early_data].concat();
    let found = read(&mut Acceptor::new(), &mut input).unwrap().unwrap();
    assert_eq!(input, early_data);
    assert_eq!([found.bytes(), &input].concat(), [&hello[..], early_data].concat());

    // To a server of TLS 1.2 it is out of order.
    let mut connection = found.into_connection(config());
    assert!(matches!(connection.read(&mut []).unwrap().event, Event::Progress));
    while connection.read(&mut input).is_ok() {}
    let reason = connection.error().unwrap().reason();
    assert!(matches!(reason, Reason::UnexpectedMessage { got: "application_data", .. }), "{reason}");
}

#[test]
fn a_record_buffer_keeps_what_the_acceptor_leaves() {
    let (mut pair, hello) = with_hello();
    let mut buffer = RecordBuffer::new();
    let mut acceptor = Acceptor::new();
    let mut left = &hello[..];
    let found = loop {
        match buffer.accept(&mut acceptor).unwrap() {
            Acceptance::ClientHello(accepted) => break accepted,
            Acceptance::NeedInput { .. } => assert!(buffer.fill_from(&mut left).unwrap() > 0),
            other => panic!("{other:?}"),
        }
    };
    assert!(buffer.unread().is_empty());
    let mut connection = found.into_connection(config());
    assert!(matches!(buffer.step(&mut connection).unwrap(), Step::Progress));
    assert!(matches!(buffer.step(&mut connection).unwrap(), Step::NeedInput));
    pair.server = End::new(connection);
    pair.drive();
    pair.assert_established();

    let mut left = &[&hello[..], b"\x17\x03\x03\x00\x01x"].concat()[..];
    let (mut buffer, mut acceptor) = (RecordBuffer::new(), Acceptor::new());
    while !matches!(buffer.accept(&mut acceptor).unwrap(), Acceptance::ClientHello(_)) {
        assert!(buffer.fill_from(&mut left).unwrap() > 0);
    }
    assert_eq!(buffer.unread(), b"\x17\x03\x03\x00\x01x");
}

#[test]
fn a_stream_reads_what_was_received_before_it() {
    let (near, mut far) = Moody::pair(&[], &[]);
    let connection = ClientConnection::new(client().build().unwrap(), NAME.try_into().unwrap()).unwrap();
    let mut client = TlsStream::new(connection, near);
    assert_eq!(client.handshake().map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    let mut buffer = RecordBuffer::new();
    assert!(buffer.fill_from(&mut far).unwrap() > 0);
    let mut server = TlsStream::with_received(ServerConnection::new(config()), far, buffer);
    for _ in 0..4 {
        _ = (server.handshake(), client.handshake());
    }
    assert!(server.connection().is_established() && client.connection().is_established());
}

#[test]
fn a_client_waits_as_long_as_the_application_likes_and_on_whichever_thread() {
    let (pair, hello) = with_hello();
    let (mut other, other_hello) = with_hello();
    let kept = accepted(Acceptor::new(), &hello);
    // Another client comes and is served first.
    other = goes_on(other, accepted(Acceptor::new(), &other_hello).into_connection(config()));
    assert!(other.server.established());

    let choose = move || {
        let name = kept.client_hello().server_name().unwrap().to_string();
        let chosen = server(identity_for(Kind::P384, &[&name])).build().unwrap();
        kept.into_connection(chosen)
    };
    goes_on(pair, thread::spawn(choose).join().unwrap());
}

#[test]
fn clients_of_other_versions_are_shown_and_refused_by_the_configuration_alone() {
    let (_, hello) = with_hello();
    // client_version stands behind the headers of record and message.
    for (version, reason) in
        [(0x0301_u16, Some(Reason::Version { peer: ProtocolVersion::TLS_1_0 })), (0x0303, None), (0x0304, None)]
    {
        let mut hello = hello.clone();
        hello[9..11].copy_from_slice(&version.to_be_bytes());
        let found = accepted(Acceptor::new(), &hello);
        assert_eq!(found.client_hello().version, ProtocolVersion(version));
        let mut connection = found.into_connection(config());
        _ = connection.read(&mut []).unwrap();
        assert_eq!(connection.error().map(Error::reason), reason.as_ref());
    }
}

#[test]
fn a_hello_of_tls_1_3_alone_is_shown() {
    // RFC 8448 §3.
    let hello = hex::decode(
        "16030100c4010000c00303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7000006130113031302\
         010000910000000b0009000006736572766572ff01000100000a00140012001d0017001800190100010101020103010400230000\
         003300260024001d002099381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c002b000302030400\
         0d0020001e040305030603020308040805080604010501060102010402050206020202002d00020101001c00024001",
    )
    .unwrap();
    let found = accepted(Acceptor::new(), &hello);
    let versions = found.client_hello().extensions.supported_versions.unwrap();
    assert!(versions.iter().eq([ProtocolVersion::TLS_1_3]));
    assert!(found.client_hello().cipher_suites.contains(CipherSuite::TLS_AES_128_GCM_SHA256));
    let mut connection = found.into_connection(config());
    assert!(matches!(connection.read(&mut []).unwrap().event, Event::Failing));
    let reason = Reason::VersionsWithout12 { peer: vec![ProtocolVersion::TLS_1_3] };
    assert_eq!(connection.error().unwrap().reason(), &reason);
}

#[track_caller]
fn refused(mut acceptor: Acceptor, input: &[u8], alert: Option<AlertDescription>) -> Reason {
    let error = read(&mut acceptor, &mut input.to_vec()).expect_err("it is refused");
    let expected = alert.map(|alert| vec![21, 3, 3, 0, 2, alert.level().code(), alert.0]).unwrap_or_default();
    assert_eq!(acceptor.alert(), expected, "{error}");
    assert!(acceptor.alert().is_empty(), "an alert is said once");
    assert_eq!(acceptor.read(&mut [22, 3, 3, 0, 0]).expect_err("it stays refused"), error);
    assert_eq!(acceptor.end_of_input(), Err(error.clone()));
    error.reason().clone()
}

#[test]
fn what_is_no_client_hello_is_refused_with_the_alert_that_a_server_sends() {
    let (_, hello) = with_hello();
    let new = Acceptor::new;
    let reason = refused(new(), b"GET / HTTP/1.1\r\n", None);
    assert_eq!(reason, Reason::NotTls(NotTls::HttpRequest));

    let reason = refused(new(), &[22, 3, 1, 0, 4, 2, 0, 0, 0], Some(AlertDescription::UNEXPECTED_MESSAGE));
    assert!(matches!(reason, Reason::UnexpectedMessage { got: "ServerHello", expected: &["ClientHello"] }));

    let twice = [&[22, 3, 1][..], &(hello.len() as u16 - 5 + 1).to_be_bytes(), &hello[5..], &[1]].concat();
    assert_eq!(refused(new(), &twice, Some(AlertDescription::UNEXPECTED_MESSAGE)), Reason::ExcessHandshakeData);

    let cut = [&[22, 3, 1, 0, 9, 1, 0, 0, 5][..], &hello[9..14]].concat();
    let reason = refused(new(), &cut, Some(AlertDescription::DECODE_ERROR));
    assert!(matches!(reason, Reason::Malformed { message: "ClientHello", .. }));

    let alert = [21, 3, 1, 0, 2, 2, 40];
    assert_eq!(refused(new(), &alert, None), Reason::PeerAlert(AlertDescription::HANDSHAKE_FAILURE));
    let closed = [21, 3, 1, 0, 2, 1, 0];
    assert_eq!(refused(new(), &closed, Some(AlertDescription::CLOSE_NOTIFY)), Reason::ClosedInHandshake);
}

#[test]
fn a_hello_that_is_too_long_is_refused_at_its_header() {
    let mut limits = MessageLimits::server();
    limits.other = 100;
    let reason = refused(
        Acceptor::with_limits(limits),
        &[22, 3, 1, 0, 4, 1, 0, 0, 101],
        Some(AlertDescription::ILLEGAL_PARAMETER),
    );
    assert!(matches!(reason, Reason::MessageTooLong { length: 101, limit: 100, setting: "message_limits.other", .. }));
}

#[test]
fn the_limit_of_the_configuration_holds_as_well() {
    let (_, hello) = with_hello();
    let mut limits = MessageLimits::server();
    limits.other = 50;
    let config = server(identity(Kind::P256)).message_limits(limits).build().unwrap();
    let mut connection = accepted(Acceptor::new(), &hello).into_connection(config);
    assert!(matches!(connection.read(&mut []).unwrap().event, Event::Failing));
    let reason = connection.error().unwrap().reason().clone();
    assert!(matches!(reason, Reason::MessageTooLong { limit: 50, .. }), "{reason}");
}

/// Six bytes for each byte of the message, and many empty records between them.
#[test]
fn records_that_are_mostly_headers_are_capped() {
    let message = [&[1, 0, 0x20, 0][..], &[0; 8192]].concat();
    let one = |byte: &u8| [&[22, 3, 1, 0, 0].repeat(30)[..], &[22, 3, 1, 0, 1, *byte]].concat();
    let records: Vec<u8> = message.iter().flat_map(one).collect();
    let reason = refused(Acceptor::new(), &records, Some(AlertDescription::ILLEGAL_PARAMETER));
    let Reason::MessageTooLong { length, limit: 24576, setting: "message_limits.other", .. } = reason else {
        panic!("{reason}")
    };
    assert!(length <= 24576 + 6, "it was noticed late: {length}");
}

#[test]
fn the_end_of_the_transport_before_the_hello_is_truncation_and_behind_it_is_none() {
    let (_, hello) = with_hello();
    let mut acceptor = Acceptor::new();
    assert!(read(&mut acceptor, &mut hello[..20].to_vec()).unwrap().is_none());
    let error = acceptor.end_of_input().expect_err("somebody hung up");
    assert_eq!((error.reason(), error.alert()), (&Reason::Truncated, None));
    assert!(acceptor.alert().is_empty());

    let mut acceptor = Acceptor::new();
    assert!(read(&mut acceptor, &mut hello.clone()).unwrap().is_some());
    assert_eq!(acceptor.end_of_input(), Ok(()));
}

#[test]
fn an_acceptor_that_is_done_reads_nothing_more() {
    let (_, hello) = with_hello();
    let mut acceptor = Acceptor::new();
    assert!(read(&mut acceptor, &mut hello.clone()).unwrap().is_some());
    let error = acceptor.read(&mut hello.clone()).expect_err("one ClientHello");
    assert_eq!((error.reason(), error.alert()), (&Reason::AlreadyAccepted, None));
    assert_eq!(error.to_string(), "read by an acceptor that has handed its ClientHello out (in state WaitClientHello)");
}

#[test]
fn a_client_that_nobody_wants_is_told_why() {
    let (mut pair, hello) = with_hello();
    let alert = accepted(Acceptor::new(), &hello).refuse(AlertDescription::UNRECOGNIZED_NAME);
    pair.client.inbox.extend_from_slice(&alert);
    pair.client.read();
    let reason = pair.client.error().map(Error::reason);
    assert_eq!(reason, Some(&Reason::PeerAlert(AlertDescription::UNRECOGNIZED_NAME)));
}
