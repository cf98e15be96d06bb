//! How often the library allocates in a handshake that resumes a session, and how much a connection holds whose client was
//! asked for a certificate.
//!
//! A test binary of its own, because counting needs a global allocator of its own. Calls are counted for each thread.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics fails, as it should"
)]

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use tls12::message::CipherSuite;
use tls12::pki_types::{PrivateKeyDer, ServerName};
use tls12::{
    Backend, ClientAuthPolicy, ClientCache, ClientConfig, ClientConfigBuilder, ClientConnection, Connection, Event,
    Identity, MemoryStore, Received, ServerConfig, ServerConfigBuilder, ServerConnection, Tickets, WebPkiVerifier,
    dangerous,
};

const NAME: &str = "server.example";

/// One for each AEAD.
const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Both sides authenticated by certificates that are their own roots, if the client is asked.
fn builders(suite: CipherSuite, mutual: bool) -> (ClientConfigBuilder, ServerConfigBuilder) {
    let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
    let root = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let identity = || Identity::new(vec![root.clone()], Backend::default().load_key(&key).unwrap()).unwrap();
    let client = ClientConfig::builder().cipher_suites(&[suite]).roots([root.clone()]);
    let server = ServerConfig::builder().identity(identity());
    if !mutual {
        return (client, server);
    }
    let verifier = Arc::new(WebPkiVerifier::for_clients([root.clone()]).unwrap());
    (client.identity(identity()), server.client_authentication(ClientAuthPolicy::Required, verifier))
}

/// All parts of the work of one side.
fn sum(parts: &[AllocationInfo]) -> AllocationInfo {
    let sum = |of: fn(&AllocationInfo) -> i64| parts.iter().map(of).sum::<i64>();
    AllocationInfo {
        count_total: parts.iter().map(|part| part.count_total).sum(),
        bytes_total: parts.iter().map(|part| part.bytes_total).sum(),
        count_current: sum(|part| part.count_current),
        bytes_current: sum(|part| part.bytes_current),
        ..AllocationInfo::default()
    }
}

fn handle(connection: &mut impl Connection, mut input: &mut [u8]) {
    loop {
        let Received { consumed, event } = connection.read(input).unwrap();
        if let Event::NeedInput { .. } = event {
            return;
        }
        input = &mut input[consumed..];
    }
}

/// What each side allocates in one handshake, those of the crypto crate and of the verifier included, and what of it stays.
fn handshake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, resumed: bool) -> [AllocationInfo; 2] {
    let name = ServerName::try_from(NAME).unwrap();
    let mut buffer = vec![0; 20_000];
    let mut made = (None, None);
    let mut parts = [Vec::new(), Vec::new()];
    parts[0].push(measure(|| made.0 = Some(ClientConnection::new(client.clone(), name.clone()).unwrap())));
    parts[1].push(measure(|| made.1 = Some(ServerConnection::new(server.clone()))));
    let (Some(client), Some(server)) = (&mut made.0, &mut made.1) else { panic!("they were just made") };
    for _ in 0..2 {
        let mut filled = 0;
        parts[0].push(measure(|| filled = client.write(&[], &mut buffer).unwrap().produced));
        parts[1].push(measure(|| handle(server, &mut buffer[..filled])));
        parts[1].push(measure(|| filled = server.write(&[], &mut buffer).unwrap().produced));
        parts[0].push(measure(|| handle(client, &mut buffer[..filled])));
    }
    assert!(client.is_established() && server.is_established());
    assert_eq!((client.resumed(), server.resumed()), (resumed, resumed));
    parts.map(|parts| sum(&parts))
}

fn print(what: &str, figures: &[AllocationInfo; 2]) {
    for (role, figure) in ["client", "server"].into_iter().zip(figures) {
        println!(
            "{what}, {role}: {} allocations of {} bytes; of them stay {} of {} bytes",
            figure.count_total, figure.bytes_total, figure.count_current, figure.bytes_current
        );
    }
}

/// What a resumption may allocate at most, on the client and on the server, beside what tickets need.
const MOST: [u64; 2] = [11, 12];

/// What `Tickets` need to open one: the plaintext, the session, and in it the secret, the name and a digest.
const OPENING: u64 = 5;

/// What a new ticket needs, which they give each time: on the client the ticket, the session, its secret and its name, and
/// where it is kept; on the server the session's bytes and the ticket.
const RENEWING: [u64; 2] = [5, 2];

