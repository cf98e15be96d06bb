//! Peers that send for ever, or announce more than anybody should hold.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use crate::alert::{AlertDescription, AlertLevel};
use crate::connection::Event;
use crate::error::Reason;
use crate::message::{ContentType, HandshakeType as H, SignatureScheme};
use crate::record::MessageLimits;
use crate::testing::bench::{Bench, Start, TO_CLIENT, TO_SERVER, each_state};
use crate::testing::identities::{ED25519, P256, client_config, server_config};
use crate::testing::puppet::Letter;

const HELLO_REQUEST: Letter = Letter::Handshake(H::HELLO_REQUEST);
const REFUSAL: (u8, AlertDescription) = (1, AlertDescription::NO_RENEGOTIATION);

#[test]
fn a_flood_of_hello_requests_is_capped_in_every_state_of_a_client() {
    for mut bench in each_state().filter(Bench::is_client) {
        let established = bench.real.is_established();
        for _ in 0..8 {
            bench.say(HELLO_REQUEST).expect("not too many yet");
        }
        let expected = if established { vec![REFUSAL; 8] } else { vec![] };
        assert_eq!(bench.alerts(), expected, "refused in traffic, ignored in a handshake");
        let result = bench.say(HELLO_REQUEST);
        let reason = Reason::TooManyHelloRequests { limit: 8 };
        bench.failed(result, &reason, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn hello_requests_in_one_record_are_capped_alike() {
    let mut bench = Bench::any_client();
    bench.handshake();
    let result = bench.send(ContentType::HANDSHAKE, &[0; 4 * 4000]);
    bench.failed(result, &Reason::TooManyHelloRequests { limit: 8 }, AlertDescription::UNEXPECTED_MESSAGE);
    assert_eq!(bench.alerts().len(), 9, "as many refusals as in records of their own, and the end");
}

/// Connections to which this is a request to renegotiate.
fn asked_to_renegotiate() -> [(Start, H); 2] {
    [(Bench::any_client, H::HELLO_REQUEST), (Bench::any_server, H::CLIENT_HELLO)]
}

#[test]
fn a_request_to_renegotiate_in_parts_is_one_request_wherever_it_is_cut() {
    for (start, request) in asked_to_renegotiate() {
        let whole = |bench: &mut Bench| {
            bench.handshake();
            bench.puppet.message(request)
        };
        for cut in 1..whole(&mut start()).len() {
            let mut bench = start();
            let message = whole(&mut bench);
            let (first, rest) = message.split_at(cut);
            bench.send(ContentType::HANDSHAKE, first).expect("part of a request");
            bench.send(ContentType::HANDSHAKE, &[]).expect("nothing more of it");
            assert_eq!(bench.alerts(), [], "cut at {cut}: it is not whole");
            bench.send(ContentType::HANDSHAKE, rest).expect("the rest of it");
            assert_eq!(bench.alerts(), [REFUSAL], "cut at {cut}");
            bench.say(Letter::ApplicationData).expect("the connection goes on");
            assert_eq!(bench.data, b"data");
        }
    }
}

#[test]
fn data_within_a_request_to_renegotiate_is_refused_and_an_empty_record_begins_none() {
    for (start, request) in asked_to_renegotiate() {
        let mut bench = start();
        bench.handshake();
        bench.send(ContentType::HANDSHAKE, &[]).expect("nothing");
        bench.say(Letter::ApplicationData).expect("nothing is under way");
        assert_eq!((bench.alerts(), &bench.data[..]), (vec![], &b"data"[..]));
        let message = bench.puppet.message(request);
        bench.send(ContentType::HANDSHAKE, &message[..3]).expect("part of a request");
        let error = bench.say(Letter::ApplicationData).expect_err("it is out of place");
        assert!(matches!(error.reason(), Reason::UnexpectedMessage { got: "application_data", .. }), "{error}");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
        assert_eq!(bench.data, b"data", "no more than before");
    }
}

#[test]
fn of_two_requests_in_one_record_and_part_of_a_third_each_is_refused_by_itself() {
    for (start, request) in asked_to_renegotiate() {
        let mut bench = start();
        bench.handshake();
        let message = bench.puppet.message(request);
        let (first, rest) = message.split_at(3);
        let mut record = bench.puppet.record(ContentType::HANDSHAKE, &[&message, &message, first].concat());
        let length = record.len();
        for (consumed, refusals) in [(length, 1), (0, 2)] {
            let received = bench.real.read(&mut record).expect("a request");
            assert!(matches!(received.event, Event::Progress), "{:?}", received.event);
            assert_eq!(received.consumed, consumed);
            record.drain(..consumed);
            bench.listen();
            assert_eq!(bench.alerts(), vec![REFUSAL; refusals]);
        }
        let event = bench.real.read(&mut []).expect("no whole request").event;
        assert!(matches!(event, Event::NeedInput { missing: 5 }), "{event:?}");
        bench.send(ContentType::HANDSHAKE, rest).expect("the rest of the third");
        assert_eq!(bench.alerts(), [REFUSAL; 3]);
        bench.say(Letter::ApplicationData).expect("the connection goes on");
        assert_eq!(bench.data, b"data");
    }
}

/// CVE-2021-3449 dereferenced a pointer that only the first hello had set.
#[test]
fn a_client_hello_in_traffic_is_refused_with_and_without_each_extension() {
    type Change = fn(&mut crate::message::ClientHello<'_>);
    let changes: [Change; 10] = [
        |_| (),
        |hello| hello.extensions = crate::message::ClientExtensions::default(),
        |hello| hello.extensions.signature_algorithms = None,
        |hello| hello.extensions.supported_groups = None,
        |hello| hello.extensions.server_name = None,
        |hello| hello.extensions.ec_point_formats = None,
        |hello| hello.extensions.renegotiation_info = None,
        |hello| hello.extensions.renegotiation_info = Some(&[7; 12]),
        |hello| hello.extensions.extended_master_secret = false,
        |hello| hello.cipher_suites = [crate::message::CipherSuite(0x0005)].as_slice().into(),
    ];
    for change in changes {
        let mut bench = Bench::any_server();
        bench.handshake();
        let hello = bench.puppet.client_hello(change);
        bench.say_message(&hello).expect("a request that is refused is no error");
        assert_eq!(bench.alerts(), [REFUSAL]);
        bench.say(Letter::ApplicationData).expect("the connection goes on");
        assert_eq!(bench.data, b"data");
    }
}

#[test]
fn a_flood_of_client_hellos_in_traffic_is_capped() {
    let mut bench = Bench::any_server();
    bench.handshake();
    for _ in 0..8 {
        bench.tell(H::CLIENT_HELLO);
    }
    assert_eq!(bench.alerts(), vec![REFUSAL; 8]);
    let result = bench.say(Letter::Handshake(H::CLIENT_HELLO));
    bench.failed(result, &Reason::TooManyHelloRequests { limit: 8 }, AlertDescription::UNEXPECTED_MESSAGE);
}

#[test]
fn data_clears_the_count_of_hello_requests_and_empty_records_do_not() {
    let mut bench = Bench::any_client();
    bench.handshake();
    for _ in 0..20 {
        bench.go(&[HELLO_REQUEST, Letter::ApplicationData]);
    }
    for _ in 0..8 {
        bench.go(&[HELLO_REQUEST]);
        bench.send(ContentType::APPLICATION_DATA, &[]).expect("not too many yet");
    }
    let result = bench.say(HELLO_REQUEST);
    bench.failed(result, &Reason::TooManyHelloRequests { limit: 8 }, AlertDescription::UNEXPECTED_MESSAGE);
}

#[test]
fn nobody_is_refused_a_renegotiation_behind_our_close_notify() {
    let mut bench = Bench::any_client();
    bench.handshake();
    bench.real.close();
    bench.go(&[HELLO_REQUEST]);
    assert_eq!(bench.alerts(), [(1, AlertDescription::CLOSE_NOTIFY)]);
}

#[test]
fn a_flood_of_warnings_is_capped_in_every_state() {
    for mut bench in each_state() {
        for _ in 0..4 {
            bench.send_alert(AlertLevel::Warning, AlertDescription::USER_CANCELED).expect("not too many yet");
        }
        let result = bench.send_alert(AlertLevel::Warning, AlertDescription::UNRECOGNIZED_NAME);
        bench.failed(result, &Reason::TooManyWarningAlerts { limit: 4 }, AlertDescription::DECODE_ERROR);
    }
}

#[test]
fn a_flood_of_empty_records_is_capped_in_every_state() {
    for mut bench in each_state() {
        for _ in 0..32 {
            bench.send(ContentType::HANDSHAKE, &[]).expect("not too many yet");
        }
        let result = bench.send(ContentType::HANDSHAKE, &[]);
        bench.failed(result, &Reason::TooManyEmptyRecords { limit: 32 }, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn empty_records_of_data_are_capped_alike() {
    for mut bench in each_state().filter(|bench| bench.real.is_established()) {
        for round in 0..3 {
            for _ in 0..32 {
                bench.send(ContentType::APPLICATION_DATA, &[]).expect("not too many yet");
            }
            bench.say(Letter::ApplicationData).expect("data clears the count");
            assert_eq!(bench.data.len(), 4 * (round + 1));
        }
        for _ in 0..32 {
            bench.send(ContentType::APPLICATION_DATA, &[]).expect("not too many yet");
        }
        let result = bench.send(ContentType::APPLICATION_DATA, &[]);
        bench.failed(result, &Reason::TooManyEmptyRecords { limit: 32 }, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn warnings_and_empty_records_do_not_hide_each_other() {
    let mut bench = Bench::any_server();
    bench.handshake();
    let mut said = 0;
    let error = loop {
        said += 1;
        let warning = bench.send_alert(AlertLevel::Warning, AlertDescription::USER_CANCELED);
        if let Err(error) = warning.and_then(|()| bench.send(ContentType::APPLICATION_DATA, &[])) {
            break error;
        }
        assert!(said < 10, "it has to end");
    };
    assert_eq!(error.reason(), &Reason::TooManyWarningAlerts { limit: 4 });
    bench.failed_with(&error, AlertDescription::DECODE_ERROR);
}

/// Each message where it is expected, with the limits that count there: the connection, what went before, the message.
fn places() -> Vec<(Start, Vec<Letter>, H)> {
    let mut places: Vec<(Start, Vec<Letter>, H)> = Vec::new();
    let starts: [(Start, &[Letter]); 2] = [(Bench::any_client, TO_CLIENT), (Bench::any_server, TO_SERVER)];
    for (start, letters) in starts {
        for (index, letter) in letters.iter().enumerate() {
            if let Letter::Handshake(message) = letter {
                places.push((start, letters[..index].to_vec(), *message));
            }
        }
    }
    places.push((Bench::any_client, TO_CLIENT[..3].to_vec(), H::CERTIFICATE_REQUEST));
    places.push((Bench::any_client, TO_CLIENT[..2].to_vec(), H::HELLO_REQUEST));
    places.push((Bench::any_client, TO_CLIENT.to_vec(), H::HELLO_REQUEST));
    places.push((Bench::any_server, TO_SERVER.to_vec(), H::CLIENT_HELLO));
    places
}

fn header(message: H, length: usize) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(length).expect("24 bits").to_be_bytes();
    [&[message.0][..], &length].concat()
}

/// Whether this length is refused at the header, and by which limit; that the error names the setting.
fn limit_at(bench: &mut Bench, message: H, length: usize) -> Option<(usize, &'static str)> {
    let error = bench.send(ContentType::HANDSHAKE, &header(message, length)).err()?;
    let Reason::MessageTooLong { message: named, length: said, limit, setting } = *error.reason() else {
        panic!("another reason: {error}")
    };
    assert_eq!((named, said), (message, length));
    assert!(error.to_string().contains(setting), "{error}");
    bench.failed_with(&error, AlertDescription::ILLEGAL_PARAMETER);
    Some((limit, setting))
}

#[test]
fn each_message_is_capped_at_its_header_and_the_error_names_the_setting() {
    for (start, before, message) in places() {
        let at = |length| {
            let mut bench = start();
            // Its signatures have the same length each time.
            bench.puppet.identity = ED25519.clone();
            bench.go(&before);
            limit_at(&mut bench, message, length)
        };
        let (limit, setting) = at(0xff_ffff).expect("sixteen megabytes are too long for any");
        match message {
            H::CERTIFICATE => assert_eq!((limit, setting), (32 << 10, "message_limits.certificate")),
            // What went before is part of the sum, but for HelloRequest.
            _ => assert!(limit <= 8 << 10 && limit > 7 << 10 && setting == "message_limits.other", "{message}"),
        }
        assert_eq!(at(limit + 1), Some((limit, setting)), "{message}");
        assert_eq!(at(limit), None, "{message}: as much as is allowed is waited for");
    }
}

#[test]
fn a_certificate_status_is_capped_alike() {
    let promised = || {
        let mut bench = Bench::client(client_config(true, false).build().expect("a configuration"));
        bench.puppet.status_request = true;
        bench.go(&TO_CLIENT[..2]);
        bench
    };
    let limit = (8 << 10, "message_limits.certificate_status");
    assert_eq!(limit_at(&mut promised(), H::CERTIFICATE_STATUS, limit.0 + 1), Some(limit));
    assert_eq!(limit_at(&mut promised(), H::CERTIFICATE_STATUS, limit.0), None);
}

#[test]
fn the_caps_are_those_of_the_configuration() {
    let limits = MessageLimits { certificate: 100, certificate_status: 50, other: 400 };
    let client = || Bench::client(client_config(true, false).message_limits(limits).build().expect("a configuration"));
    let other = Some((400, "message_limits.other"));
    assert_eq!(limit_at(&mut client(), H::SERVER_HELLO, 401), other);
    let mut server =
        Bench::server(server_config(&P256, false).message_limits(limits).build().expect("a configuration"));
    assert_eq!(limit_at(&mut server, H::CLIENT_HELLO, 401), other);
    let mut bench = client();
    bench.tell(H::SERVER_HELLO);
    assert_eq!(limit_at(&mut bench, H::CERTIFICATE, 101), Some((100, "message_limits.certificate")));
}

#[test]
fn the_other_messages_of_a_handshake_are_capped_together() {
    let mut bench = Bench::any_client();
    let hello = bench.puppet.server_hello(|_| ());
    bench.say_message(&hello).expect("a ServerHello");
    bench.tell(H::CERTIFICATE);
    let left = 8192 - (hello.len() - 4);
    let limit = limit_at(&mut bench, H::SERVER_KEY_EXCHANGE, left + 1);
    assert_eq!(limit, Some((left, "message_limits.other")));
}

/// A hello of the largest size that is allowed, filled with extensions that nobody knows.
#[test]
fn a_hello_full_of_unknown_extensions_is_answered_as_any_other() {
    let mut bench = Bench::any_server();
    let mut hello = bench.puppet.client_hello(|_| ());
    // Unknown extensions 0x4000, 0x4001, …, until the limit of 8192 bytes is reached.
    let mut block = Vec::new();
    let room = 8192 - (hello.len() - 4);
    for number in (0x4000_u16..).take(room / 4) {
        block.extend(number.to_be_bytes());
        block.extend([0, 0]);
    }
    let (length_at, old) = extension_block(&hello);
    let new = u16::try_from(old + block.len()).expect("fits");
    hello[length_at..length_at + 2].copy_from_slice(&new.to_be_bytes());
    hello.extend(&block);
    let body = hello.len() - 4;
    hello.splice(0..4, header(H::CLIENT_HELLO, body));
    bench.say_message(&hello).expect("unknown extensions are skipped");
    assert_eq!(bench.real.state(), "WaitClientKeyExchange");
}

/// Where the length of the extensions stands in our puppet's ClientHello, and what it says.
fn extension_block(hello: &[u8]) -> (usize, usize) {
    let suites = 4 + 2 + 32 + 1;
    let compression = suites + 2 + usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    let block = compression + 1 + usize::from(hello[compression]);
    (block, usize::from(u16::from_be_bytes([hello[block], hello[block + 1]])))
}

#[test]
fn a_long_certificate_in_fragments_of_one_byte_is_held_no_longer_than_its_cap() {
    let config = client_config(false, false)
        .message_limits(MessageLimits { certificate: 300, ..MessageLimits::client() })
        .signature_schemes(&[SignatureScheme::ECDSA_SECP256R1_SHA256])
        .build()
        .expect("a configuration");
    let mut bench = Bench::client(config);
    bench.go(&TO_CLIENT[..1]);
    let certificate = bench.puppet.message(H::CERTIFICATE);
    assert!(certificate.len() > 304);
    let mut sent = 0;
    let error = certificate.iter().find_map(|byte| {
        sent += 1;
        bench.send(ContentType::HANDSHAKE, &[*byte]).err()
    });
    let error = error.expect("too long");
    assert_eq!(sent, 4, "refused with the last byte of the header");
    bench.failed_with(&error, AlertDescription::ILLEGAL_PARAMETER);
}
