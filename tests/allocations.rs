//! How often the library allocates: never for a record of an established connection; the figures of a handshake;
//! and that memory for long messages is freed.
//!
//! A test binary of its own, because counting needs a global allocator of its own. Calls are counted for each thread.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that panics fails, as it should"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use tls12::message::{CipherSuite, SignatureScheme};
use tls12::pki_types::{PrivateKeyDer, ServerName};
use tls12::stream::TlsStream;
use tls12::{
    Ask, Backend, CertificateError, ClientConfig, ClientConnection, Connection, Decision, Event, Identity, Peer,
    PublicKey, Receive, Received, RecordBuffer, ServerConfig, ServerConnection, SignError, SigningKey, Step, Transmit,
    Verified, VerifyPeer, dangerous,
};

const NAME: &str = "server.example";

/// One for each AEAD.
const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Sizes of data: one byte, some, a record, several records.
const LENGTHS: [usize; 5] = [1, 100, 16384, 16385, 60_000];

/// Rounds for each size.
const ROUNDS: usize = 20;

/// With the default verifier, or with none to speak of.
fn configs(suite: CipherSuite, verifies: bool) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
    let root = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let identity = Identity::new(vec![root.clone()], Backend::default().load_key(&key).unwrap()).unwrap();
    let client = ClientConfig::builder().cipher_suites(&[suite]);
    let client = if verifies { client.roots([root]) } else { client.verifier(Arc::new(dangerous::AcceptAnything)) };
    (client.build().unwrap(), ServerConfig::builder().identity(identity).build().unwrap())
}

fn connections(suite: CipherSuite) -> (ClientConnection, ServerConnection) {
    let (client, server) = configs(suite, true);
    (ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap(), ServerConnection::new(server))
}

/// Gives `to` all that `from` has queued, in buffers that are there already.
fn pass(from: &mut impl Connection, to: &mut impl Connection, buffer: &mut [u8]) {
    let filled = from.write(&[], buffer).unwrap().produced;
    let mut at = 0;
    loop {
        let Received { consumed, event } = to.read(&mut buffer[at..filled]).unwrap();
        at += consumed;
        if let Event::NeedInput { .. } = event {
            return;
        }
    }
}

fn established(suite: CipherSuite) -> (ClientConnection, ServerConnection) {
    let (mut client, mut server) = connections(suite);
    let mut buffer = vec![0; 20_000];
    pass(&mut client, &mut server, &mut buffer);
    pass(&mut server, &mut client, &mut buffer);
    pass(&mut client, &mut server, &mut buffer);
    pass(&mut server, &mut client, &mut buffer);
    assert!(client.is_established() && server.is_established());
    (client, server)
}

/// No call of the allocator while this runs.
#[track_caller]
fn assert_allocates_nothing(what: &str, work: impl FnOnce()) {
    let counted = measure(work);
    assert_eq!(counted.count_total, 0, "{what} allocates: {counted:?}");
}

/// Sends `data` once; the other side reads all of it in place.
fn send(from: &mut impl Transmit, to: &mut impl Receive, data: &[u8], wire: &mut [u8]) {
    let sent = from.write(data, wire).unwrap();
    assert_eq!(sent.taken, data.len());
    read_all(to, &mut wire[..sent.produced], data.len());
}

fn read_all(to: &mut impl Receive, mut wire: &mut [u8], length: usize) {
    let mut received = 0;
    loop {
        let Received { consumed, event } = to.read(wire).unwrap();
        match event {
            Event::Data(range) => received += range.len(),
            Event::NeedInput { .. } => break,
            _ => panic!("neither data nor the end of it"),
        }
        wire = &mut wire[consumed..];
    }
    assert_eq!(received, length);
}

#[test]
fn read_and_write_allocate_nothing_for_a_record() {
    for suite in SUITES {
        let (mut client, mut server) = established(suite);
        let data = vec![7; 60_000];
        let mut wire = vec![0; 70_000];
        for length in LENGTHS {
            assert_allocates_nothing(&format!("{suite}, {length} bytes"), || {
                for _ in 0..ROUNDS {
                    send(&mut client, &mut server, &data[..length], &mut wire);
                    send(&mut server, &mut client, &data[..length], &mut wire);
                }
            });
        }
        let (_, mut sender) = client.split().unwrap();
        let (mut receiver, _) = server.split().unwrap();
        assert_allocates_nothing(&format!("{suite}, in halves"), || {
            send(&mut sender, &mut receiver, &data, &mut wire);
        });
    }
}

