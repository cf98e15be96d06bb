//! Keying material and channel bindings.

use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tls12::{
    Backend, ChannelBinding, ClientCache, ClientConfig, Error, Identity, KeyLog, MemoryStore, NotTls, Reason,
    ServerConfig, Tickets,
};

use crate::credentials::{Kind, authority, backend_groups, identity};
use crate::pair::{NAME, NOW, Pair, Stopped, client_config, server_config};

/// A pair whose server shows a certificate that is its own root, signed with this algorithm.
fn pair(algorithm: &'static rcgen::SignatureAlgorithm) -> (Pair, Vec<u8>) {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let certificate = rcgen::CertificateParams::new([NAME.to_string()]).unwrap().self_signed(&key).unwrap();
    let private = key.serialize_der().try_into().unwrap();
    let key = Backend::default().load_key(&private).unwrap();
    let identity = Identity::new(vec![certificate.der().clone()], key).unwrap();
    let clock = Arc::new(Stopped(NOW));
    let client = ClientConfig::builder().roots([certificate.der().clone()]).clock(clock.clone()).build().unwrap();
    let server = ServerConfig::builder().identity(identity).clock(clock).build().unwrap();
    (Pair::new(client, server), certificate.der().to_vec())
}

fn established() -> Pair {
    let mut pair = Pair::replayable();
    pair.drive();
    pair.assert_established();
    pair
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(result: Result<T, Error>, why: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.reason().to_string(), format!("nothing is exported: {why}"));
    assert_eq!(error.alert(), None);
}

fn exported(pair: &Pair, label: &[u8], context: Option<&[u8]>) -> [u8; 40] {
    let (mut client, mut server) = ([0; 40], [0; 40]);
    pair.client.connection.exporter(label, context, &mut client).unwrap();
    pair.server.connection.exporter(label, context, &mut server).unwrap();
    assert_eq!(client, server, "both ends export the same");
    client
}

#[test]
fn both_ends_export_the_same_and_each_label_and_context_something_else() {
    let pair = established();
    let all = [
        exported(&pair, b"EXPERIMENTAL-a", None),
        exported(&pair, b"EXPERIMENTAL-a", Some(b"")),
        exported(&pair, b"EXPERIMENTAL-a", Some(b"context")),
        exported(&pair, b"EXPERIMENTAL-b", None),
    ];
    for (index, one) in all.iter().enumerate() {
        assert!(all[index + 1..].iter().all(|other| other != one), "{index}");
    }
    let mut short = [0; 7];
    pair.client.connection.exporter(b"EXPERIMENTAL-a", None, &mut short).unwrap();
    assert_eq!(short, all[0][..7], "less of it is the same from its start");
}

#[test]
fn nothing_is_exported_before_the_handshake_is_done_and_after_a_failure() {
    let mut pair = Pair::replayable();
    for _ in 0..2 {
        let mut out = [0; 32];
        assert_refused(pair.client.connection.exporter(b"EXPERIMENTAL", None, &mut out), "the handshake is not done");
        assert_eq!(out, [0; 32]);
        for kind in [ChannelBinding::TlsUnique, ChannelBinding::TlsServerEndPoint] {
            assert_refused(pair.server.connection.channel_binding(kind), "the handshake is not done");
        }
        let flight = pair.client.write(&[]);
        pair.server.inbox.extend(flight);
        pair.server.read();
    }

    let mut pair = established();
    pair.client.inbox.extend_from_slice(b"\x17\x03\x03\x00\x20 thirty-two bytes that are no record");
    pair.client.read();
    let failed = pair.client.error().unwrap();
    assert!(!matches!(failed.reason(), Reason::NotTls(NotTls::Bytes(_))), "{failed}");
    assert_refused(pair.client.connection.exporter(b"EXPERIMENTAL", None, &mut [0; 32]), "the handshake is not done");
}

#[test]
fn labels_of_tls_itself_and_contexts_that_are_too_long_are_refused() {
    let pair = established();
    let connection = &pair.client.connection;
    let labels: [&[u8]; 5] =
        [b"client finished", b"server finished", b"master secret", b"extended master secret", b"key expansion"];
    for label in labels {
        assert_refused(connection.exporter(label, None, &mut [0; 32]), "TLS uses this label itself");
    }
    let context = vec![0; 65536];
    connection.exporter(b"EXPERIMENTAL", Some(&context[1..]), &mut [0; 32]).unwrap();
    let refused = connection.exporter(b"EXPERIMENTAL", Some(&context), &mut [0; 32]);
    assert_refused(refused, "the context has more than 65535 bytes");
}

#[test]
fn tls_unique_is_twelve_bytes_of_this_handshake_alone() {
    let unique = |pair: &Pair| {
        let client = pair.client.connection.channel_binding(ChannelBinding::TlsUnique).unwrap();
        assert_eq!(client, pair.server.connection.channel_binding(ChannelBinding::TlsUnique).unwrap());
        assert_eq!(client.len(), 12);
        client
    };
    let mut other = pair(&rcgen::PKCS_ED25519).0;
    other.drive();
    assert_ne!(unique(&established()), unique(&other));
}

#[test]
fn tls_exporter_is_what_its_label_exports_with_an_empty_context() {
    let pair = established();
    let expected = &exported(&pair, b"EXPORTER-Channel-Binding", Some(b""))[..32];
    assert_eq!(pair.client.connection.channel_binding(ChannelBinding::TlsExporter).unwrap(), expected);
    assert_eq!(pair.server.connection.channel_binding(ChannelBinding::TlsExporter).unwrap(), expected);
}

