//! Records that are none: other protocols, heartbeats, wrong versions and lengths, changed and repeated ciphertext.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use crate::alert::AlertDescription;
use crate::error::{NotTls, Reason};
use crate::message::{CipherSuite, ContentType, ExtensionType, HandshakeType as H, ProtocolVersion, ServerHello};
use crate::testing::bench::{Bench, TO_CLIENT, TO_SERVER, each_state};
use crate::testing::identities::{P256, client_config, server_config};
use crate::testing::puppet::{Heard, Letter, suite};
use crate::testing::wire;

/// Heartbleed (CVE-2014-0160).
#[test]
fn a_heartbeat_is_refused_in_every_state() {
    for mut bench in each_state() {
        let result = bench.deliver(&wire::bare_record(ContentType::HEARTBEAT, wire::VERSION, &[1, 0x40, 0]));
        let reason = Reason::ContentType(ContentType::HEARTBEAT);
        bench.failed(result, &reason, AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn heartbeats_are_never_offered_and_never_answered() {
    let heartbeat = ExtensionType(15);
    let bench = Bench::any_client();
    let [Heard::Message(H::CLIENT_HELLO, hello)] = &bench.puppet.heard[..] else { panic!("a ClientHello") };
    let hello = crate::message::ClientHello::read(&hello[4..]).expect("a ClientHello");
    assert!(hello.extensions.all.types().all(|extension| extension != heartbeat));

    let mut bench = Bench::any_server();
    let hello = crate::testing::puppet::with_extension(&bench.puppet.client_hello(|_| ()), heartbeat.0, &[1]);
    bench.say_message(&hello).expect("an unknown extension is skipped");
    let Heard::Message(H::SERVER_HELLO, hello) = &bench.puppet.heard[0] else { panic!("a ServerHello") };
    let hello = ServerHello::read(&hello[4..]).expect("a ServerHello");
    assert!(hello.extensions.all.types().all(|extension| extension != heartbeat));
}

#[test]
fn a_record_of_an_unknown_content_type_is_refused_once_the_peer_speaks_tls() {
    for number in (0..20).chain(24..=255) {
        let mut bench = Bench::any_client();
        bench.go(&TO_CLIENT[..1]);
        let result = bench.deliver(&wire::bare_record(ContentType(number), wire::VERSION, &[0]));
        bench.failed(result, &Reason::ContentType(ContentType(number)), AlertDescription::UNEXPECTED_MESSAGE);
    }
}

#[test]
fn other_protocols_are_told_apart_and_get_no_alert() {
    for (bytes, guess) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], NotTls::HttpRequest),
        (b"CONNECT server.example:443 HTTP/1.1\r\n\r\n", NotTls::HttpProxyRequest),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NotTls::HttpResponse),
        (b"220 server.example ESMTP\r\n", NotTls::Greeting),
        (b"SSH-2.0-OpenSSH\r\n", NotTls::Bytes(*b"SSH-2")),
    ] {
        for start in [Bench::any_client, Bench::any_server] {
            let mut bench = start();
            let error = bench.deliver(bytes).expect_err("this is not TLS");
            assert_eq!((error.reason(), error.alert()), (&Reason::NotTls(guess), None));
            assert!(bench.alerts().is_empty());
            bench.stays_failed(&error);
        }
    }
}

#[test]
fn a_hello_of_ssl_2_is_refused() {
    let mut bench = Bench::any_server();
    let result = bench.deliver(&[0x80, 0x2e, 1, 3, 1, 0, 21, 0, 0, 0, 16]);
    bench.failed(result, &Reason::NotTls(NotTls::Ssl2Hello), AlertDescription::PROTOCOL_VERSION);
}

#[test]
fn a_record_of_another_version_is_refused_once_the_version_is_agreed_on() {
    for version in [0x0300, 0x0301, 0x0302, 0x0304, 0x0203, 0x0003] {
        for mut bench in
            each_state().filter(|bench| !["WaitServerHello", "WaitClientHello"].contains(&bench.real.state()))
        {
            let result = bench.deliver(&wire::bare_record(ContentType::HANDSHAKE, version, &[0; 40]));
            let reason = Reason::RecordVersion(ProtocolVersion(version));
            bench.failed(result, &reason, AlertDescription::PROTOCOL_VERSION);
        }
    }
}

#[test]
fn a_record_that_is_too_long_is_refused_at_its_header() {
    for mut bench in each_state() {
        let expansion = if bench.puppet.is_protected() { 8 + 16 } else { 0 };
        let (length, limit) = (16_384 + expansion + 1, 16_384 + expansion);
        let [high, low] = u16::try_from(length).expect("16 bits").to_be_bytes();
        let result = bench.deliver(&[22, 3, 3, high, low]);
        bench.failed(result, &Reason::RecordOverflow { length, limit }, AlertDescription::RECORD_OVERFLOW);
    }
}

