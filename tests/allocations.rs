//! How often the library allocates: never for a record of an established connection; and the figures of a full handshake.
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

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Range;
use std::rc::Rc;

use allocation_counter::measure;
use tls12::message::CipherSuite;
use tls12::pki_types::ServerName;
use tls12::stream::TlsStream;
use tls12::{
    ClientConfigBuilder, ClientConnection, Connection, Event, Receive, Received, RecordBuffer, ServerConnection, Step,
    Transmit,
};

use counting::bare::Bare;
use counting::{BACKENDS, Credentials, Ends, NAME, SUITES};

/// Sizes of data: one byte, some, a record, several records.
const LENGTHS: [usize; 5] = [1, 100, 16384, 16385, 60_000];

/// Rounds for each size.
const ROUNDS: usize = 20;

/// Every AEAD of every backend.
fn all() -> impl Iterator<Item = (Credentials, CipherSuite)> {
    BACKENDS.iter().flat_map(|backend| SUITES.map(|suite| (Credentials::new(*backend), suite)))
}

fn established(credentials: &Credentials, suite: CipherSuite) -> (ClientConnection, ServerConnection) {
    let client = credentials.client().cipher_suites(&[suite]).build().unwrap();
    let Ends { client, server, .. } = Ends::established(&client, &credentials.server().build().unwrap());
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
    for (credentials, suite) in all() {
        let (mut client, mut server) = established(&credentials, suite);
        let data = vec![7; 60_000];
        let mut wire = vec![0; 70_000];
        for length in LENGTHS {
            assert_allocates_nothing(&format!("{:?}, {suite}, {length} bytes", credentials.backend), || {
                for _ in 0..ROUNDS {
                    send(&mut client, &mut server, &data[..length], &mut wire);
                    send(&mut server, &mut client, &data[..length], &mut wire);
                }
            });
        }
        let (_, mut sender) = client.split().unwrap();
        let (mut receiver, _) = server.split().unwrap();
        assert_allocates_nothing(&format!("{:?}, {suite}, in halves", credentials.backend), || {
            send(&mut sender, &mut receiver, &data, &mut wire);
        });
    }
}

/// Seals one record in place, which the other side reads in place.
fn seal_in_place(from: &mut impl Transmit, to: &mut impl Receive, buffer: &mut [u8], length: usize) {
    let record: Range<usize> = from.seal_in_place(buffer, 13..13 + length).unwrap();
    read_all(to, &mut buffer[record], length);
}

#[test]
fn sealing_in_place_allocates_nothing() {
    for (credentials, suite) in all() {
        let (mut client, mut server) = established(&credentials, suite);
        let mut buffer = vec![0; 17_000];
        for length in [1, 100, 16384] {
            assert_allocates_nothing(&format!("{:?}, {suite}, {length} bytes", credentials.backend), || {
                for _ in 0..ROUNDS {
                    seal_in_place(&mut client, &mut server, &mut buffer, length);
                    seal_in_place(&mut server, &mut client, &mut buffer, length);
                }
            });
        }
        let (_, mut sender) = client.split().unwrap();
        let (mut receiver, _) = server.split().unwrap();
        assert_allocates_nothing(&format!("{:?}, {suite}, in halves", credentials.backend), || {
            seal_in_place(&mut sender, &mut receiver, &mut buffer, 16384);
        });
    }
}

#[test]
fn write_vec_allocates_nothing_where_there_is_capacity() {
    for (credentials, suite) in all() {
        let (mut client, mut server) = established(&credentials, suite);
        let data = vec![7; 60_000];
        for length in LENGTHS {
            // Exactly what output_len says is enough.
            let mut wire = Vec::with_capacity(client.output_len(length));
            assert_allocates_nothing(&format!("{:?}, {suite}, {length} bytes", credentials.backend), || {
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
    for (credentials, suite) in all() {
        let (mut client, mut server) = established(&credentials, suite);
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
            assert_allocates_nothing(&format!("{:?}, {suite}, {length} bytes", credentials.backend), || {
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
    for (credentials, suite) in all() {
        let client = credentials.client().cipher_suites(&[suite]).build().unwrap();
        let client = ClientConnection::new(client, ServerName::try_from(NAME).unwrap()).unwrap();
        let server = ServerConnection::new(credentials.server().build().unwrap());
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
            assert_allocates_nothing(&format!("{:?}, {suite}, {length} bytes", credentials.backend), || {
                (0..ROUNDS).for_each(|_| round(length));
            });
        }
    }
}

/// What a full handshake may allocate at most, on the client and on the server, beside the crypto crate and webpki.
const MOST: [u64; 2] = [14, 12];

/// Which settings a handshake is made with, beside certificates on ECDSA.
type Settings = fn(ClientConfigBuilder) -> ClientConfigBuilder;

/// What both sides of a full handshake allocate beside the crypto crate and webpki.
///
/// Subtracted is what the same calls allocate that are made alone: the client verifies a path and a signature, the server
/// signs, and verifies what it has signed. All else counts, also the box around the key pair, the vector with the signature and
/// what [`tls12::WebPkiVerifier`] does around webpki.
fn ours(credentials: &Credentials, settings: Settings) -> [u64; 2] {
    let (client, server) = (settings(credentials.client()).build().unwrap(), credentials.server().build().unwrap());
    // The first one also fills what the crypto crate keeps for ever.
    Ends::established(&client, &server);
    let Bare { exchange, signing, verifying, keys, path, .. } = credentials.bare();
    let bare = [exchange + keys + path + verifying, exchange + keys + signing + verifying];
    let [of_client, of_server] = Ends::established(&client, &server).counted.map(|counted| counted.count_total);
    println!("{:?}: {of_client} and {of_server}, of them {bare:?} by the crypto crate and webpki", credentials.backend);
    [of_client - bare[0], of_server - bare[1]]
}

#[test]
fn a_full_handshake_allocates_at_most_14_times_on_a_client_and_12_on_a_server() {
    let all: [(&str, Settings); 5] = [
        ("with the default settings", |client| client),
        ("AES-128-GCM", |client| client.cipher_suites(&SUITES[..1])),
        ("AES-256-GCM", |client| client.cipher_suites(&SUITES[1..2])),
        ("ChaCha20-Poly1305", |client| client.cipher_suites(&SUITES[2..])),
        ("without server_name", |client| client.send_server_name(false)),
    ];
    for backend in BACKENDS {
        let credentials = Credentials::new(*backend);
        for (what, settings) in all {
            let [client, server] = ours(&credentials, settings);
            println!("{backend:?}, {what}: ours are {client} and {server}");
            assert!(client <= MOST[0] && server <= MOST[1], "{backend:?}, {what}: {client} and {server}");
        }
    }
}