#[test]
fn write_vec_allocates_nothing_where_there_is_capacity() {
    for suite in SUITES {
        let (mut client, mut server) = established(suite);
        let data = vec![7; 60_000];
        for length in LENGTHS {
            // Exactly what output_len says is enough.
            let mut wire = Vec::with_capacity(client.output_len(length));
            assert_allocates_nothing(&format!("{suite}, {length} bytes"), || {
                for _ in 0..ROUNDS {
                    wire.clear();
                    assert_eq!(client.write_vec(&data[..length], &mut wire).unwrap().taken, length);
                    read_all(&mut server, &mut wire, length);
                    wire.clear();
                    assert_eq!(server.write_vec(&data[..length], &mut wire).unwrap().taken, length);
                    read_all(&mut client, &mut wire, length);
                }
            });
        }
    }
}

/// Receives through a record buffer; says how many bytes of data came.
fn step_all(to: &mut impl Connection, buffer: &mut RecordBuffer, mut wire: &[u8]) -> usize {
    let mut received = 0;
    loop {
        match buffer.step(to).unwrap() {
            Step::Data(data) => received += data.len(),
            Step::NeedInput if wire.is_empty() => return received,
            Step::NeedInput => _ = buffer.fill_from(&mut wire).unwrap(),
            _ => panic!("neither data nor the end of it"),
        }
    }
}

#[test]
fn a_record_buffer_allocates_nothing_once_it_has_its_size() {
    for suite in SUITES {
        let (mut client, mut server) = established(suite);
        let data = vec![7; 60_000];
        let mut wire = vec![0; 70_000];
        let (mut of_client, mut of_server) = (RecordBuffer::new(), RecordBuffer::new());
        let mut round = |length: usize| {
            let sent = client.write(&data[..length], &mut wire).unwrap();
            assert_eq!(step_all(&mut server, &mut of_server, &wire[..sent.produced]), length);
            let sent = server.write(&data[..length], &mut wire).unwrap();
            assert_eq!(step_all(&mut client, &mut of_client, &wire[..sent.produced]), length);
        };
        round(60_000);
        for length in LENGTHS {
            assert_allocates_nothing(&format!("{suite}, {length} bytes"), || {
                (0..ROUNDS).for_each(|_| round(length));
            });
        }
    }
}

/// A transport whose buffers are there already.
struct Pipe {
    incoming: Rc<RefCell<VecDeque<u8>>>,
    outgoing: Rc<RefCell<VecDeque<u8>>>,
}

