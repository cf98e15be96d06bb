//! How much memory the peer's certificates take, by what the configuration says becomes of them.
//!
//! A test binary of its own, because counting needs a global allocator of its own. Calls are counted for each thread.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics fails, as it should"
)]

use std::sync::Arc;

use allocation_counter::measure;
use tls12::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tls12::{
    Backend, ClientAuthPolicy, ClientConfig, ClientConnection, Connection, Event, Identity, PeerCertificatesPolicy,
    Received, ServerConfig, ServerConnection, dangerous,
};

const NAME: &str = "server.example";

/// Both sides show so many certificates.
const CHAIN: usize = 7;

struct Sides {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    /// What the chain takes in the memory of one connection: with the lengths of the certificates (RFC 5246 §7.4.2), and
    /// with the two counters of an `Arc`.
    chain: i64,
}

impl Sides {
    fn new(policy: &PeerCertificatesPolicy) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
        let root = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let chain: Vec<CertificateDer<'static>> = vec![root.clone(); CHAIN];
        let identity = || Identity::new(chain.clone(), Backend::default().load_key(&key).unwrap()).unwrap();
        // Nobody looks for a path in it.
        let verifier = Arc::new(dangerous::AcceptAnything);
        let client = ClientConfig::builder().verifier(verifier.clone()).identity(identity());
        let server = ServerConfig::builder().identity(identity());
        let server = server.client_authentication(ClientAuthPolicy::Required, verifier);
        let bytes = CHAIN * (3 + root.len()) + 2 * size_of::<usize>();
        Sides {
            client: client.peer_certificates(policy.clone()).build().unwrap(),
            server: server.peer_certificates(policy.clone()).build().unwrap(),
            chain: i64::try_from(bytes.next_multiple_of(align_of::<usize>())).unwrap(),
        }
    }

    /// A client and a server that are established, and the bytes of heap that each holds.
    fn connect(&self) -> (ClientConnection, ServerConnection, [i64; 2]) {
        let (config, name) = (self.client.clone(), ServerName::try_from(NAME).unwrap());
        let (mut client, mut server) = (None, None);
        let mut held = [0; 2];
        held[0] += bytes(|| client = Some(ClientConnection::new(config, name).unwrap()));
        held[1] += bytes(|| server = Some(ServerConnection::new(self.server.clone())));
        let (Some(mut client), Some(mut server)) = (client, server) else { panic!("they were just made") };
        let (mut buffer, mut filled) = (vec![0; 20_000], 0);
        for _ in 0..2 {
            held[0] += bytes(|| filled = client.write(&[], &mut buffer).unwrap().produced);
            held[1] += bytes(|| read(&mut server, &mut buffer[..filled]));
            held[1] += bytes(|| filled = server.write(&[], &mut buffer).unwrap().produced);
            held[0] += bytes(|| read(&mut client, &mut buffer[..filled]));
        }
        assert!(client.is_established() && server.is_established());
        (client, server, held)
    }
}

/// What stays of `work`, in bytes.
fn bytes(work: impl FnOnce()) -> i64 {
    measure(work).bytes_current
}

fn read(connection: &mut impl Connection, mut input: &mut [u8]) {
    loop {
        let Received { consumed, event } = connection.read(input).unwrap();
        if let Event::NeedInput { .. } = event {
            return;
        }
        input = &mut input[consumed..];
    }
}

/// SHA-256 of the server's certificate, on a client that does not keep that; with the two counters of an `Arc`.
const END_POINT: i64 = 32 + 16;

#[test]
fn what_is_shared_or_dropped_takes_no_memory() {
    let dropping = Sides::new(&PeerCertificatesPolicy::Dropped);
    // The first one also fills what the crypto crate keeps for ever.
    drop(dropping.connect());
    let (_, _, [of_client, of_server]) = dropping.connect();
    // Without the peer's certificates.
    let bare = [of_client - END_POINT, of_server];
    assert!(bare.iter().all(|held| *held <= 1600), "{bare:?}");

    let keeping = Sides::new(&PeerCertificatesPolicy::Kept);
    assert!(keeping.chain > 2000, "long enough to be seen: {}", keeping.chain);
    let all: Vec<_> = (0..3).map(|_| keeping.connect()).collect();
    for (.., held) in &all {
        assert_eq!(held.map(|held| held - keeping.chain), bare, "each has the chain");
    }

    let sharing = Sides::new(&PeerCertificatesPolicy::shared(10));
    let all: Vec<_> = (0..5).map(|_| sharing.connect()).collect();
    // The first of them pays for the chain and for its place in the pool; client and server were shown the same.
    for (.., held) in &all[1..] {
        assert_eq!(*held, bare, "the others have none");
    }
}

#[test]
fn what_is_shared_is_freed_with_the_pool_and_the_last_connection() {
    let (mut first, mut second) = (None, None);
    let sharing = Sides::new(&PeerCertificatesPolicy::shared(10));
    drop(sharing.connect());
    first.replace(sharing.connect());
    second.replace(sharing.connect());
    let chain = -sharing.chain;
    assert!(bytes(|| drop(first)) > chain, "the second one has it still");
    drop(sharing);
    assert!(bytes(|| drop(second)) <= chain, "nobody has it any more");
}
