//! The bytes of a session.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::collection::vec as bytes_of;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::codec::Malformed;
use crate::message::{CertificateType, CipherSuite};

prop_compose! {
    fn any_certificates()(chain in bytes_of(bytes_of(any::<u8>(), 1..80), 1..4), raw in any::<bool>()) -> PeerCertificates {
        if raw {
            return PeerCertificates::from_encoded(CertificateType::RAW_PUBLIC_KEY, &chain[0]).unwrap().unwrap();
        }
        let chain: Vec<_> = chain.into_iter().map(CertificateDer::from).collect();
        PeerCertificates::new(&chain).unwrap()
    }
}

fn any_bytes(length: core::ops::RangeInclusive<usize>) -> impl Strategy<Value = Box<[u8]>> {
    bytes_of(any::<u8>(), length).prop_map(Vec::into_boxed_slice)
}

fn any_handle() -> impl Strategy<Value = Handle> {
    prop_oneof![any_bytes(1..=32).prop_map(Handle::Id), any_bytes(1..=300).prop_map(Handle::Ticket)]
}

prop_compose! {
    /// A session that a handshake could have made.
    fn any_session()(
        is_client in any::<bool>(),
        suite in select(SUITES.iter().collect::<Vec<_>>()),
        (secret, context) in (any::<[[u8; 16]; 3]>(), any::<[u8; 32]>()),
        (extended_master_secret, created_at, lifetime) in any::<(bool, u64, u32)>(),
        name in "[a-z]{1,20}",
        has_name in any::<bool>(),
        alpn in option::of(any_bytes(1..=255)),
        certificates in option::of(any_certificates()),
        some_certificates in any_certificates(),
        not_after in option::of(any::<u64>()),
        digest in option::of(any_bytes(1..=64)),
        max_fragment_length in option::of(1_u8..=4),
        asked in any::<bool>(),
        handle in any_handle(),
    ) -> Session {
        let peer_certificates = if is_client { Some(some_certificates) } else { certificates };
        let client_auth = match (&peer_certificates, asked) {
            (Some(_), _) if is_client => ClientAuthPolicy::NotRequested,
            (Some(_), true) => ClientAuthPolicy::Required,
            (None, false) => ClientAuthPolicy::NotRequested,
            _ => ClientAuthPolicy::Optional,
        };
        let server_name = if is_client || has_name { name.as_str() } else { "" };
        let digest = digest.filter(|_| !is_client);
        Session {
            side: if is_client { Side::Client } else { Side::Server },
            suite,
            master_secret: MasterSecret::of(&secret.concat().try_into().unwrap()),
            extended_master_secret,
            context,
            created_at,
            lifetime,
            client_auth,
            peer_not_after: not_after.filter(|_| peer_certificates.is_some()),
            peer_certificates,
            names: Names::new(server_name, &alpn.unwrap_or_default(), &digest.unwrap_or_default()).unwrap(),
            max_fragment_length,
            handle: match handle {
                Handle::Ticket(_) if !is_client => Handle::None,
                handle => handle,
            },
        }
    }
}

fn assert_same(a: &Session, b: &Session) {
    assert_eq!(a.master_secret.as_bytes(), b.master_secret.as_bytes());
    assert_eq!((a.side, a.suite.id, a.extended_master_secret), (b.side, b.suite.id, b.extended_master_secret));
    assert_eq!((a.context, a.created_at, a.lifetime), (b.context, b.created_at, b.lifetime));
    assert_eq!(
        (a.server_name(), a.alpn_protocol(), a.client_auth),
        (b.server_name(), b.alpn_protocol(), b.client_auth)
    );
    assert_eq!((&a.peer_certificates, a.peer_not_after), (&b.peer_certificates, b.peer_not_after));
    assert_eq!(a.names.end_point(), b.names.end_point());
    assert_eq!((a.max_fragment_length, &a.handle), (b.max_fragment_length, &b.handle));
}

