//! What a dormant connection weighs, and its bytes.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::collection::vec as bytes_of;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::codec::Malformed;
use crate::crypto::SUITES;

/// 92 bytes of master secret, random and Finished, or the keys.
fn source_of(bytes: &[u8; 92], suite: &'static Suite, has_master: bool) -> KeySource {
    if has_master {
        let mut source = KeySource::empty_master();
        let (secret, rest) = bytes.split_first_chunk().unwrap();
        let (random, unique) = rest.split_first_chunk().unwrap();
        source.set_master(secret, random, unique.first_chunk().unwrap());
        return source;
    }
    let (mut source, mut keys) = (KeySource::empty_traffic(suite.aead), Keys::zero(suite.aead));
    let (key, iv) = (suite.aead.key_len(), suite.aead.fixed_iv_len());
    keys.client.set(&bytes[..key], &bytes[64..64 + iv]);
    keys.server.set(&bytes[32..32 + key], &bytes[76..76 + iv]);
    source.set_traffic(&keys);
    source
}

fn any_bytes(length: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = Box<[u8]>> {
    bytes_of(any::<u8>(), length).prop_map(Vec::into_boxed_slice)
}

prop_compose! {
    /// A connection that a handshake could have made.
    fn any_dormant()(
        (is_client, has_master, resumed) in any::<(bool, bool, bool)>(),
        suite in select(SUITES.iter().collect::<Vec<_>>()),
        peer in 1_u8..=4,
        (secrets, client_random) in any::<([[u8; 23]; 4], [u8; 32])>(),
        (sequence, received) in (1_u64.., 1_u64..),
        (max_fragment, plaintext_limit) in (64_u16..=16384, 64_u16..=16384),
        (empty_records, warning_alerts, hello_requests) in (0_u8..=32, 0_u8..=4, 0_u8..=8),
        (group, scheme) in (1_u16.., 1_u16..),
        [extended_master_secret, secure_renegotiation, close_sent, close_received] in any::<[bool; 4]>(),
        server_name in option::of("[a-zé]{1,20}"),
        alpn in option::of(any_bytes(1..=255)),
        digest in any::<Option<[u8; 32]>>(),
        server_end_point in option::of(any_bytes(1..=64)),
        id in any::<Option<[u8; 32]>>(),
    ) -> Dormant {
        // Verified in a full handshake, known from the session in a resumption.
        let known = if resumed { 2 } else { 1 };
        let established = Established::vouched_for(if is_client || peer <= 2 { known } else { peer }).unwrap();
        Dormant(Box::new(AtRest {
            is_client,
            suite,
            source: source_of(&secrets.concat().try_into().unwrap(), suite, has_master),
            client_random,
            sequence,
            max_fragment,
            reached: Reached { sequence: received, plaintext_limit, empty_records, warning_alerts },
            hello_requests,
            group: (!resumed).then_some(NamedGroup(group)),
            scheme: (!resumed).then_some(SignatureScheme(scheme)),
            extended_master_secret,
            secure_renegotiation,
            resumed,
            close_sent,
            close_received,
            peer_digest: digest.filter(|_| established.peer().is_known()).map(Box::new),
            established,
            names: Names::new(
                &server_name.unwrap_or_default(),
                &alpn.unwrap_or_default(),
                &server_end_point.unwrap_or_default(),
            )
            .unwrap(),
            own: None,
            session_id: id.filter(|_| !is_client).map(Box::new),
        }))
    }
}

proptest! {
    #[test]
    fn a_connection_is_read_as_it_was_written(dormant in any_dormant()) {
        let bytes = dormant.to_bytes();
        prop_assert_eq!(bytes.capacity(), bytes.len(), "the vector never grew, so no part of a secret was left behind");
        let read = Dormant::from_bytes(&bytes).unwrap();
        prop_assert_eq!(read.to_bytes(), bytes);
    }

    #[test]
    fn a_connection_that_ends_early_or_goes_on_is_none(dormant in any_dormant(), more in any::<u8>()) {
        let mut bytes = dormant.to_bytes();
        for length in 0..bytes.len() {
            let error = Dormant::from_bytes(&bytes[..length]).unwrap_err();
            prop_assert!(matches!(error, DormantError::Malformed(Malformed::Truncated(_))), "{}", error);
        }
        bytes.push(more);
        let error = Dormant::from_bytes(&bytes).unwrap_err();
        prop_assert_eq!(error, DormantError::Malformed(Malformed::Trailing("connection")));
    }

    #[test]
    fn a_connection_with_bytes_changed_is_refused_or_another_one(
        dormant in any_dormant(),
        changes in bytes_of((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = dormant.to_bytes();
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        fuzz_dormant(&bytes);
    }

    #[test]
    fn any_bytes_are_a_connection_or_refused(bytes in bytes_of(any::<u8>(), 0..300)) {
        fuzz_dormant(&bytes);
        fuzz_dormant(&[&[1], &*bytes].concat());
    }
}

/// Where fuzzing starts from.
const SEED: &[u8] = include_bytes!("../../fuzz/data/dormant.bin");

/// Field by field as [`Dormant::to_bytes`] documents them.
fn golden_with(secrets: &[&str]) -> Vec<u8> {
    let fixed = [
        "01",
        "02",
        "c02c",
        "01",
        "001d",
        "0403",
        "0100000001",
        "4000_0000000000000102",
        "0200_0000000000000304",
        "050407",
        &"c1".repeat(32),
    ];
    let names = [
        "0009612e6578616d706c65",
        "026832",
        &("20".to_string() + &"d1".repeat(32)),
        &("30".to_string() + &"e0".repeat(48)),
        &("20".to_string() + &"1d".repeat(32)),
    ];
    hex::decode([&fixed[..], secrets, &names].concat().concat().replace('_', "")).unwrap()
}

fn golden() -> Vec<u8> {
    golden_with(&["01", &"a5".repeat(48), &"5e".repeat(32), &"f1".repeat(12)])
}

#[test]
fn the_format_does_not_drift() {
    assert_eq!(SEED, golden(), "fuzzing starts from a connection; a changed format needs a new version");
    let read = Dormant::from_bytes(&golden()).unwrap();
    assert_eq!((read.is_client(), read.has_exporters()), (false, true));
    assert_eq!(read.peer_certificate_digest(), Some([0xd1; 32]));
    let agreed = read.agreed();
    assert_eq!(agreed.cipher_suite, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384);
    assert_eq!((agreed.key_exchange_group, agreed.resumed), (Some(NamedGroup::X25519), false));
    assert_eq!((agreed.server_name, agreed.alpn_protocol), (Some("a.example"), Some(&b"h2"[..])));
    assert!(matches!(read.peer_proof(), PeerProof::Verified(_)));
    let at_rest = read.at_rest();
    assert_eq!((at_rest.sequence, at_rest.max_fragment), (0x0102, 16384));
    let reached = Reached { sequence: 0x0304, plaintext_limit: 512, empty_records: 5, warning_alerts: 4 };
    assert_eq!(Dormant::from_bytes(&golden()).map(|_| ()), Ok(()));
    assert_eq!((at_rest.reached, at_rest.hello_requests), (reached, 7));
    assert!(at_rest.close_received && !at_rest.close_sent && at_rest.extended_master_secret);

    let keys = ["02", &"ca".repeat(32), &"5a".repeat(32), &"c4".repeat(4), &"54".repeat(4)];
    let read = Dormant::from_bytes(&golden_with(&keys)).unwrap();
    assert!(!read.has_exporters());
    let KeySource::Traffic(Keys { client, server }) = &read.at_rest().source else { panic!("keys") };
    assert_eq!((client.key(), client.iv()), (&[0xca; 32][..], &[0xc4; 4][..]));
    assert_eq!((server.key(), server.iv()), (&[0x5a; 32][..], &[0x54; 4][..]));
}

#[test]
fn the_fixed_part_has_at_most_256_bytes_and_moves_between_threads() {
    fn moves<T: Send + Sync>() {}
    moves::<Dormant>();
    let size = size_of::<Dormant>() + size_of::<AtRest>();
    assert!(size <= 256, "{size} bytes");
}

#[test]
fn what_has_no_meaning_is_refused_by_name() {
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = golden();
        bytes[at..at + value.len()].copy_from_slice(value);
        Dormant::from_bytes(&bytes).unwrap_err()
    };
    let value = |what| DormantError::Malformed(Malformed::Value(what));
    for version in [0, 2, 255] {
        assert_eq!(changed(0, &[version]), DormantError::UnknownVersion(version));
    }
    for (at, bytes, what) in [
        (1, &[0][..], "side"),
        (1, &[3], "side"),
        (4, &[0], "peer"),
        (4, &[5], "peer"),
        (9, &[2], "extended_master_secret"),
        (10, &[2], "secure_renegotiation"),
        (11, &[2], "resumed"),
        (12, &[2], "close_sent"),
        (13, &[2], "close_received"),
        (14, &[0, 63], "record_size_limit"),
        (14, &[0x40, 1], "record_size_limit"),
        (24, &[0, 0], "record_size_limit"),
        // More of them than a connection puts up with.
        (34, &[33], "empty_records"),
        (35, &[5], "warning_alerts"),
        (36, &[9], "hello_requests"),
        (69, &[0], "secrets"),
        (69, &[3], "secrets"),
        (164, &[0xff], "server_name"),
    ] {
        assert_eq!(changed(at, bytes), value(what), "{bytes:?} at {at}");
    }
    let rsa = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
    assert_eq!(changed(2, &rsa.0.to_be_bytes()), DormantError::UnknownSuite(rsa));
    let mut long = golden();
    let id = long.len() - 33;
    long[id] = 33;
    long.push(0);
    assert_eq!(Dormant::from_bytes(&long).unwrap_err(), DormantError::Malformed(Malformed::Length("session_id")));
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    type Change = (usize, &'static [u8]);
    let cases: [(&[Change], &str); 9] = [
        (&[(11, &[1])], "a key exchange in a resumption"),
        (&[(5, &[0, 0])], "a full handshake without a key exchange"),
        (&[(5, &[0; 4]), (11, &[1])], "a peer that was verified in a resumption"),
        (&[(4, &[2])], "a peer known from a session that was not resumed"),
        (&[(1, &[1]), (4, &[3])], "a client's connection to a server that is not known"),
        (&[(4, &[4])], "a certificate of a peer that is not known"),
        (&[(1, &[1])], "a client's connection with a server's session"),
        (&[(16, &[0; 8])], "an established connection without a record"),
        (&[(26, &[0; 8])], "an established connection without a record"),
    ];
    for (changes, expected) in cases {
        let mut bytes = golden();
        for (at, change) in changes {
            bytes[*at..at + change.len()].copy_from_slice(change);
        }
        assert_eq!(Dormant::from_bytes(&bytes).unwrap_err(), DormantError::Contradiction(expected));
    }
}

#[test]
fn the_kernel_is_not_given_what_it_would_not_keep_to() {
    // AES-GCM: 23,726,566 records, of which 16 are for alerts.
    let (last, spent) = (23_726_549_u64.to_be_bytes(), 23_726_550_u64.to_be_bytes());
    let aes = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384.0.to_be_bytes();
    let chacha = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256.0.to_be_bytes();
    for (suite, at, value, expected) in [
        (aes, 12, &[1][..], Some(WakeError::Closed)),
        (aes, 13, &[1], Some(WakeError::Closed)),
        (aes, 14, &[0x3f, 0xff], Some(WakeError::RecordSize(16383))),
        (aes, 14, &[2, 0], Some(WakeError::RecordSize(512))),
        (aes, 16, &last, None),
        (aes, 16, &spent, Some(WakeError::KeyLimit)),
        (aes, 26, &last, None),
        (aes, 26, &spent, Some(WakeError::KeyLimit)),
        (chacha, 16, &spent, None),
        (chacha, 16, &[0xff; 8], Some(WakeError::KeyLimit)),
    ] {
        let mut bytes = golden();
        bytes[2..4].copy_from_slice(&suite);
        bytes[13] = 0;
        bytes[at..at + value.len()].copy_from_slice(value);
        let given = Dormant::from_bytes(&bytes).unwrap().into_ktls_secrets();
        assert_eq!(given.map_err(|refused| refused.error()).err(), expected, "{value:?} at {at}");
    }
}

#[test]
fn every_change_of_one_byte_is_refused_or_another_connection() {
    let bytes = golden();
    for at in 0..bytes.len() {
        for value in 0..=u8::MAX {
            let mut changed = bytes.clone();
            changed[at] = value;
            fuzz_dormant(&changed);
        }
    }
}

#[test]
fn a_connection_is_printed_without_its_secrets() {
    let printed = format!("{:?}", Dormant::from_bytes(&golden()).unwrap());
    for secret in [0xa5, 0x5e, 0xf1, 0xc1] {
        for byte in [format!("{secret}"), format!("{secret:x}")] {
            assert!(!printed.replace("0xc02c", "").contains(&byte), "{byte} in {printed}");
        }
    }
    assert!(printed.contains("a.example"), "{printed}");
}

#[test]
fn without_exporters_the_keys_stay_and_the_master_secret_goes() {
    for suite in &SUITES {
        let mut bytes = golden();
        bytes[2..4].copy_from_slice(&suite.id.0.to_be_bytes());
        let read = || Dormant::from_bytes(&bytes).unwrap();
        let all = |dormant: &Dormant| {
            dormant.at_rest().with_keys(Backend::default(), |Keys { client, server }| {
                [client.key(), server.key(), client.iv(), server.iv()].map(<[u8]>::to_vec)
            })
        };
        let (before, after) = (read(), read().without_exporters());
        assert_eq!(all(&before), all(&after), "{}", suite.id);
        assert_eq!((before.has_exporters(), after.has_exporters()), (true, false));
        let bytes = after.without_exporters().to_bytes();
        for secret in [[0xa5; 8], [0x5e; 8], [0xf1; 8]] {
            assert!(!bytes.windows(8).any(|window| window == secret), "{}", suite.id);
        }
        assert_eq!(all(&Dormant::from_bytes(&bytes).unwrap()), all(&before));
    }
}

#[test]
fn errors_say_what_is_wrong() {
    let errors: [(&dyn fmt::Display, &str); 7] = [
        (
            &DormantError::UnknownVersion(9),
            "the connection is in version 9 of the format; this library reads version 1",
        ),
        (
            &DormantError::UnknownSuite(CipherSuite(0x1234)),
            "the connection has the cipher suite 0x1234, which this library does not speak",
        ),
        (
            &DormantError::from(Malformed::Trailing("connection")),
            "the connection is malformed: bytes are left over behind connection",
        ),
        (&DormantError::Contradiction("a and b"), "the connection contradicts itself: a and b"),
        (
            &WakeError::OtherRole,
            "the dormant connection does not go on here: the configuration is that of the other role",
        ),
        (
            &WakeError::RecordSize(512),
            "the dormant connection does not go on here: the peer takes at most 512 bytes in a record, and the kernel sends longer ones",
        ),
        (
            &WakeError::KeyLimit,
            "the dormant connection does not go on here: a key has protected as many records as it may",
        ),
    ];
    for (error, text) in errors {
        assert_eq!(error.to_string(), String::from(text));
    }
}