impl Pipe {
    fn pair() -> (Pipe, Pipe) {
        let wire = || Rc::new(RefCell::new(VecDeque::with_capacity(100_000)));
        let (up, down) = (wire(), wire());
        (Pipe { incoming: down.clone(), outgoing: up.clone() }, Pipe { incoming: up, outgoing: down })
    }
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut incoming = self.incoming.borrow_mut();
        // A kind alone is no allocation.
        if incoming.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { incoming.read(out) }
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_allocates_nothing_for_a_record_once_its_buffers_have_their_size() {
    for suite in SUITES {
        let (client, server) = connections(suite);
        let (one, other) = Pipe::pair();
        let (mut client, mut server) = (TlsStream::new(client, one), TlsStream::new(server, other));
        for _ in 0..3 {
            _ = client.handshake();
            _ = server.handshake();
        }
        let data = vec![7; 60_000];
        let mut heard = vec![0; 60_000];
        let mut round = |length: usize| {
            client.write_all(&data[..length]).unwrap();
            server.read_exact(&mut heard[..length]).unwrap();
            server.write_all(&data[..length]).unwrap();
            client.read_exact(&mut heard[..length]).unwrap();
        };
        round(60_000);
        for length in LENGTHS {
            assert_allocates_nothing(&format!("{suite}, {length} bytes"), || {
                (0..ROUNDS).for_each(|_| round(length));
            });
        }
    }
}

/// What each side allocates in one handshake, those of the crypto crate, the verifier and the signing included, and what
/// of it stays: the heap of an established connection.
fn handshake(suite: CipherSuite, verifies: bool) -> [AllocationInfo; 2] {
    let (client_config, server_config) = configs(suite, verifies);
    let name = ServerName::try_from(NAME).unwrap();
    let mut buffer = vec![0; 20_000];
    let (mut client, mut server) = (None, None);
    let mut parts = [Vec::new(), Vec::new()];

    parts[0].push(measure(|| client = Some(ClientConnection::new(client_config.clone(), name.clone()).unwrap())));
    parts[1].push(measure(|| server = Some(ServerConnection::new(server_config.clone()))));
    let (Some(client), Some(server)) = (&mut client, &mut server) else { panic!("they were just made") };
    for _ in 0..2 {
        let mut filled = 0;
        parts[0].push(measure(|| filled = client.write(&[], &mut buffer).unwrap().produced));
        parts[1].push(measure(|| handle(server, &mut buffer[..filled])));
        parts[1].push(measure(|| filled = server.write(&[], &mut buffer).unwrap().produced));
        parts[0].push(measure(|| handle(client, &mut buffer[..filled])));
    }
    assert!(client.is_established() && server.is_established());
    parts.map(|parts| {
        let sum = |of: fn(&AllocationInfo) -> i64| parts.iter().map(of).sum::<i64>();
        AllocationInfo {
            count_total: parts.iter().map(|part| part.count_total).sum(),
            bytes_total: parts.iter().map(|part| part.bytes_total).sum(),
            count_current: sum(|part| part.count_current),
            bytes_current: sum(|part| part.bytes_current),
            ..AllocationInfo::default()
        }
    })
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

#[test]
fn the_figures_of_a_handshake_are_these() {
    for suite in SUITES {
        // The first one also fills what the crypto crate keeps for ever.
        handshake(suite, true);
        let figures = handshake(suite, true);
        let [unverified, _] = handshake(suite, false);
        println!("{suite}, client: {} allocations without its verifier", unverified.count_total);
        for (role, figure, size) in [
            ("client", &figures[0], size_of::<ClientConnection>()),
            ("server", &figures[1], size_of::<ServerConnection>()),
        ] {
            println!(
                "{suite}, {role}: {} allocations of {} bytes; of them stay {} of {} bytes, beside a struct of {size} bytes",
                figure.count_total, figure.bytes_total, figure.count_current, figure.bytes_current
            );
        }
        // Two keys, the server's name, and on the client what the server showed.
        let [client, server] = figures;
        assert_eq!((client.count_current, server.count_current), (6, 5), "all else is freed when it is established");
        assert!(server.bytes_current <= 1600, "what stays with a server: {server:?}");
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

/// What stays allocated after `work` of what it allocates, less what it frees; and the most that there was.
fn held(work: impl FnOnce()) -> (i64, i64) {
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
        let (now, most) = held(|| flight.records[..count].iter_mut().for_each(|record| handle(&mut client, record)));
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
    let (under_way, _) = held(|| flight.records[..count].iter_mut().for_each(|record| handle(&mut client, record)));
    assert!(under_way > 28 << 10, "the Certificate is nearly there: {under_way}");
    let (freed, _) = held(|| fails(&mut client));
    assert!(under_way + freed < 1024, "a client that failed holds {} of {under_way}", under_way + freed);
}

#[test]
fn a_server_that_fails_within_its_flight_says_nothing_of_it_and_frees_it_with_its_alert() {
    let (client, server) = long_configs(true);
    let mut client = ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap();
    let mut hello = Vec::new();
    _ = client.write_vec(&[], &mut hello).unwrap();
    let (mut connection, mut ask) = (None, None);
    let (waiting, _) = held(|| {
        let mut server = ServerConnection::new(server.clone());
        ask = asked(&mut server, &mut hello);
        connection = Some(server);
    });
    let mut server = connection.unwrap();
    assert!(matches!(ask, Some(Ask::Sign(_))), "{ask:?}");
    assert!(waiting > 28 << 10, "the Certificate waits for the signature: {waiting}");
    // A question that is dropped is a failure.
    let (freed, _) = held(|| {
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
        let (now, _) = held(|| ask = flight.records.iter_mut().find_map(|record| asked(&mut client, record)));
        assert!(matches!(ask, Some(Ask::Verify(_))), "{ask:?}");
        // Those of the connection are those of the question.
        assert!((length - 1024..length + SMALL).contains(&now), "records of {size}: {now} are held for {length}");
    }
}