#[test]
fn the_figures_of_a_resumption_are_these() {
    for suite in SUITES {
        for by_ticket in [false, true] {
            let (client, server) = builders(suite, false);
            let client = client.sessions(Arc::new(ClientCache::new().single_use_tickets(false))).build().unwrap();
            let server = if by_ticket {
                server.tickets(Arc::new(Tickets::new().unwrap()))
            } else {
                server.session_store(Arc::new(MemoryStore::new(10)))
            };
            let server = server.build().unwrap();
            // The first ones also fill what the crypto crate and the store keep.
            handshake(&client, &server, false);
            handshake(&client, &server, true);
            let figures = handshake(&client, &server, true);
            print(&format!("{suite}, by {}", if by_ticket { "ticket" } else { "ID" }), &figures);
            let [of_client, of_server] = figures.map(|figure| figure.count_total);
            let of_tickets = if by_ticket { [RENEWING[0], OPENING + RENEWING[1]] } else { [0; 2] };
            let [client_s, server_s] = [MOST[0] + of_tickets[0], MOST[1] + of_tickets[1]];
            assert!(of_client <= client_s, "client, by ticket: {by_ticket}: {of_client}");
            assert!(of_server <= server_s, "server, by ticket: {by_ticket}: {of_server}");
        }
    }
}

#[test]
fn the_figures_of_a_handshake_in_which_both_sides_are_authenticated_are_these() {
    for suite in SUITES {
        let (client, server) = builders(suite, true);
        let (client, server) = (client.build().unwrap(), server.build().unwrap());
        handshake(&client, &server, false);
        let figures = handshake(&client, &server, false);
        print(&format!("{suite}, mutual"), &figures);
        // Two keys, what is exported from, the server's name, and what the peer has shown.
        assert_eq!(figures.each_ref().map(|figure| figure.count_current), [6, 6], "all else is freed");
        assert!(figures.iter().all(|figure| figure.bytes_current <= 1600 + 500), "with a certificate of 400 bytes");
    }
}

/// A chain of many certificates: their message has about so many bytes.
const LONG: usize = 30 << 10;

/// What a connection may hold beside long messages.
const SMALL: i64 = 3 << 10;

#[test]
fn what_certificate_verify_signs_is_freed_once_that_has_gone_by() {
    let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
    let root = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let identity =
        |count| Identity::new(vec![root.clone(); count], Backend::default().load_key(&key).unwrap()).unwrap();
    let client = ClientConfig::builder().verifier(Arc::new(dangerous::AcceptAnything)).identity(identity(1));
    let verifier = Arc::new(WebPkiVerifier::for_clients([root.clone()]).unwrap());
    let server = ServerConfig::builder().identity(identity(LONG / (root.len() + 3)));
    let server = server.client_authentication(ClientAuthPolicy::Required, verifier);
    let (client_config, server_config) = (client.build().unwrap(), server.build().unwrap());

    let mut buffer = vec![0; 80_000];
    let mut made = (None, None);
    let mut filled = 0;
    let client_hello = measure(|| {
        let mut client = ClientConnection::new(client_config, ServerName::try_from(NAME).unwrap()).unwrap();
        filled = client.write(&[], &mut buffer).unwrap().produced;
        made.0 = Some(client);
    });
    let waiting = measure(|| {
        let mut server = ServerConnection::new(server_config);
        handle(&mut server, &mut buffer[..filled]);
        filled = server.write(&[], &mut buffer).unwrap().produced;
        made.1 = Some(server);
    });
    let (Some(client), Some(server)) = (&mut made.0, &mut made.1) else { panic!("they were just made") };
    let long = LONG as i64;
    assert!(waiting.bytes_current > long - SMALL, "the server keeps its flight: {waiting:?}");
    let flight = measure(|| {
        handle(client, &mut buffer[..filled]);
        filled = client.write(&[], &mut buffer).unwrap().produced;
    });
    let held = client_hello.bytes_current + flight.bytes_current;
    // The certificates, and where they were put together; the transcript would be a third copy.
    assert!(held < 2 * long + SMALL, "the client keeps no transcript: {held}");
    // All of the client's flight but for the records of ChangeCipherSpec and Finished.
    let end = filled - 6 - (5 + 8 + 16 + 16);
    assert_eq!(buffer[end], 20);
    let verified = measure(|| handle(server, &mut buffer[..end]));
    assert_eq!(server.state(), "WaitChangeCipherSpec");
    let held = waiting.bytes_current + verified.bytes_current;
    assert!(held < SMALL, "the server keeps the client's certificate alone: {held}");
}