#[test]
fn tls_server_end_point_is_the_hash_of_the_certificate_if_its_signature_has_one() {
    let (mut pair, certificate) = pair(&rcgen::PKCS_ECDSA_P256_SHA256);
    pair.drive();
    let expected = Sha256::digest(&certificate).to_vec();
    assert_eq!(pair.client.connection.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap(), expected);
    assert_eq!(pair.server.connection.channel_binding(ChannelBinding::TlsServerEndPoint).unwrap(), expected);

    let pair = established();
    let why = "the certificate's signature has no hash of its own";
    assert_refused(pair.client.connection.channel_binding(ChannelBinding::TlsServerEndPoint), why);
    assert_refused(pair.server.connection.channel_binding(ChannelBinding::TlsServerEndPoint), why);
}

/// A client that keeps its sessions and a server that does, by ID or by ticket; a certificate signed with ECDSA.
fn resumed_after_another(by_ticket: bool) -> [Pair; 2] {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new([NAME.to_string()]).unwrap().self_signed(&key).unwrap();
    let private = key.serialize_der().try_into().unwrap();
    let key = Backend::default().load_key(&private).unwrap();
    let identity = Identity::new(vec![certificate.der().clone()], key).unwrap();
    let clock = Arc::new(Stopped(NOW));
    let client = ClientConfig::builder().roots([certificate.der().clone()]).clock(clock.clone());
    let client = client.sessions(Arc::new(ClientCache::new())).build().unwrap();
    let server = ServerConfig::builder().identity(identity).clock(clock);
    let server = if by_ticket {
        server.tickets(Arc::new(Tickets::new().unwrap()))
    } else {
        server.session_store(Arc::new(MemoryStore::new(10)))
    };
    let server = server.build().unwrap();
    let pairs = [(); 2].map(|()| {
        let mut pair = Pair::new(client.clone(), server.clone());
        pair.drive();
        pair.assert_established();
        pair
    });
    assert_eq!(pairs.each_ref().map(|pair| pair.server.connection.resumed()), [false, true]);
    pairs
}

#[test]
fn a_resumed_connection_has_bindings_of_its_own_and_the_end_point_of_the_one_before() {
    let bound = |pair: &Pair, kind| {
        let binding = pair.client.connection.channel_binding(kind).unwrap();
        assert_eq!(binding, pair.server.connection.channel_binding(kind).unwrap(), "{kind:?}");
        binding
    };
    for by_ticket in [false, true] {
        let [first, second] = resumed_after_another(by_ticket);
        for kind in [ChannelBinding::TlsUnique, ChannelBinding::TlsExporter] {
            assert_ne!(bound(&first, kind), bound(&second, kind), "{kind:?}: of each connection alone");
        }
        assert_ne!(exported(&first, b"EXPERIMENTAL-a", None), exported(&second, b"EXPERIMENTAL-a", None));
        let certificate = first.client.connection.peer_certificates().unwrap().end_entity().unwrap().to_vec();
        for pair in [&first, &second] {
            let expected = Sha256::digest(&certificate).to_vec();
            assert_eq!(bound(pair, ChannelBinding::TlsServerEndPoint), expected, "by ticket: {by_ticket}");
        }
    }
}

#[test]
fn the_halves_of_a_resumed_connection_know_its_bindings() {
    let [_, pair] = resumed_after_another(true);
    let kinds = [ChannelBinding::TlsUnique, ChannelBinding::TlsExporter, ChannelBinding::TlsServerEndPoint];
    let whole = kinds.map(|kind| pair.client.connection.channel_binding(kind).unwrap());
    let (client, server) = (pair.client.connection.split().unwrap().0, pair.server.connection.split().unwrap().0);
    for half in [client, server] {
        assert_eq!(kinds.map(|kind| half.channel_binding(kind).unwrap()), whole);
    }
}

/// Remembers the master secret.
#[derive(Debug, Default)]
struct Secret(Mutex<Vec<u8>>);

impl KeyLog for Secret {
    fn log(&self, _: &'static str, _: &[u8; 32], secret: &[u8]) {
        *self.0.lock().unwrap() = secret.to_vec();
    }
}

/// RFC 2104, for keys that are no longer than a block.
fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let pad = |byte: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect() };
    let inner = Sha256::digest([&pad(0x36), &parts.concat()[..]].concat());
    Sha256::digest([&pad(0x5c), &inner[..]].concat()).to_vec()
}

/// RFC 5929 §3.1: the first Finished, which in a resumption is the server's. Made here by RFC 5246 §5 and §7.4.9.
#[test]
fn tls_unique_of_a_resumption_is_the_servers_finished() {
    let (secret, store) = (Arc::new(Secret::default()), Arc::new(MemoryStore::new(10)));
    let kept = Arc::new(ClientCache::new());
    let mut pair = Pair::replayable();
    for seed in [1, 3] {
        let client = client_config(authority(), seed).groups(backend_groups()).key_log(secret.clone());
        let client = client.sessions(kept.clone()).session_context("client");
        let server = server_config(seed + 1).groups(backend_groups()).identity(identity(Kind::P256));
        pair = Pair::driven(client, server.session_store(store.clone()).session_context("server"));
        pair.assert_established();
    }
    assert!(pair.server.connection.resumed());
    // The first record of each side is its hello.
    let hello = |sent: &[u8]| sent[5..5 + usize::from(u16::from_be_bytes([sent[3], sent[4]]))].to_vec();
    let hash = Sha256::digest([hello(&pair.client.sent), hello(&pair.server.sent)].concat());
    let seed: [&[u8]; 2] = [b"server finished", &hash];
    let secret = secret.0.lock().unwrap();
    let verify_data = hmac(&secret, &[&hmac(&secret, &seed), seed[0], seed[1]]);
    assert_eq!(pair.client.connection.channel_binding(ChannelBinding::TlsUnique).unwrap(), verify_data[..12]);
}
