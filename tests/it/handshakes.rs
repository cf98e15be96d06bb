//! Whole handshakes, over all that can be agreed on.

use std::sync::Arc;

use tls12::message::{CipherSuite, NamedGroup};
use tls12::{Backend, ExtendedMasterSecret, Preference};

use crate::credentials::{ECDSA_SUITES, GROUPS, Kind, authority, backend_groups, identity};
use crate::pair::{Counted, NAME, Pair, Stopped, Trace, client_config, server_config};

#[test]
fn a_handshake_of_two_replayable_ends_is_established_and_carries_data() {
    let mut pair = Pair::replayable();
    pair.drive();
    assert!(pair.client.established() && pair.server.established(), "{pair:?}");
    pair.client_says(b"ping");
    pair.server_says(b"pong");
    assert_eq!(pair.server.data(), b"ping");
    assert_eq!(pair.client.data(), b"pong");
}

/// Everything that both sides can say about a connection, held against what was to be agreed on.
#[track_caller]
fn check(pair: &mut Pair, kind: Kind, suite: CipherSuite, group: NamedGroup) {
    let what = format!("{kind:?}, {suite}, {group}");
    assert!(pair.client.established() && pair.server.established(), "{what}: {pair:?}");
    let (client, server) = (&pair.client.connection, &pair.server.connection);
    assert_eq!((client.cipher_suite(), server.cipher_suite()), (Some(suite), Some(suite)), "{what}");
    assert_eq!((client.key_exchange_group(), server.key_exchange_group()), (Some(group), Some(group)), "{what}");
    let scheme = Some(kind.scheme());
    assert_eq!((client.signature_scheme(), server.signature_scheme()), (scheme, scheme), "{what}");
    assert_eq!((client.server_name(), server.server_name()), (Some(NAME), Some(NAME)), "{what}");
    assert!(client.extended_master_secret() && server.extended_master_secret(), "{what}");
    assert!(client.secure_renegotiation() && server.secure_renegotiation(), "{what}");
    assert_eq!((client.alpn_protocol(), server.alpn_protocol()), (None, None), "{what}: nobody offered ALPN");
    assert_eq!(client.peer_certificates().map(|chain| chain.len()), Some(1), "{what}");
    assert_eq!(server.peer_certificates(), None, "{what}: the server asked for none");
    assert!(client.peer_proof().is_some() && server.peer_proof().is_some(), "{what}");
    assert_eq!((client.state(), server.state()), ("Established", "Established"), "{what}");

    pair.client_says(b"from the client");
    pair.server_says(b"from the server");
    assert_eq!((pair.server.data(), pair.client.data()), (b"from the client".into(), b"from the server".into()));
}

#[test]
fn every_suite_certificate_and_group_that_the_server_picks_is_agreed_on() {
    for kind in Kind::ALL {
        for suite in kind.suites() {
            for group in GROUPS {
                let client = client_config(authority(), 1).groups(backend_groups());
                let server = server_config(2).identity(identity(kind)).groups(backend_groups());
                let mut pair = Pair::driven(client, server.cipher_suites(&[suite]).group_names(&[group]));
                check(&mut pair, kind, suite, group);
            }
        }
    }
}

#[test]
fn every_suite_and_group_that_the_client_offers_alone_is_agreed_on() {
    for kind in Kind::ALL {
        for suite in kind.suites() {
            for group in GROUPS {
                // The client has to offer the certificate's own curve, too (RFC 8422 §5.3).
                let curve = match kind {
                    Kind::P256 => Some(NamedGroup::SECP256R1),
                    Kind::P384 => Some(NamedGroup::SECP384R1),
                    Kind::Ed25519 | Kind::Rsa2048 => None,
                };
                let mut offered = vec![group];
                offered.extend(curve.filter(|curve| *curve != group));
                let client = client_config(authority(), 1).groups(backend_groups());
                let client = client.cipher_suites(&[suite]).group_names(&offered);
                let server = server_config(2).identity(identity(kind)).groups(backend_groups());
                let mut pair = Pair::driven(client, server.preference(Preference::Client));
                check(&mut pair, kind, suite, group);
            }
        }
    }
}