/// Each connection with keys in the receiving direction, and how many records came under them already.
fn protected() -> Vec<(Bench, u64)> {
    let mut benches = Vec::new();
    for suite_id in [
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ] {
        for sequence in [0, 1] {
            let mut client = Bench::client(client_config(false, false).build().expect("a configuration"));
            client.puppet.suite = suite(suite_id);
            let config = server_config(&P256, false).cipher_suites(&[suite_id]).build().expect("a configuration");
            let mut server = Bench::server(config);
            client.go(&TO_CLIENT[..5 + usize::from(sequence == 1)]);
            server.go(&TO_SERVER[..3 + usize::from(sequence == 1)]);
            benches.extend([(client, sequence), (server, sequence)]);
        }
    }
    benches
}

#[test]
fn a_protected_record_with_any_byte_changed_is_refused() {
    let mut at = 0;
    let mut longest = 0;
    while at <= longest {
        for (mut bench, sequence) in protected() {
            let mut record = if sequence == 0 {
                bench.puppet.say(Letter::Handshake(H::FINISHED))
            } else {
                bench.puppet.say(Letter::ApplicationData)
            };
            longest = longest.max(record.len() - 6);
            // The header is covered as well, but a changed one has reasons of its own.
            let Some(byte) = record.get_mut(5 + at) else { continue };
            *byte ^= 0x80;
            let result = bench.deliver(&record);
            bench.failed(result, &Reason::BadRecordMac { sequence }, AlertDescription::BAD_RECORD_MAC);
            assert!(bench.data.is_empty());
        }
        at += 1;
    }
}

#[test]
fn a_protected_record_under_another_content_type_is_refused() {
    for (mut bench, sequence) in protected() {
        let mut record = bench.puppet.record(ContentType::HANDSHAKE, b"data");
        record[0] = ContentType::APPLICATION_DATA.0;
        let result = bench.deliver(&record);
        bench.failed(result, &Reason::BadRecordMac { sequence }, AlertDescription::BAD_RECORD_MAC);
    }
}

#[test]
fn a_protected_record_that_is_cut_or_has_no_room_for_a_tag_is_refused() {
    for keep in [0, 1, 7, 8, 15, 16, 23] {
        for (mut bench, sequence) in protected() {
            let record = bench.puppet.record(ContentType::APPLICATION_DATA, b"data");
            let cut = wire::bare_record(
                ContentType::APPLICATION_DATA,
                wire::VERSION,
                &record[5..5 + keep.min(record.len() - 6)],
            );
            let result = bench.deliver(&cut);
            bench.failed(result, &Reason::BadRecordMac { sequence }, AlertDescription::BAD_RECORD_MAC);
        }
    }
}

#[test]
fn a_record_in_the_clear_behind_change_cipher_spec_is_refused() {
    for (mut bench, sequence) in protected() {
        let finished = bench.puppet.message(H::FINISHED);
        let long_enough = [&finished[..], &[0; 24]].concat();
        let result = bench.deliver(&wire::bare_record(ContentType::HANDSHAKE, wire::VERSION, &long_enough));
        bench.failed(result, &Reason::BadRecordMac { sequence }, AlertDescription::BAD_RECORD_MAC);
    }
}

#[test]
fn records_repeated_left_out_or_swapped_are_refused() {
    for order in [[0, 1, 2], [0, 2, 1], [0, 2, 2], [0, 0, 1]] {
        for (mut bench, sequence) in protected().into_iter().filter(|(_, sequence)| *sequence == 1) {
            let records = [b"1", b"2", b"3"].map(|content| bench.puppet.record(ContentType::APPLICATION_DATA, content));
            let result = bench.deliver(&order.map(|index: usize| records[index].clone()).concat());
            if order == [0, 1, 2] {
                result.expect("nothing was changed");
                assert_eq!(bench.data, b"123");
            } else {
                let reason = Reason::BadRecordMac { sequence: sequence + 1 };
                bench.failed(result, &reason, AlertDescription::BAD_RECORD_MAC);
                assert_eq!(bench.data, b"1");
            }
        }
    }
}

/// "Nonce-disrespecting adversaries" (2016/475) found servers that repeat GCM nonces, or draw them at random.
#[test]
fn explicit_nonces_are_the_sequence_number_and_never_come_twice() {
    for suite_id in
        [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
    {
        let config = server_config(&P256, false).cipher_suites(&[suite_id]).build().expect("a configuration");
        let mut bench = Bench::server(config);
        bench.handshake();
        let mut seen = BTreeSet::new();
        // Finished was 0.
        for expected in 1_u64..200 {
            let record = bench.real.write_all(b"data");
            let [(ContentType::APPLICATION_DATA, fragment)] = &wire::records(&record)[..] else { panic!("one record") };
            let explicit = u64::from_be_bytes(*fragment.first_chunk().expect("eight bytes"));
            assert_eq!(explicit, expected);
            assert!(seen.insert(explicit));
            bench.puppet.hear(&record);
        }
        let data = bench.puppet.heard.iter().filter(|heard| **heard == Heard::Data(b"data".to_vec()));
        assert_eq!(data.count(), 199);
    }
}

#[test]
fn a_handshake_of_each_aead_and_role_ends_established() {
    for (mut bench, sequence) in protected().into_iter().filter(|(_, sequence)| *sequence == 0) {
        assert_eq!(sequence, 0);
        bench.tell(H::FINISHED);
        bench.go(&[Letter::ApplicationData; 3]);
        assert_eq!(bench.data, b"datadatadata");
        assert_eq!(bench.alerts(), vec![]);
    }
}
