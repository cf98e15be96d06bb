//! What a server must not take a client up on, and what it must not answer.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::alert::AlertDescription;
use crate::codec::Malformed;
use crate::config::ExtendedMasterSecret;
use crate::crypto::{Random, RandomError};
use crate::error::Reason;
use crate::identity::Identities;
use crate::message::{
    CipherSuite, ClientExtensions, ClientHello, ExtensionType, HandshakeType as H, NamedGroup, ProtocolVersion,
    ServerHello, SignatureScheme,
};
use crate::testing::bench::{Bench, TO_SERVER};
use crate::testing::identities::{ED25519, P256, client_config, server_config, server_name};
use crate::testing::puppet::{Heard, Letter, message, with_extension};
use crate::{ClientConnection, ServerConfig};

/// A server with the settings of most tests is told this ClientHello.
#[track_caller]
fn refused(
    change: impl FnOnce(&mut ClientHello<'_>),
    is_expected: impl FnOnce(&Reason) -> bool,
    alert: AlertDescription,
) {
    refused_by(Bench::any_server(), change, is_expected, alert);
}

#[track_caller]
fn refused_by(
    mut bench: Bench,
    change: impl FnOnce(&mut ClientHello<'_>),
    is_expected: impl FnOnce(&Reason) -> bool,
    alert: AlertDescription,
) {
    let hello = bench.puppet.client_hello(change);
    let error = bench.say_message(&hello).expect_err("it is refused");
    assert!(is_expected(error.reason()), "{error:?}");
    bench.failed_with(&error, alert);
    assert!(!bench.puppet.heard.iter().any(|heard| matches!(heard, Heard::Message(..))), "no message was sent");
}

#[test]
fn a_client_of_an_older_version_is_refused() {
    for version in [0x0002, 0x0300, 0x0301, 0x0302] {
        let peer = ProtocolVersion(version);
        let expected = |reason: &Reason| *reason == Reason::Version { peer };
        refused(|hello| hello.version = peer, expected, AlertDescription::PROTOCOL_VERSION);
    }
}

/// POODLE: somebody in between breaks handshakes until the client tries a version that he can break.
#[test]
fn a_client_that_falls_back_to_a_lower_version_is_told_so_and_one_of_our_version_is_not() {
    const FALLBACK: &[CipherSuite] =
        &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_FALLBACK_SCSV];
    let mut bench = Bench::any_server();
    let hello = bench.puppet.client_hello(|hello| {
        hello.version = ProtocolVersion::TLS_1_1;
        hello.cipher_suites = FALLBACK.into();
    });
    let result = bench.say_message(&hello);
    let reason = Reason::InappropriateFallback { peer: ProtocolVersion::TLS_1_1 };
    bench.failed(result, &reason, AlertDescription::INAPPROPRIATE_FALLBACK);

    let mut bench = Bench::any_server();
    let hello = bench.puppet.client_hello(|hello| hello.cipher_suites = FALLBACK.into());
    bench.say_message(&hello).expect("TLS 1.2 is the highest that we speak");
}

/// RFC 7507 §3, RFC 8446 §4.1.3.
#[test]
fn a_client_that_falls_back_to_1_2_is_told_so_where_our_sibling_speaks_1_3() {
    const FALLBACK: &[CipherSuite] =
        &[CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_FALLBACK_SCSV];
    const BOTH: &[ProtocolVersion] = &[ProtocolVersion::TLS_1_3, ProtocolVersion::TLS_1_2];
    let versions: [(u16, Option<&'static [ProtocolVersion]>, bool); 5] = [
        (0x0303, None, true),
        (0x0303, Some(&[ProtocolVersion::TLS_1_2]), true),
        (0x0303, Some(BOTH), false),
        (0x0304, None, false),
        (0x0304, Some(&[ProtocolVersion::TLS_1_2]), true),
    ];
    for (version, supported, falls_back) in versions {
        for sibling in [true, false] {
            let config = server_config(&P256, false).sibling_speaks_tls13(sibling);
            let mut bench = Bench::server(config.build().expect("a configuration"));
            let hello = bench.puppet.client_hello(|hello| {
                hello.version = ProtocolVersion(version);
                hello.cipher_suites = FALLBACK.into();
                hello.extensions.supported_versions = supported.map(Into::into);
            });
            let result = bench.say_message(&hello);
            if sibling && falls_back {
                let reason = Reason::InappropriateFallback { peer: ProtocolVersion::TLS_1_2 };
                bench.failed(result, &reason, AlertDescription::INAPPROPRIATE_FALLBACK);
            } else {
                result.unwrap_or_else(|error| panic!("{version:#06x}, {supported:?}: {error}"));
            }
        }
    }
}

#[test]
fn a_client_whose_supported_versions_leave_out_ours_is_refused() {
    for versions in [&[0x0304][..], &[0x0304, 0x0a0a], &[0x0303 - 1, 0x0301], &[0x0a0a]] {
        let versions: Vec<ProtocolVersion> = versions.iter().copied().map(ProtocolVersion).collect();
        let mut bench = Bench::any_server();
        let mut content = vec![u8::try_from(2 * versions.len()).expect("one byte")];
        versions.iter().for_each(|version| content.extend(version.0.to_be_bytes()));
        let hello = with_extension(&bench.puppet.client_hello(|_| ()), 43, &content);
        let result = bench.say_message(&hello);
        bench.failed(result, &Reason::VersionsWithout12 { peer: versions }, AlertDescription::PROTOCOL_VERSION);
    }
}

#[test]
fn a_client_that_also_speaks_1_3_or_names_a_higher_version_is_answered_with_1_2() {
    for (version, versions) in
        [(0x0303, &[0x0304, 0x0303][..]), (0x0303, &[0x1a1a, 0x0304, 0x0303, 0x0302]), (0x0304, &[]), (0x0399, &[])]
    {
        let mut bench = Bench::any_server();
        let mut hello = bench.puppet.client_hello(|hello| hello.version = ProtocolVersion(version));
        if !versions.is_empty() {
            let mut content = vec![u8::try_from(2 * versions.len()).expect("one byte")];
            versions.iter().for_each(|version: &u16| content.extend(version.to_be_bytes()));
            hello = with_extension(&hello, 43, &content);
        }
        bench.say_message(&hello).expect("a client that speaks 1.2");
        let hello = server_hello(&bench);
        let hello = ServerHello::read(&hello).expect("a ServerHello");
        assert_eq!(hello.version, ProtocolVersion::TLS_1_2);
        assert!(!hello.extensions.all.types().any(|extension| extension == ExtensionType::SUPPORTED_VERSIONS));
    }
}

/// The body of the ServerHello that the puppet heard.
fn server_hello(bench: &Bench) -> Vec<u8> {
    let hello = |heard: &Heard| match heard {
        Heard::Message(H::SERVER_HELLO, message) => Some(message[4..].to_vec()),
        _ => None,
    };
    bench.puppet.heard.iter().find_map(hello).expect("a ServerHello")
}

#[test]
fn a_client_that_insists_on_compression_is_refused() {
    for methods in [&[1][..], &[1, 64], &[255]] {
        let expected = |reason: &Reason| *reason == Reason::Compression;
        // A copy with the lifetime of the hello.
        let methods: &'static [u8] = methods.to_vec().leak();
        refused(|hello| hello.compression_methods = methods, expected, AlertDescription::ILLEGAL_PARAMETER);
    }
}

#[test]
fn a_client_with_broken_cipher_suites_alone_is_refused() {
    const BROKEN: &[CipherSuite] = &[
        CipherSuite(0x0003),
        CipherSuite(0x0005),
        CipherSuite(0x000a),
        CipherSuite(0x002f),
        CipherSuite(0x0033),
        CipherSuite(0x009c),
        CipherSuite(0x009e),
        CipherSuite(0xc013),
        CipherSuite(0x1301),
        CipherSuite(0x00ff),
    ];
    let expected = |reason: &Reason| match reason {
        Reason::NoCommonCipherSuite { ours, peer } => ours.len() == 3 && peer == BROKEN,
        _ => false,
    };
    refused(|hello| hello.cipher_suites = BROKEN.into(), expected, AlertDescription::HANDSHAKE_FAILURE);
}

#[test]
fn a_client_whose_suites_fit_another_certificate_alone_is_refused() {
    const RSA_ALONE: &[CipherSuite] = &[CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    let expected = |reason: &Reason| matches!(reason, Reason::NoCommonCipherSuite { peer, .. } if peer == RSA_ALONE);
    refused(|hello| hello.cipher_suites = RSA_ALONE.into(), expected, AlertDescription::HANDSHAKE_FAILURE);
}

/// SLOTH.
#[test]
fn a_client_that_verifies_sha1_and_md5_alone_is_refused() {
    const OLD: &[SignatureScheme] =
        &[SignatureScheme(0x0201), SignatureScheme(0x0203), SignatureScheme(0x0101), SignatureScheme(0x0303)];
    let expected = |reason: &Reason| matches!(reason, Reason::NoCommonSignatureScheme { peer, .. } if peer == OLD);
    let old = |hello: &mut ClientHello<'_>| hello.extensions.signature_algorithms = Some(OLD.into());
    refused(old, expected, AlertDescription::HANDSHAKE_FAILURE);
}

/// RFC 5246 §7.4.1.4.1 would have the server fall back to SHA-1.
#[test]
fn a_client_without_signature_algorithms_is_refused_rather_than_given_sha1() {
    let expected = |reason: &Reason| matches!(reason, Reason::NoCommonSignatureScheme { peer, .. } if peer.is_empty());
    let without = |hello: &mut ClientHello<'_>| hello.extensions.signature_algorithms = None;
    refused(without, expected, AlertDescription::HANDSHAKE_FAILURE);
}

#[test]
fn a_client_without_any_extension_is_refused() {
    let expected =
        |reason: &Reason| matches!(reason, Reason::NoCommonSignatureScheme { .. } | Reason::NoCommonGroup { .. });
    let without = |hello: &mut ClientHello<'_>| hello.extensions = ClientExtensions::default();
    refused(without, expected, AlertDescription::HANDSHAKE_FAILURE);
}

#[test]
fn a_client_with_none_of_our_groups_is_refused() {
    const OTHERS: &[NamedGroup] = &[NamedGroup::X448, NamedGroup(0x0100), NamedGroup(0x1a1a)];
    let expected = |reason: &Reason| matches!(reason, Reason::NoCommonGroup { peer, .. } if peer == OTHERS);
    let change = |hello: &mut ClientHello<'_>| hello.extensions.supported_groups = Some(OTHERS.into());
    // A key on no curve, so that the groups of the key exchange alone count.
    let bench = Bench::server(server_config(&ED25519, false).build().expect("a configuration"));
    refused_by(bench, change, expected, AlertDescription::HANDSHAKE_FAILURE);
}

/// RFC 8422 §4 leaves the choice to the server.
#[test]
fn a_client_without_supported_groups_gets_p256_and_no_weaker_group() {
    let mut bench = Bench::any_server();
    let hello = bench.puppet.client_hello(|hello| hello.extensions.supported_groups = None);
    bench.say_message(&hello).expect("an old client");
    assert_eq!(bench.puppet.group, NamedGroup::SECP256R1);
    bench.go(&TO_SERVER[1..]);
    assert!(bench.real.is_established());
}

#[test]
fn a_client_without_the_uncompressed_point_format_is_refused() {
    let expected = |reason: &Reason| *reason == Reason::PointFormats;
    let compressed = |hello: &mut ClientHello<'_>| hello.extensions.ec_point_formats = Some(&[1, 2]);
    refused(compressed, expected, AlertDescription::ILLEGAL_PARAMETER);
}

/// Prefix injection (CVE-2009-3555).
#[test]
fn renegotiation_info_of_a_client_that_believes_in_an_earlier_handshake_is_refused() {
    for verify_data in [&[0][..], &[7; 12], &[7; 36]] {
        let verify_data: &'static [u8] = verify_data.to_vec().leak();
        let expected = |reason: &Reason| *reason == Reason::RenegotiationMismatch;
        let change = |hello: &mut ClientHello<'_>| hello.extensions.renegotiation_info = Some(verify_data);
        refused(change, expected, AlertDescription::HANDSHAKE_FAILURE);
    }
}

#[test]
fn secure_renegotiation_is_signalled_by_the_extension_or_the_suite_and_answered_to_both() {
    const WITH_SCSV: &[CipherSuite] =
        &[CipherSuite::TLS_EMPTY_RENEGOTIATION_INFO_SCSV, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256];
    for (extension, scsv, answered) in
        [(true, false, true), (false, true, true), (true, true, true), (false, false, false)]
    {
        let mut bench = Bench::any_server();
        let hello = bench.puppet.client_hello(|hello| {
            hello.extensions.renegotiation_info = extension.then_some(&[]);
            hello.cipher_suites = if scsv { WITH_SCSV.into() } else { WITH_SCSV[1..].into() };
        });
        bench.say_message(&hello).expect("a client of any kind");
        let hello = server_hello(&bench);
        let hello = ServerHello::read(&hello).expect("a ServerHello");
        assert_eq!(hello.extensions.renegotiation_info, answered.then_some(&[][..]));
    }
    let config = server_config(&P256, false).require_secure_renegotiation(true).build().expect("a configuration");
    let without = |hello: &mut ClientHello<'_>| hello.extensions.renegotiation_info = None;
    let expected = |reason: &Reason| *reason == Reason::NoSecureRenegotiation;
    refused_by(Bench::server(config), without, expected, AlertDescription::HANDSHAKE_FAILURE);
}

#[test]
fn a_client_without_extended_master_secret_is_refused_if_it_is_required() {
    let config = server_config(&P256, false)
        .extended_master_secret(ExtendedMasterSecret::Required)
        .build()
        .expect("a configuration");
    let without = |hello: &mut ClientHello<'_>| hello.extensions.extended_master_secret = false;
    let expected = |reason: &Reason| *reason == Reason::NoExtendedMasterSecret;
    refused_by(Bench::server(config), without, expected, AlertDescription::HANDSHAKE_FAILURE);
}

/// ALPACA.
#[test]
fn a_client_of_another_application_protocol_is_refused() {
    let config = server_config(&P256, false).alpn_protocols(["h2", "http/1.1"]).build().expect("a configuration");
    let mut bench = Bench::server(config);
    let hello = with_extension(&bench.puppet.client_hello(|_| ()), 16, b"\0\x0c\x03ftp\x07imap\xff\n.");
    let result = bench.say_message(&hello);
    let reason = Reason::NoCommonAlpnProtocol {
        ours: vec!["h2".into(), "http/1.1".into()],
        peer: vec!["ftp".into(), "imap\\xff\\n.".into()],
    };
    bench.failed(result, &reason, AlertDescription::NO_APPLICATION_PROTOCOL);
}

/// ALPACA.
#[test]
fn a_strict_server_shows_no_certificate_to_a_client_that_asks_for_another_host_or_none() {
    let identity = || P256.clone().with_names([crate::testing::identities::NAME]).expect("a DNS name");
    let strict = || {
        let resolver = Arc::new(Identities::new([identity()]).strict());
        let config: Arc<ServerConfig> = ServerConfig::builder().resolver(resolver).build().expect("a configuration");
        Bench::server(config)
    };
    for name in [None, Some(&b"other.example"[..]), Some(b"server.example.evil"), Some(b"\xff\xfe")] {
        let server_name = name.and_then(|name| core::str::from_utf8(name).ok()).map(Into::into);
        let alert = match server_name {
            Some(_) => AlertDescription::UNRECOGNIZED_NAME,
            None => AlertDescription::HANDSHAKE_FAILURE,
        };
        let expected = |reason: &Reason| *reason == Reason::NoIdentity { server_name };
        let change = |hello: &mut ClientHello<'_>| hello.extensions.server_name = name;
        refused_by(strict(), change, expected, alert);
    }
    let mut bench = strict();
    bench.tell(H::CLIENT_HELLO);
}

#[test]
fn an_extension_that_comes_twice_is_refused_known_or_not() {
    for (extension, content, name) in [
        (23, &[][..], "extended_master_secret"),
        (0xff01, &[0], "renegotiation_info"),
        (0, &[0, 4, 0, 0, 1, b'a'], "server_name"),
        (13, &[0, 2, 4, 3], "signature_algorithms"),
        (10, &[0, 2, 0, 29], "supported_groups"),
        (0xabcd, &[], "extension"),
        (0x0a0a, &[], "extension"),
    ] {
        let mut bench = Bench::any_server();
        let mut hello = with_extension(&bench.puppet.client_hello(|_| ()), extension, content);
        if name == "extension" {
            hello = with_extension(&hello, extension, content);
        }
        let result = bench.say_message(&hello);
        let reason = Reason::Malformed { message: "ClientHello", problem: Malformed::Duplicate(name) };
        bench.failed(result, &reason, AlertDescription::DECODE_ERROR);
    }
}

#[test]
fn bytes_behind_each_message_of_a_client_are_refused() {
    let trailing = |message| Reason::Malformed { message, problem: Malformed::Trailing(message) };
    let mut bench = Bench::any_server();
    let hello = bench.puppet.message(H::CLIENT_HELLO);
    let longer = message(H::CLIENT_HELLO, |w| w.bytes(&[&hello[4..], &[0]].concat()));
    let result = bench.say_message(&longer);
    bench.failed(result, &trailing("ClientHello"), AlertDescription::DECODE_ERROR);

    let mut bench = Bench::any_server();
    bench.tell(H::CLIENT_HELLO);
    let keys = bench.puppet.message(H::CLIENT_KEY_EXCHANGE);
    let longer = message(H::CLIENT_KEY_EXCHANGE, |w| w.bytes(&[&keys[4..], &[0]].concat()));
    let result = bench.say_message(&longer);
    bench.failed(result, &trailing("ClientKeyExchange"), AlertDescription::DECODE_ERROR);
}

#[test]
fn a_server_answers_no_extension_that_was_not_offered() {
    let mut bench = Bench::any_server();
    let hello = bench.puppet.client_hello(|hello| {
        hello.extensions = ClientExtensions {
            supported_groups: hello.extensions.supported_groups,
            signature_algorithms: hello.extensions.signature_algorithms,
            ..ClientExtensions::default()
        };
    });
    bench.say_message(&hello).expect("the least that a client has to say");
    let hello = server_hello(&bench);
    let hello = ServerHello::read(&hello).expect("a ServerHello");
    assert_eq!(hello.extensions.all.types().count(), 0);
}

/// CVE-2020-11501: a random of zeros is no random.
#[test]
fn a_source_of_randomness_that_fails_or_gives_zeros_is_refused() {
    #[derive(Debug)]
    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
            out.fill(0);
            Ok(())
        }
    }
    #[derive(Debug)]
    struct Broken;
    impl Random for Broken {
        fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let sources: [Arc<dyn Random>; 2] = [Arc::new(Zeros), Arc::new(Broken)];
    for random in sources {
        let config = client_config(false, false).random(random.clone()).build().expect("a configuration");
        let error = ClientConnection::new(config, server_name()).expect_err("no hello without randomness");
        assert_eq!(error.reason(), &Reason::Random);

        let config = server_config(&P256, false).random(random).build().expect("a configuration");
        let mut bench = Bench::server(config);
        let result = bench.say(Letter::Handshake(H::CLIENT_HELLO));
        bench.failed(result, &Reason::Random, AlertDescription::INTERNAL_ERROR);
    }
}