#[test]
fn a_replayable_group_and_the_backend_agree_on_the_same_secret() {
    for (client_own, server_own) in [(true, false), (false, true)] {
        let mut client = client_config(authority(), 1);
        let mut server = server_config(2).identity(identity(Kind::P256));
        if !client_own {
            client = client.groups(backend_groups());
        } else {
            // P-256 for the certificate, X25519 of the test's own first.
            let mut groups = backend_groups();
            groups[0] = Arc::new(crate::pair::Replayable(Counted::new(5)));
            client = client.groups(groups);
        }
        if !server_own {
            server = server.groups(backend_groups());
        }
        let mut pair = Pair::driven(client, server);
        check(&mut pair, Kind::P256, ECDSA_SUITES[0], NamedGroup::X25519);
    }
}

#[test]
fn extended_master_secret_is_agreed_on_whatever_either_side_demands() {
    use ExtendedMasterSecret::{Preferred, Required};
    for (of_client, of_server) in
        [(Preferred, Preferred), (Preferred, Required), (Required, Preferred), (Required, Required)]
    {
        let client = client_config(authority(), 1).extended_master_secret(of_client);
        let server = server_config(2).identity(identity(Kind::Ed25519)).extended_master_secret(of_server);
        let pair = Pair::driven(client, server);
        pair.assert_established();
        assert!(pair.client.connection.extended_master_secret() && pair.server.connection.extended_master_secret());
    }
}

#[test]
fn the_system_s_randomness_and_the_default_settings_do() {
    let client = tls12::ClientConfig::builder().roots([authority().root()]).clock(Arc::new(Stopped(crate::pair::NOW)));
    let server = tls12::ServerConfig::builder().identity(identity(Kind::P256)).backend(Backend::default());
    let mut pair = Pair::driven(client, server);
    check(&mut pair, Kind::P256, ECDSA_SUITES[0], NamedGroup::X25519);
}

#[test]
fn the_observers_of_both_sides_see_the_messages_of_figure_1_in_their_states() {
    let (seen_by_client, seen_by_server) = (Arc::new(Trace::default()), Arc::new(Trace::default()));
    let client = client_config(authority(), 1).observer(seen_by_client.clone());
    let server = server_config(2).identity(identity(Kind::Ed25519)).observer(seen_by_server.clone());
    let mut pair = Pair::driven(client, server);
    pair.client.connection.close();
    pair.drive();
    let names = |trace: &Trace| -> Vec<String> {
        let messages = trace.0.lock().unwrap();
        messages.iter().map(|(way, message, state)| format!("{way:?} {message} in {state}")).collect()
    };
    let expected = [
        "Sent ClientHello in Start",
        "Received ServerHello in WaitServerHello",
        "Received Certificate in WaitCertificate",
        "Received ServerKeyExchange in WaitKeys",
        "Received ServerHelloDone in WaitRequestOrDone",
        "Sent ClientKeyExchange in AskVerify",
        "Sent ChangeCipherSpec in AskVerify",
        "Sent Finished in AskVerify",
        "Received ChangeCipherSpec in WaitChangeCipherSpec",
        "Received Finished in WaitFinished",
        "Sent close_notify in Established",
    ];
    assert_eq!(names(&seen_by_client), expected);
    let expected = [
        "Received ClientHello in WaitClientHello",
        "Sent ServerHello in AskIdentity",
        "Sent Certificate in AskIdentity",
        "Sent ServerKeyExchange in AskSignature",
        "Sent ServerHelloDone in AskSignature",
        "Received ClientKeyExchange in WaitClientKeyExchange",
        "Received ChangeCipherSpec in WaitChangeCipherSpec",
        "Received Finished in WaitFinished",
        "Sent ChangeCipherSpec in WaitFinished",
        "Sent Finished in WaitFinished",
        "Received close_notify in Established",
    ];
    assert_eq!(names(&seen_by_server), expected);
}

#[test]
fn each_end_draws_randomness_once_for_its_hello_and_once_for_its_key() {
    let random = Counted::new(3);
    let client = client_config(authority(), 1).random(random.clone());
    let pair = Pair::driven(client, server_config(2).identity(identity(Kind::Ed25519)));
    pair.assert_established();
    assert_eq!(random.draws.load(std::sync::atomic::Ordering::Relaxed), 1, "one draw of our own for a handshake");
}
