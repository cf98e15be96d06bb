//! Beside a TLS 1.3 stack: the mark that a client of both versions looks for (RFC 8446 §4.1.3).

use rustls::{Error, PeerMisbehaved};
use tls12::message::HandshakeType;

use crate::credentials::{Kind, authority, identity};
use crate::pair::Pair;
use crate::rustls_peer::{all, both_versions, client, our_server, rustls_client_config, server};

#[test]
fn a_rustls_client_of_both_versions_notices_who_keeps_it_from_tls_1_3() {
    let with_sibling = server(identity(Kind::P256)).sibling_speaks_tls13(true);
    let mixed = our_server(with_sibling, both_versions(all()));
    let downgrade = Error::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported);
    assert_eq!(mixed.refused, Some(downgrade));
    assert!(!mixed.ours.established());

    let mixed = our_server(server(identity(Kind::P256)), both_versions(all()));
    assert_eq!(mixed.refused, None, "without a sibling there is nothing to notice");
    assert!(mixed.ours.established());

    let with_sibling = server(identity(Kind::P256)).sibling_speaks_tls13(true);
    let mixed = our_server(with_sibling, rustls_client_config(all(), authority()));
    assert_eq!(mixed.refused, None, "a client of TLS 1.2 alone is where it belongs");
    assert!(mixed.ours.established());
}

/// The end of ServerHello.random.
fn mark(sibling_speaks_tls13: bool) -> [u8; 8] {
    let config = server(identity(Kind::P256)).sibling_speaks_tls13(sibling_speaks_tls13);
    let mut pair = Pair::driven(client(), config);
    pair.assert_established();
    pair.client_says(b"works");
    assert_eq!(pair.server.data(), b"works");
    // Record and message have their headers, then comes the version.
    let hello = &pair.server.sent[5..];
    assert_eq!(hello[0], HandshakeType::SERVER_HELLO.0);
    *hello[4 + 2..4 + 2 + 32].last_chunk().unwrap()
}

#[test]
fn the_mark_stands_in_every_server_hello_beside_a_tls_1_3_stack_and_in_no_other() {
    assert_eq!(mark(true), *b"DOWNGRD\x01");
    assert_ne!(mark(false), *b"DOWNGRD\x01");
}
