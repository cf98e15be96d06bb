//! How much memory a connection holds: established and idle, whatever went over it; and under way, of what is long.
//!
//! A test binary of its own, because counting needs a global allocator of its own.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics fails, as it should"
)]

mod counting;
#[cfg(feature = "ring")]
#[path = "it/kernel.rs"]
#[allow(dead_code, reason = "of its two directions one is needed here")]
mod kernel;

use std::sync::Arc;

use allocation_counter::measure;
use tls12::message::{CipherSuite, SignatureScheme};
use tls12::pki_types::{PrivateKeyDer, ServerName};
use tls12::{
    Ask, Backend, CertificateError, ClientAuthPolicy, ClientConfig, ClientConnection, Connection, Decision, Event,
    Identity, Peer, PublicKey, Received, ServerConfig, ServerConnection, SignError, SigningKey, Verified, VerifyPeer,
    WebPkiVerifier, dangerous,
};

use counting::{BACKENDS, Credentials, Ends, NAME, SUITES, handle, held};

/// What an established connection may take at most, in bytes, its struct and its heap, without the certificates of its peer. The
/// expanded keys of aws-lc-rs are two allocations of its C library, of 592 bytes each, which are not seen here: with them it is
/// 1,744.
fn most(backend: Backend) -> i64 {
    match backend {
        #[cfg(feature = "aws-lc-rs")]
        Backend::AwsLc => 560,
        _ => 1600,
    }
}

/// Of both sides, in bytes.
fn weights(ends: &Ends) -> [i64; 2] {
    let [client, server] = ends.counted.map(|counted| counted.bytes_current);
    [client + size_of::<ClientConnection>() as i64, server + size_of::<ServerConnection>() as i64]
}

/// What the client keeps of the server's certificates: with the length of each (RFC 5246 §7.4.2), and with the two counters of
/// an `Arc`.
fn shown(client: &ClientConnection) -> i64 {
    let certificates = client.peer_certificates().unwrap();
    let bytes: usize = certificates.iter().map(|certificate| 3 + certificate.len()).sum();
    (bytes + 2 * size_of::<usize>()).next_multiple_of(align_of::<usize>()) as i64
}

/// Both ends of a connection that were asked for nothing special, and for names.
fn established(backend: Backend, suite: CipherSuite) -> Ends {
    let credentials = Credentials::new(backend);
    let client = credentials.client().cipher_suites(&[suite]).alpn_protocols(["h2"]).build().unwrap();
    let server = credentials.server().alpn_protocols(["h2"]).build().unwrap();
    // The first one also fills what the crypto crate keeps for ever.
    Ends::established(&client, &server);
    Ends::established(&client, &server)
}

#[test]
fn an_established_connection_takes_1600_bytes_at_most_on_ring_and_560_beside_the_keys_on_aws_lc_rs() {
    for backend in BACKENDS {
        for suite in SUITES {
            let ends = established(*backend, suite);
            let [client, server] = weights(&ends);
            let client = client - shown(&ends.client);
            println!(
                "{backend:?}, {suite}: {client} and {server} bytes; the structs are {} and {} of them",
                size_of::<ClientConnection>(),
                size_of::<ServerConnection>()
            );
            let most = most(*backend);
            assert!(client <= most && server <= most, "{backend:?}, {suite}: {client} and {server}");
            // Two keys, what is exported from, and names; on the client what the server showed.
            let counts = ends.counted.map(|counted| counted.count_current);
            assert!(counts[0] <= 5 && counts[1] <= 4, "{backend:?}, {suite}: {counts:?} pieces");
        }
    }
}

/// Sends so many bytes, a record at a time, and the other side reads them.
fn send(from: &mut impl Connection, to: &mut impl Connection, mut length: usize, wire: &mut Vec<u8>) {
    while length > 0 {
        wire.clear();
        let data = vec![7; length.min(60_000)];
        length -= from.write_vec(&data, wire).unwrap().taken;
        handle(to, wire);
    }
}

#[test]
fn traffic_changes_nothing_of_what_a_connection_takes() {
    for backend in BACKENDS {
        for suite in SUITES {
            let Ends { mut client, mut server, .. } = established(*backend, suite);
            let mut wire = Vec::with_capacity(70_000);
            for length in [1, 16 << 10, 1 << 20] {
                let stays = held(|| {
                    send(&mut client, &mut server, length, &mut wire);
                    send(&mut server, &mut client, length, &mut wire);
                });
                assert_eq!(stays, 0, "{backend:?}, {suite}: after {length} bytes each way");
            }
        }
    }
}

