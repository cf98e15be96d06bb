//! What a server must not choose: all that a ClientHello did not offer, and all that has been broken.

use alloc::string::ToString;
use alloc::vec::Vec;

use crate::alert::AlertDescription;
use crate::codec::Malformed;
use crate::config::ExtendedMasterSecret;
use crate::error::Reason;
use crate::message::{CipherSuite, ClientHello, ExtensionType, HandshakeType as H, ProtocolVersion, ServerHello};
use crate::testing::bench::Bench;
use crate::testing::identities::client_config;
use crate::testing::puppet::{Heard, Letter, with_extension};

/// A client with the settings of most tests is told this ServerHello.
#[track_caller]
fn refused(change: impl FnOnce(&mut ServerHello<'_>), reason: &Reason, alert: AlertDescription) {
    refused_by(Bench::any_client(), change, reason, alert);
}

#[track_caller]
fn refused_by(mut bench: Bench, change: impl FnOnce(&mut ServerHello<'_>), reason: &Reason, alert: AlertDescription) {
    let hello = bench.puppet.server_hello(change);
    let result = bench.say_message(&hello);
    bench.failed(result, reason, alert);
}

#[track_caller]
fn extension_refused(extension: u16, content: &[u8], reason: &Reason, alert: AlertDescription) {
    let mut bench = Bench::any_client();
    let hello = with_extension(&bench.puppet.server_hello(|_| ()), extension, content);
    let result = bench.say_message(&hello);
    bench.failed(result, reason, alert);
}

/// ROBOT, Raccoon, Logjam, FREAK, Lucky13, POODLE, Sweet32, the RC4 attacks: their suites are not in this library.
const BROKEN: [(u16, &str); 14] = [
    (0x0000, "NULL"),
    (0x0003, "RSA_EXPORT with RC4: FREAK"),
    (0x0005, "RSA with RC4"),
    (0x000a, "RSA with 3DES: Sweet32"),
    (0x0014, "DHE_RSA_EXPORT: Logjam"),
    (0x002f, "RSA with AES-CBC: ROBOT, Lucky13"),
    (0x0033, "DHE_RSA with AES-CBC: Raccoon"),
    (0x006c, "DH_anon"),
    (0x009c, "RSA with AES-GCM: ROBOT"),
    (0x009e, "DHE_RSA with AES-GCM: Raccoon"),
    (0xc013, "ECDHE_RSA with AES-CBC: Lucky13"),
    (0xc015, "ECDH_anon"),
    (0x1301, "of TLS 1.3"),
    (0x00ff, "the signalling value of RFC 5746"),
];

#[test]
fn broken_cipher_suites_are_never_offered_and_refused_when_selected() {
    let bench = Bench::any_client();
    let [Heard::Message(H::CLIENT_HELLO, hello)] = &bench.puppet.heard[..] else { panic!("a ClientHello") };
    let hello = ClientHello::read(&hello[4..]).expect("a ClientHello");
    let offered: Vec<CipherSuite> = hello.cipher_suites.iter().collect();
    assert_eq!(offered.len(), 6, "{offered:?}");
    for (suite, what) in BROKEN.map(|(suite, what)| (CipherSuite(suite), what)) {
        assert!(!offered.contains(&suite), "{what}");
        let reason = Reason::SuiteNotOffered(suite);
        refused(|hello| hello.cipher_suite = suite, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_suite_that_this_client_did_not_offer_is_refused() {
    let offered = [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384];
    let bench = Bench::client(client_config(false, false).cipher_suites(&offered).build().expect("a configuration"));
    let reason = Reason::SuiteNotOffered(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    refused_by(bench, |_| (), &reason, AlertDescription::ILLEGAL_PARAMETER);
}

/// CRIME.
#[test]
fn compression_is_never_offered_and_refused_when_selected() {
    let bench = Bench::any_client();
    let [Heard::Message(H::CLIENT_HELLO, hello)] = &bench.puppet.heard[..] else { panic!("a ClientHello") };
    assert_eq!(ClientHello::read(&hello[4..]).expect("a ClientHello").compression_methods, [0]);
    for method in [1, 64, 255] {
        let alert = AlertDescription::ILLEGAL_PARAMETER;
        refused(|hello| hello.compression_method = method, &Reason::Compression, alert);
    }
}

/// DROWN and POODLE: there is no older version to fall back to, and no later one.
#[test]
fn any_other_version_is_refused() {
    for version in [0x0002, 0x0300, 0x0301, 0x0302, 0x0304, 0x0305, 0x0403, 0xfefd] {
        let peer = ProtocolVersion(version);
        refused(|hello| hello.version = peer, &Reason::Version { peer }, AlertDescription::PROTOCOL_VERSION);
    }
}

#[test]
fn an_extension_that_was_not_offered_is_refused() {
    // max_fragment_length, trusted_ca_keys, truncated_hmac, status_request, heartbeat, SCT, client and server certificate type, padding,
    // encrypt_then_mac, token binding, session_ticket, pre_shared_key, supported_versions, cookie, key_share, NPN, GREASE,
    // unknown. What has content is encoded well.
    let scts: &[u8] = &[0, 3, 0, 1, 7];
    for (extension, content) in [
        (1, &[1][..]),
        (3, &[]),
        (4, &[]),
        (5, &[]),
        (15, &[1]),
        (18, scts),
        (19, &[0]),
        (20, &[0]),
        (21, &[]),
        (22, &[]),
        (24, &[1, 0, 1, 2]),
        (35, &[]),
        (41, &[0, 0]),
        (43, &[3, 4]),
        (44, &[0, 1, 7]),
        (51, &[0, 29]),
        (0x3374, &[]),
        (0x0a0a, &[]),
        (0xfafa, &[1]),
        (0xffff, b"anything"),
    ] {
        let reason = Reason::ExtensionNotOffered(ExtensionType(extension));
        extension_refused(extension, content, &reason, AlertDescription::UNSUPPORTED_EXTENSION);
    }
}

#[test]
fn server_name_is_only_answered_to_clients_that_sent_one() {
    let config = client_config(false, false).send_server_name(false).build().expect("a configuration");
    let reason = Reason::ExtensionNotOffered(ExtensionType::SERVER_NAME);
    let answer = |hello: &mut ServerHello<'_>| hello.extensions.server_name = true;
    refused_by(Bench::client(config), answer, &reason, AlertDescription::UNSUPPORTED_EXTENSION);
}

#[test]
fn an_extension_that_comes_twice_is_refused_known_or_not() {
    for (extension, content, name) in [
        (23, &[][..], "extended_master_secret"),
        (0xff01, &[0], "renegotiation_info"),
        (11, &[1, 0], "ec_point_formats"),
        (0xabcd, &[], "extension"),
    ] {
        let mut bench = Bench::any_client();
        let mut hello = with_extension(&bench.puppet.server_hello(|_| ()), extension, content);
        if extension == 0xabcd {
            hello = with_extension(&hello, extension, content);
        }
        let result = bench.say_message(&hello);
        let reason = Reason::Malformed { message: "ServerHello", problem: Malformed::Duplicate(name) };
        bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
    }
}

#[test]
fn bytes_behind_a_server_hello_or_within_its_extensions_are_refused() {
    let malformed = |problem| Reason::Malformed { message: "ServerHello", problem };
    let mut bench = Bench::any_client();
    let mut hello = bench.puppet.server_hello(|_| ());
    hello.push(0);
    hello[3] += 1;
    let result = bench.say_message(&hello);
    bench.failed(result, &malformed(Malformed::Trailing("ServerHello")), AlertDescription::DECODE_ERROR);

    let config = client_config(false, false).alpn_protocols([b"h2"]).build().expect("a configuration");
    let mut bench = Bench::client(config);
    let hello = with_extension(&bench.puppet.server_hello(|_| ()), 16, &[0, 3, 2, b'h', b'2', 0]);
    let result = bench.say_message(&hello);
    let problem = Malformed::Trailing("application_layer_protocol_negotiation");
    bench.failed(result, &malformed(problem), AlertDescription::DECODE_ERROR);

    for (extension, content, name) in
        [(0, &[0][..], "server_name"), (5, &[1], "status_request"), (35, b"ticket", "session_ticket")]
    {
        let reason = malformed(Malformed::Trailing(name));
        extension_refused(extension, content, &reason, AlertDescription::DECODE_ERROR);
    }
}

#[test]
fn an_application_protocol_that_was_not_offered_is_refused() {
    let config = client_config(false, false).alpn_protocols(["h2", "http/1.1"]).build().expect("a configuration");
    for name in ["h3", "http/1.0", "H2", "h", "h2c", "\u{1b}[31m"] {
        let answer = |hello: &mut ServerHello<'_>| hello.extensions.alpn = Some(name.as_bytes());
        let reason = Reason::AlpnNotOffered(name.escape_default().to_string().replace("\\u{1b}", "\\x1b"));
        refused_by(Bench::client(config.clone()), answer, &reason, AlertDescription::ILLEGAL_PARAMETER);
    }
    let reason = Reason::ExtensionNotOffered(ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION);
    let answer = |hello: &mut ServerHello<'_>| hello.extensions.alpn = Some(b"h2");
    refused(answer, &reason, AlertDescription::UNSUPPORTED_EXTENSION);
}

#[test]
fn two_application_protocols_or_none_are_refused() {
    let config = client_config(false, false).alpn_protocols(["h2", "http/1.1"]).build().expect("a configuration");
    for (content, problem) in [
        (&[0, 6, 2, b'h', b'2', 2, b'h', b'2'][..], Malformed::Trailing("protocol_name_list")),
        (&[0, 0], Malformed::Truncated("protocol_name_list")),
        (&[0, 1, 0], Malformed::Empty("protocol_name_list")),
    ] {
        let mut bench = Bench::client(config.clone());
        let hello = with_extension(&bench.puppet.server_hello(|_| ()), 16, content);
        let result = bench.say_message(&hello);
        let reason = Reason::Malformed { message: "ServerHello", problem };
        bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
    }
}

/// Prefix injection (CVE-2009-3555).
#[test]
fn renegotiation_info_of_a_server_that_believes_in_an_earlier_handshake_is_refused() {
    for verify_data in [&[0][..], &[7; 12], &[7; 24], &[7; 255]] {
        let mut bench = Bench::any_client();
        let bare = bench.puppet.server_hello(|hello| hello.extensions.renegotiation_info = None);
        let length = u8::try_from(verify_data.len()).expect("one byte");
        let hello = with_extension(&bare, 0xff01, &[&[length], verify_data].concat());
        let result = bench.say_message(&hello);
        bench.failed(result, &Reason::RenegotiationMismatch, AlertDescription::HANDSHAKE_FAILURE);
    }
}

#[test]
fn a_server_without_secure_renegotiation_is_refused_unless_the_configuration_says_otherwise() {
    let without = |hello: &mut ServerHello<'_>| hello.extensions.renegotiation_info = None;
    refused(without, &Reason::NoSecureRenegotiation, AlertDescription::HANDSHAKE_FAILURE);
    let config = client_config(false, false).require_secure_renegotiation(false).build().expect("a configuration");
    let mut bench = Bench::client(config);
    let hello = bench.puppet.server_hello(without);
    bench.say_message(&hello).expect("the configuration accepts it");
}

/// The triple handshake (RFC 7627).
#[test]
fn a_server_without_extended_master_secret_is_refused_if_it_is_required() {
    let config = client_config(false, false)
        .extended_master_secret(ExtendedMasterSecret::Required)
        .build()
        .expect("a configuration");
    let without = |hello: &mut ServerHello<'_>| hello.extensions.extended_master_secret = false;
    let alert = AlertDescription::HANDSHAKE_FAILURE;
    refused_by(Bench::client(config), without, &Reason::NoExtendedMasterSecret, alert);
}

#[test]
fn point_formats_without_the_uncompressed_one_are_refused() {
    for formats in [&[1][..], &[2], &[1, 2], &[255]] {
        let mut bench = Bench::any_client();
        let bare = bench.puppet.server_hello(|hello| hello.extensions.ec_point_formats = None);
        let length = u8::try_from(formats.len()).expect("one byte");
        let result = bench.say_message(&with_extension(&bare, 11, &[&[length], formats].concat()));
        bench.failed(result, &Reason::PointFormats, AlertDescription::ILLEGAL_PARAMETER);
    }
}

/// A server that echoes a session ID resumes nothing: there is no session, and the full handshake is due.
#[test]
fn a_session_id_in_the_answer_is_no_resumption() {
    for session_id in [&[][..], &[7; 32]] {
        let mut bench = Bench::any_client();
        let mut name = Vec::new();
        name.extend_from_slice(session_id);
        let plain = bench.puppet.server_hello(|_| ());
        let body = crate::testing::puppet::message(H::SERVER_HELLO, |w| {
            w.bytes(&plain[4..4 + 34]);
            w.vector(crate::codec::Prefix::U8, "session_id", &name);
            w.bytes(&plain[4 + 35..]);
        });
        bench.say_message(&body).expect("the server may name the session");
        assert_eq!(bench.real.state(), "WaitCertificate");
        let error = bench.say(Letter::ChangeCipherSpec).expect_err("nothing is resumed");
        bench.failed_with(&error, AlertDescription::UNEXPECTED_MESSAGE);
    }
}