proptest! {
    #[test]
    fn a_session_is_read_as_it_was_written(session in any_session()) {
        let bytes = session.to_bytes();
        prop_assert_eq!(bytes.capacity(), bytes.len(), "the vector never grew, so no part of the secret was left behind");
        assert_same(&Session::from_bytes(&bytes).unwrap(), &session);
    }

    #[test]
    fn a_session_that_ends_early_or_goes_on_is_none(session in any_session(), more in any::<u8>()) {
        let mut bytes = session.to_bytes();
        for length in 0..bytes.len() {
            prop_assert!(matches!(
                Session::from_bytes(&bytes[..length]),
                Err(SessionError::Malformed(Malformed::Truncated(_)))
            ));
        }
        bytes.push(more);
        let error = Session::from_bytes(&bytes).unwrap_err();
        prop_assert_eq!(error, SessionError::Malformed(Malformed::Trailing("session")));
    }

    #[test]
    fn a_session_with_bytes_changed_is_refused_or_another_one(
        session in any_session(),
        changes in bytes_of((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = session.to_bytes();
        for (at, value) in changes {
            *at.get_mut(&mut bytes) = value;
        }
        fuzz_sessions(&bytes);
    }

    #[test]
    fn any_bytes_are_a_session_or_refused(bytes in bytes_of(any::<u8>(), 0..300)) {
        fuzz_sessions(&bytes);
        fuzz_sessions(&[&[1], &*bytes].concat());
    }
}

/// Where fuzzing starts from.
const SEED: &[u8] = include_bytes!("../../../fuzz/data/session.bin");

/// The bytes of [`server`], field by field as [`Session::to_bytes`] documents them.
fn golden() -> Vec<u8> {
    let fields: [&str; 18] = [
        "01",
        "02",
        "c02c",
        &"a5".repeat(48),
        "01",
        &"c0".repeat(32),
        "00000000713fb300",
        "00000e10",
        "0009612e6578616d706c65",
        "026832",
        "02",
        "00",
        "00000d0000033001050000043002_0506",
        "080000000071_4139a0",
        &("20".to_string() + &"e0".repeat(32)),
        "04",
        "00",
        "0000",
    ];
    hex::decode(fields.concat().replace('_', "")).unwrap()
}

#[test]
fn the_format_does_not_drift() {
    assert_eq!(hex::encode(&*server().to_bytes()), hex::encode(golden()), "a changed format needs a new version");
    assert_same(&Session::from_bytes(&golden()).unwrap(), &server());
    assert_eq!(SEED, golden(), "fuzzing starts from a session");
    let [id, ticket] =
        [Handle::Id([7; 3].into()), Handle::Ticket([8; 2].into())].map(|handle| client(handle).to_bytes());
    assert!(hex::encode(&*id).ends_with("04010003070707"), "{}", hex::encode(&*id));
    assert!(hex::encode(&*ticket).ends_with("040200020808"), "{}", hex::encode(&*ticket));
}

#[test]
fn a_raw_public_key_is_kept_and_is_none_if_it_is_empty() {
    let certificates = PeerCertificates::from_encoded(CertificateType::RAW_PUBLIC_KEY, &[7, 8]).unwrap();
    let session = Session { peer_certificates: certificates, ..server() };
    let bytes = session.to_bytes();
    assert!(hex::encode(&*bytes).contains("0202000002_0708".replace('_', "").as_str()), "{}", hex::encode(&*bytes));
    let read = Session::from_bytes(&bytes).unwrap();
    assert_same(&read, &session);
    assert_eq!(read.peer_certificates().unwrap().raw_public_key(), Some(&[7, 8][..]));

    let session = Session { peer_certificates: None, peer_not_after: None, ..client(Handle::Id([7; 3].into())) };
    let mut bytes = session.to_bytes().to_vec();
    assert_eq!(bytes[112..116], [0; 4]);
    bytes[112] = 2;
    let empty = Malformed::Empty("peer_certificates");
    assert_eq!(Session::from_bytes(&bytes).map(|_| ()), Err(SessionError::Malformed(empty)));
}

#[test]
fn every_change_of_one_byte_is_refused_or_another_session() {
    for bytes in [server(), client(Handle::Id([7; 32].into()))].map(|session| session.to_bytes()) {
        for at in 0..bytes.len() {
            for value in 0..=u8::MAX {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                fuzz_sessions(&changed);
            }
        }
    }
}

#[test]
fn what_has_no_meaning_is_refused_by_name() {
    let changed = |at: usize, value: &[u8]| {
        let mut bytes = golden();
        bytes[at..at + value.len()].copy_from_slice(value);
        Session::from_bytes(&bytes).map(|_| ()).unwrap_err()
    };
    let value = |what| SessionError::Malformed(Malformed::Value(what));
    for version in [0, 2, 255] {
        assert_eq!(changed(0, &[version]), SessionError::UnknownVersion(version));
    }
    assert_eq!(changed(1, &[0]), value("side"));
    let rsa = CipherSuite::TLS_RSA_WITH_AES_128_GCM_SHA256;
    assert_eq!(changed(2, &rsa.0.to_be_bytes()), SessionError::UnknownSuite(rsa));
    assert_eq!(changed(52, &[2]), value("extended_master_secret"));
    assert_eq!(changed(99, &[0xff]), value("server_name"));
    assert_eq!(changed(111, &[3]), value("client_auth"));
    assert_eq!(changed(112, &[1]), value("certificate_type"), "OpenPGP");
    let end = golden().len();
    assert_eq!(changed(end - 4, &[5]), value("max_fragment_length"));
    assert_eq!(changed(end - 3, &[3]), value("handle"));
    assert_eq!(changed(end - 3, &[1]), SessionError::Malformed(Malformed::Length("handle")), "an ID without bytes");
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let id = || Handle::Id([7; 32].into());
    let contradictions = [
        Session { handle: Handle::Ticket([7; 100].into()), ..server() },
        Session { client_auth: ClientAuthPolicy::NotRequested, ..server() },
        Session { peer_certificates: None, peer_not_after: None, ..server() },
        Session { peer_certificates: None, client_auth: ClientAuthPolicy::Optional, ..server() },
        client(Handle::None),
        Session { names: Names::new("", b"h2", b"").unwrap(), ..client(id()) },
        Session { peer_certificates: None, peer_not_after: None, ..client(id()) },
        Session { names: names(&[1; 32]), ..client(id()) },
    ];
    for session in contradictions {
        let read = Session::from_bytes(&session.to_bytes()).map(|_| ());
        assert!(matches!(read, Err(SessionError::Contradiction(_))), "{session:?}: {read:?}");
    }
}

#[test]
fn lengths_are_held_to_what_the_protocol_has() {
    let longest = Session { handle: Handle::Ticket(vec![1; 0xffff].into()), ..client(Handle::None) };
    assert_same(&Session::from_bytes(&longest.to_bytes()).unwrap(), &longest);
    let id = Session { handle: Handle::Id([1; 33].into()), ..client(Handle::None) };
    let mut digest = Session { names: names(&[0xe0; 64]), ..server() }.to_bytes().to_vec();
    let at = digest.windows(65).position(|window| window[0] == 64 && window[1..] == [0xe0; 64]).unwrap();
    digest[at] = 65;
    digest.insert(at + 1, 0xe0);
    for (bytes, what) in [(id.to_bytes().to_vec(), "handle"), (digest, "server_end_point")] {
        let error = Session::from_bytes(&bytes).unwrap_err();
        assert_eq!(error, SessionError::Malformed(Malformed::Length(what)));
    }
}

#[test]
fn what_fits_no_field_is_no_bytes_rather_than_others() {
    let session = Session { handle: Handle::Ticket(vec![1; 0x1_0000].into()), ..client(Handle::None) };
    assert!(session.to_bytes().is_empty());
    assert!(Session::from_bytes(&[]).is_err());
}

#[test]
fn a_session_is_printed_without_its_secrets() {
    let session = Session { handle: Handle::Ticket([0xa6; 32].into()), ..client(Handle::None) };
    let printed = format!("{session:?} {:?}", server());
    for secret in [0xa5, 0xa6] {
        for byte in [format!("{secret}"), format!("{secret:x}")] {
            assert!(!printed.to_lowercase().contains(&byte), "{byte} in {printed}");
        }
    }
    assert!(printed.contains("a.example"), "{printed}");
}

#[test]
fn a_session_ends_with_its_lifetime_or_with_the_peers_certificates() {
    let session = server();
    assert_eq!(session.expires_at(), THEN + 3600);
    assert!(!session.is_expired(at(THEN + 3600)) && session.is_expired(at(THEN + 3601)));
    assert!(!session.is_from_the_future(at(THEN - 60)) && session.is_from_the_future(at(THEN - 61)));
    let session = Session { peer_not_after: Some(THEN + 60), ..server() };
    assert_eq!(session.expires_at(), THEN + 60);
    let session = Session { created_at: u64::MAX - 1, peer_not_after: None, ..server() };
    assert_eq!(session.expires_at(), u64::MAX);
}

#[test]
fn errors_say_what_is_wrong() {
    let errors = [
        (SessionError::UnknownVersion(9), "the session is in version 9 of the format; this library reads version 1"),
        (
            SessionError::UnknownSuite(CipherSuite(0x1234)),
            "the session is of 0x1234, which this library does not speak",
        ),
        (Malformed::Trailing("session").into(), "the session is malformed: bytes are left over behind session"),
        (SessionError::Contradiction("a and b"), "the session contradicts itself: a and b"),
    ];
    for (error, text) in errors {
        assert_eq!(error.to_string(), String::from(text));
    }
}
