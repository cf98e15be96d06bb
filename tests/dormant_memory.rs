//! How much memory a dormant connection holds.
//!
//! A test binary of its own, because counting needs a global allocator of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::as_conversions, reason = "a test that panics fails, as it should")]

use std::sync::Arc;

use allocation_counter::measure;
use tls12::message::CipherSuite;
use tls12::pki_types::{PrivateKeyDer, ServerName};
use tls12::{
    Backend, ClientCache, ClientConfig, ClientConnection, Connection, Dormant, Event, Identity, MemoryStore, Received,
    ServerConfig, ServerConnection, dangerous,
};

const NAME: &str = "server.example";

/// Bytes of the struct and of the box behind it.
const FIXED_PART: usize = 256;

/// One for each AEAD.
const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

fn pass(from: &mut impl Connection, to: &mut impl Connection) {
    let mut wire = Vec::new();
    _ = from.write_vec(&[], &mut wire).unwrap();
    let mut input = &mut wire[..];
    loop {
        let Received { consumed, event } = to.read(input).unwrap();
        if let Event::NeedInput { .. } = event {
            return;
        }
        input = input.split_at_mut(consumed).1;
    }
}

struct Ends {
    client: ClientConnection,
    client_config: Arc<ClientConfig>,
    server: ServerConnection,
    server_config: Arc<ServerConfig>,
}

fn established(suite: CipherSuite, has_names: bool) -> Ends {
    with_sessions(suite, has_names, false)
}

fn with_sessions(suite: CipherSuite, has_names: bool, stores: bool) -> Ends {
    let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let key = Backend::default().load_key(&key).unwrap();
    let identity = Identity::new(vec![made.cert.der().clone()], key).unwrap();
    let (client, server) = (ClientConfig::builder(), ServerConfig::builder().identity(identity));
    let client = client.cipher_suites(&[suite]).verifier(Arc::new(dangerous::AcceptAnything));
    let (client, server) = if has_names {
        (client.alpn_protocols(["h2"]), server.alpn_protocols(["h2"]))
    } else {
        (client.send_server_name(false), server)
    };
    let (client, server) = if stores {
        let (client, server) = (client.session_context("test"), server.session_context("test"));
        (client.sessions(Arc::new(ClientCache::default())), server.session_store(Arc::new(MemoryStore::new(10))))
    } else {
        (client, server)
    };
    let (client_config, server_config) = (client.build().unwrap(), server.build().unwrap());
    let name = ServerName::try_from(NAME.to_string()).unwrap();
    let mut client = ClientConnection::new(client_config.clone(), name).unwrap();
    let mut server = ServerConnection::new(server_config.clone());
    for _ in 0..2 {
        pass(&mut client, &mut server);
        pass(&mut server, &mut client);
    }
    assert!(client.is_established() && server.is_established());
    Ends { client, client_config, server, server_config }
}

/// What is freed with it, with the struct itself.
fn weight(dormant: Dormant) -> usize {
    let freed = measure(|| drop(dormant)).bytes_current;
    usize::try_from(-freed).unwrap() + size_of::<Dormant>()
}

/// The name, the protocol, and the digests of both kinds that the certificate has.
fn named(dormant: &Dormant) -> usize {
    let agreed = dormant.agreed();
    let digest = dormant.peer_certificate_digest().map_or(0, |digest| digest.len());
    agreed.server_name.map_or(0, str::len) + agreed.alpn_protocol.map_or(0, <[u8]>::len) + digest + 32
}

#[test]
fn a_dormant_connection_is_at_most_256_bytes_and_what_it_names() {
    for suite in SUITES {
        for has_names in [false, true] {
            for without_exporters in [false, true] {
                let Ends { client, server, .. } = established(suite, has_names);
                for mut dormant in [client.export().unwrap(), server.export().unwrap()] {
                    if without_exporters {
                        dormant = dormant.without_exporters();
                    }
                    let named = named(&dormant);
                    let weight = weight(dormant);
                    assert!(weight <= FIXED_PART + named, "{suite}: {weight} bytes, {named} of them named");
                    assert!(weight > named + 100, "{suite}: {weight} bytes cannot be all");
                }
            }
        }
    }
}

/// Where the session is stored: the store, and the ID or the session, with the server that a client asks it for.
const STORED: usize = 64;

#[test]
fn where_its_session_is_stored_comes_on_top_as_long_as_it_stays_in_the_process() {
    for suite in SUITES {
        for has_names in [false, true] {
            let bare = established(suite, has_names);
            // The configurations live on, so that what they keep is not counted.
            let kept = with_sessions(suite, has_names, true);
            let at_rest = [
                (bare.client.export().unwrap(), kept.client.export().unwrap(), STORED + NAME.len()),
                (bare.server.export().unwrap(), kept.server.export().unwrap(), STORED),
            ];
            for (bare, stored, more) in at_rest {
                assert_eq!(weight(stored), weight(bare) + more, "{suite}");
            }
            // As bytes a server's session is its ID, and a client's is not there.
            let kept = with_sessions(suite, has_names, true);
            for (dormant, more) in [(kept.client.export().unwrap(), 0), (kept.server.export().unwrap(), 32)] {
                let named = named(&dormant);
                let weight = weight(Dormant::from_bytes(&dormant.to_bytes()).unwrap());
                assert!(weight <= FIXED_PART + named + more, "{suite}: {weight} bytes, {named} of them named");
            }
        }
    }
}

#[test]
fn a_connection_that_has_rested_is_no_heavier_than_its_certificates_were() {
    for suite in SUITES {
        let Ends { client, client_config, server, server_config } = established(suite, true);
        let client = measure(|| {
            let woken: ClientConnection = client.export().unwrap().wake(&client_config).unwrap();
            std::mem::forget(woken);
        });
        assert!(client.bytes_current <= 0, "{suite}: {client:?}");
        // A server kept no certificate, and has a digest of its own in the place of its identity.
        let server = measure(|| {
            let woken: ServerConnection = server.export().unwrap().wake(&server_config).unwrap();
            std::mem::forget(woken);
        });
        assert!(server.bytes_current <= 32 + 64, "{suite}: {server:?}");
    }
}