/// The peer of `end` sends warnings and asks for a new handshake, by whole messages and by parts.
#[cfg(feature = "ring")]
fn is_disturbed(mut end: impl Connection, peer: impl Connection, request: &[u8], what: &str) {
    let secrets = peer.export().unwrap().into_ktls_secrets().unwrap();
    let mut peer = kernel::Kernel::new(secrets.transmit.as_bytes());
    let (first, rest) = request.split_at(3);
    let both = [request, request].concat();
    let records: [(u8, &[u8]); 7] =
        [(21, &[1, 90]), (22, request), (22, first), (22, rest), (22, &[]), (22, &both), (21, &[1, 110])];
    let mut out = [0; 200];
    for (content_type, content) in records {
        let mut record = peer.seal(content_type, content);
        let mut said = 0;
        let stays = held(|| {
            handle(&mut end, &mut record);
            said = end.write(&[], &mut out).unwrap().produced;
        });
        // What is half inside has to be somewhere.
        let half = content == first;
        assert!(if half { stays > 0 } else { stays <= 0 }, "{what}, {content_type}, {content:?}: {stays} bytes stay");
        assert_eq!(said > 0, content_type == 22 && !half && !content.is_empty(), "{what}: each request is refused");
    }
}

#[cfg(feature = "ring")]
#[test]
fn warnings_and_requests_to_renegotiate_change_nothing_of_what_a_connection_takes() {
    for backend in BACKENDS {
        for suite in SUITES {
            let what = format!("{backend:?}, {suite}");
            let Ends { client, server, .. } = established(*backend, suite);
            // HelloRequest
            is_disturbed(client, server, &[0; 4], &what);
            // A ClientHello; nobody reads what it says.
            let Ends { client, server, .. } = established(*backend, suite);
            is_disturbed(server, client, &[&[1, 0, 0, 40][..], &[3; 40]].concat(), &what);
        }
    }
}

/// A chain of many certificates: their message has about so many bytes.
const LONG: usize = 30 << 10;

/// What a connection may hold beside long messages: its box, keys under way, names, an error.
const SMALL: i64 = 2 << 10;

/// Puts its verdict off.
#[derive(Debug)]
struct LateVerifier;

impl VerifyPeer for LateVerifier {
    fn verify(&self, _: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Later
    }
}

/// Puts its signatures off, if it is told to.
#[derive(Debug)]
struct Key {
    inside: Arc<dyn SigningKey>,
    later: bool,
}

impl SigningKey for Key {
    fn public_key(&self) -> PublicKey {
        self.inside.public_key()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.inside.schemes()
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        if self.later { Decision::Later } else { self.inside.sign(scheme, message) }
    }
}

/// A client that puts its verdict off, and a server with a Certificate of [`LONG`] bytes, which may put off its signature.
fn long_configs(later: bool) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let chain = vec![certificate.clone(); LONG / (certificate.len() + 3)];
    let inside = Backend::default().load_key(&key).unwrap();
    let identity = Identity::new(chain, Arc::new(Key { inside, later })).unwrap();
    let client = ClientConfig::builder().verifier(Arc::new(LateVerifier)).build().unwrap();
    (client, ServerConfig::builder().identity(identity).build().unwrap())
}

/// The first flight of a server.
struct Flight {
    records: Vec<Vec<u8>>,
    /// How many of `records` come before the one that ends the Certificate.
    before_the_end: usize,
    /// The length of the Certificate, with its header.
    certificate: usize,
}

/// A client that has sent its hello, and what the server says to it, in records that carry `size` bytes, but for the first.
fn client_and_flight(first: usize, size: usize) -> (ClientConnection, Flight) {
    let (client, server) = long_configs(false);
    let mut client = ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap();
    let mut server = ServerConnection::new(server);
    let mut wire = Vec::new();
    _ = client.write_vec(&[], &mut wire).unwrap();
    handle(&mut server, &mut wire);
    wire.clear();
    _ = server.write_vec(&[], &mut wire).unwrap();

    let (mut content, mut left) = (Vec::new(), &wire[..]);
    while let [22, 3, 3, high, low, rest @ ..] = left {
        let (fragment, behind) = rest.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        content.extend_from_slice(fragment);
        left = behind;
    }
    assert!(left.is_empty());
    let length = |at: usize| 4 + u32::from_be_bytes([0, content[at + 1], content[at + 2], content[at + 3]]) as usize;
    let start = length(0);
    assert_eq!((content[0], content[start]), (2, 11), "ServerHello, Certificate");
    let certificate = length(start);
    let record = |fragment: &[u8]| [&[22, 3, 3][..], &(fragment.len() as u16).to_be_bytes(), fragment].concat();
    let (beginning, behind) = content.split_at(first);
    let records = [record(beginning)].into_iter().chain(behind.chunks(size).map(record)).collect();
    (client, Flight { records, before_the_end: 1 + (start + certificate - 1 - first) / size, certificate })
}

/// What stays allocated after `work`, and the most that there was.
fn held_at_most(work: impl FnOnce()) -> (i64, i64) {
    let counted = measure(work);
    (counted.bytes_current, counted.bytes_max as i64)
}

const FATAL_ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// Ends a connection by an alert of its peer.
fn fails(connection: &mut impl Connection) {
    let mut alert = FATAL_ALERT;
    while let Ok(Received { event, .. }) = connection.read(&mut alert) {
        assert!(matches!(event, Event::Failing), "nothing else happens");
    }
}

#[test]
fn a_message_under_way_takes_its_own_length_in_memory_and_no_more() {
    for (first, size) in [(50, 50), (1000, 1000), (10_000, 10_000), (1 << 14, 1000), (1 << 14, 50)] {
        let (mut client, mut flight) = client_and_flight(first, size);
        let length = flight.certificate as i64;
        assert!(length > 28 << 10, "{length}");
        let count = flight.before_the_end;
        let (now, most) =
            held_at_most(|| flight.records[..count].iter_mut().for_each(|record| handle(&mut client, record)));
        assert!(now <= length + 1024, "records of {first}, {size}: {now} are held of {length}");
        // While the memory grows for the last time, the first record is there twice.
        assert!(
            most <= length + first as i64 + 1024,
            "records of {first}, {size}: at most {most} were held of {length}"
        );
    }
}

#[test]
fn a_failed_connection_holds_nothing_of_what_was_under_way() {
    let (mut client, mut flight) = client_and_flight(1000, 1000);
    let count = flight.before_the_end;
    let under_way = held(|| flight.records[..count].iter_mut().for_each(|record| handle(&mut client, record)));
    assert!(under_way > 28 << 10, "the Certificate is nearly there: {under_way}");
    let freed = held(|| fails(&mut client));
    assert!(under_way + freed < 1024, "a client that failed holds {} of {under_way}", under_way + freed);
}

#[test]
fn a_server_that_fails_within_its_flight_says_nothing_of_it_and_frees_it_with_its_alert() {
    let (client, server) = long_configs(true);
    let mut client = ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap();
    let mut hello = Vec::new();
    _ = client.write_vec(&[], &mut hello).unwrap();
    let (mut connection, mut ask) = (None, None);
    let waiting = held(|| {
        let mut server = ServerConnection::new(server.clone());
        ask = asked(&mut server, &mut hello);
        connection = Some(server);
    });
    let mut server = connection.unwrap();
    assert!(matches!(ask, Some(Ask::Sign(_))), "{ask:?}");
    assert!(waiting > 28 << 10, "the Certificate waits for the signature: {waiting}");
    // A question that is dropped is a failure.
    let freed = held(|| {
        ask = None;
        let event = server.read(&mut []).unwrap().event;
        assert!(matches!(event, Event::Failing));
        let mut out = [0; 100];
        assert_eq!(server.write(&[], &mut out).unwrap().produced, 7, "an alert and nothing else");
        assert_eq!(out[..6], [21, 3, 3, 0, 2, 2]);
    });
    assert!(waiting + freed < SMALL, "a server that failed holds {} of {waiting}", waiting + freed);
}

/// Gives a connection all of the input, or so much that it has a question.
fn asked(connection: &mut impl Connection, mut input: &mut [u8]) -> Option<Ask> {
    loop {
        let Received { consumed, event } = connection.read(input).unwrap();
        match event {
            Event::NeedInput { .. } => return None,
            Event::Ask(question) => return Some(question),
            _ => input = &mut input[consumed..],
        }
    }
}

#[test]
fn a_connection_that_waits_for_a_verdict_holds_the_certificates_once() {
    for size in [1000, 1 << 14] {
        let (mut client, mut flight) = client_and_flight(size, size);
        let length = flight.certificate as i64;
        let mut ask = None;
        let now = held(|| ask = flight.records.iter_mut().find_map(|record| asked(&mut client, record)));
        assert!(matches!(ask, Some(Ask::Verify(_))), "{ask:?}");
        // Those of the connection are those of the question.
        assert!((length - 1024..length + SMALL).contains(&now), "records of {size}: {now} are held for {length}");
    }
}

/// What a connection may hold beside long messages where both sides are authenticated.
const MUTUAL: i64 = 3 << 10;

/// Of a short flight: its room stays for the next one until the handshake is done.
const ROOM: i64 = 1 << 10;

#[test]
fn what_certificate_verify_signs_is_freed_once_that_has_gone_by() {
    // Fills what the crypto crate keeps for ever.
    established(Backend::default(), SUITES[0]);
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
    let long = (LONG / (root.len() + 3) * (root.len() + 3)) as i64;
    assert!(waiting.bytes_current > long - MUTUAL, "the server keeps its flight: {waiting:?}");
    let flight = measure(|| {
        handle(client, &mut buffer[..filled]);
        filled = client.write(&[], &mut buffer).unwrap().produced;
    });
    let held = client_hello.bytes_current + flight.bytes_current;
    // The certificates, and where they were put together; the transcript would be a third copy.
    assert!(held < 2 * long + MUTUAL + ROOM, "the client keeps no transcript: {held}");
    // All of the client's flight but for the records of ChangeCipherSpec and Finished.
    let end = filled - 6 - (5 + 8 + 16 + 16);
    assert_eq!(buffer[end], 20);
    let verified = measure(|| handle(server, &mut buffer[..end]));
    assert_eq!(server.state(), "WaitChangeCipherSpec");
    let held = waiting.bytes_current + verified.bytes_current;
    assert!(held < MUTUAL, "the server keeps the client's certificate alone: {held}");
}
