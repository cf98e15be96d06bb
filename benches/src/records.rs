//! Records of one length, sealed and opened by each of the subjects.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::ConnectionState;
use tls12::{Event, MAX_HEADROOM, Received, TAG_LEN};
use zenbench::{BenchGroup, black_box};

use crate::certificates::Issued;
use crate::{Backend, Handshake, bare, ours, theirs};

/// What the longest record carries (RFC 5246 §6.2.1).
pub const LONGEST: usize = 1 << 14;

/// Seals one record after the other.
pub trait Seal: Send + 'static {
    /// Makes one record, and says where it is. The plaintext is the caller's; where it is to be sealed in place, it is there already.
    fn seal(&mut self, plaintext: &[u8]) -> &[u8];
}

/// Opens one record after the other.
pub trait Open: Send + 'static {
    /// Opens all records in `wire`, which carry plaintexts of `length` bytes; gives how many bytes they carried.
    fn open(&mut self, wire: &mut [u8], length: usize) -> usize;
}

/// After so many records, there are new keys: AES-GCM and rustls set a limit at twice as many (RFC 9325 §4.4).
const MOST: usize = 1 << 23;

/// Measures how long one record takes to seal.
pub fn seal<S: Seal, O>(group: &mut BenchGroup, name: &str, length: usize, pair: impl Fn() -> (S, O) + Send + 'static) {
    let plaintext = vec![0x2a; length];
    let (mut sealer, _) = pair();
    let mut sealed = 0;
    group.bench(name, move |bencher| {
        if sealed > MOST {
            (sealer, _) = pair();
            sealed = 0;
        }
        bencher.iter(|| {
            sealed += 1;
            black_box(sealer.seal(black_box(&plaintext)).len())
        });
    });
}

/// So many records are opened in one go: they fit in the second level of the cache at most.
#[must_use]
pub fn batch(length: usize) -> usize {
    (64 << 10) / (length + 64)
}

/// Measures how long it takes to open [`batch`] records; the other side seals them before.
pub fn open<S: Seal, O: Open>(
    group: &mut BenchGroup,
    name: &str,
    length: usize,
    pair: impl Fn() -> (S, O) + Send + 'static,
) {
    let plaintext = Arc::new(vec![0x2a; length]);
    let (sealer, mut opener) = pair();
    let sealer = Arc::new(Mutex::new(sealer));
    let mut opened = 0;
    group.bench(name, move |bencher| {
        if opened > MOST {
            let (new, other) = pair();
            *sealer.lock().expect("a sealer") = new;
            opener = other;
            opened = 0;
        }
        let (sealer, plaintext) = (sealer.clone(), plaintext.clone());
        let records = move || {
            let mut sealer = sealer.lock().expect("a sealer");
            let mut wire = Vec::with_capacity(128 << 10);
            (0..batch(length)).for_each(|_| wire.extend_from_slice(sealer.seal(&plaintext)));
            wire
        };
        bencher.with_input(records).run(|mut wire| {
            opened += batch(length);
            assert_eq!(opener.open(black_box(&mut wire), length), batch(length) * length);
            wire
        });
    });
}

/// The bare AEAD. No header and no explicit nonce stand before its records.
pub struct Bare<R> {
    records: R,
    record: Vec<u8>,
}

macro_rules! bare {
    ($backend:ident, $pair:ident) => {
        /// A side that seals and one that opens.
        #[must_use]
        pub fn $pair(length: usize) -> (Bare<bare::$backend::Records>, Bare<bare::$backend::Records>) {
            let side = || Bare { records: bare::$backend::Records::new(), record: vec![0x2a; length + 16] };
            (side(), side())
        }

        impl Seal for Bare<bare::$backend::Records> {
            #[inline]
            fn seal(&mut self, _: &[u8]) -> &[u8] {
                self.records.seal(&mut self.record);
                &self.record
            }
        }

        impl Open for Bare<bare::$backend::Records> {
            #[inline]
            fn open(&mut self, wire: &mut [u8], length: usize) -> usize {
                wire.chunks_exact_mut(length + 16).map(|record| self.records.open(record)).sum()
            }
        }
    };
}

bare!(ring, bare_ring);
bare!(aws_lc, bare_aws_lc);

/// `write`, into a slice.
pub struct OursWrite {
    connection: tls12::ClientConnection,
    output: Vec<u8>,
}

/// `write_vec`.
pub struct OursWriteVec {
    connection: tls12::ClientConnection,
    output: Vec<u8>,
}

/// `seal_in_place`: the plaintext stands in a buffer with room around it.
pub struct OursInPlace {
    connection: tls12::ClientConnection,
    buffer: Vec<u8>,
}

/// `read`, in place.
pub struct Ours {
    connection: tls12::ServerConnection,
}

impl Seal for OursWrite {
    #[inline]
    fn seal(&mut self, plaintext: &[u8]) -> &[u8] {
        let sent = self.connection.write(plaintext, &mut self.output).expect("written");
        &self.output[..sent.produced]
    }
}

impl Seal for OursWriteVec {
    #[inline]
    fn seal(&mut self, plaintext: &[u8]) -> &[u8] {
        self.output.clear();
        _ = self.connection.write_vec(plaintext, &mut self.output).expect("written");
        &self.output
    }
}

impl Seal for OursInPlace {
    #[inline]
    fn seal(&mut self, _: &[u8]) -> &[u8] {
        let end = self.buffer.len() - TAG_LEN;
        let record = self.connection.seal_in_place(&mut self.buffer, MAX_HEADROOM..end).expect("sealed");
        &self.buffer[record]
    }
}

impl Open for Ours {
    #[inline]
    fn open(&mut self, mut wire: &mut [u8], _: usize) -> usize {
        let mut opened = 0;
        loop {
            let Received { consumed, event } = self.connection.read(wire).expect("read");
            match event {
                Event::Data(range) => opened += range.len(),
                Event::NeedInput { .. } => return opened,
                _ => unreachable!("there is nothing but data"),
            }
            wire = &mut wire[consumed..];
        }
    }
}

fn ours(backend: Backend, issued: &Issued) -> ours::Pair {
    let configs = ours::Configs::new(backend, Handshake::Ecdsa, issued);
    configs.run(&mut vec![0; 20_000])
}

/// A side that seals with `write`, and one that opens.
#[must_use]
pub fn ours_write(backend: Backend, issued: &Issued) -> (OursWrite, Ours) {
    ours_of(&ours::Configs::new(backend, Handshake::Ecdsa, issued))
}

/// As [`ours_write`], of these configurations.
#[must_use]
pub fn ours_of(configs: &ours::Configs) -> (OursWrite, Ours) {
    let (connection, server) = configs.run(&mut vec![0; 20_000]);
    (OursWrite { connection, output: vec![0; LONGEST + 256] }, Ours { connection: server })
}

/// A side that seals with `write_vec`, and one that opens.
#[must_use]
pub fn ours_write_vec(backend: Backend, issued: &Issued) -> (OursWriteVec, Ours) {
    let (connection, server) = ours(backend, issued);
    (OursWriteVec { connection, output: Vec::with_capacity(LONGEST + 256) }, Ours { connection: server })
}

/// A side that seals with `seal_in_place`, and one that opens.
#[must_use]
pub fn ours_in_place(backend: Backend, issued: &Issued, length: usize) -> (OursInPlace, Ours) {
    let (connection, server) = ours(backend, issued);
    (OursInPlace { connection, buffer: vec![0x2a; MAX_HEADROOM + length + TAG_LEN] }, Ours { connection: server })
}

/// `writer().write_all`, then `write_tls`.
pub struct Theirs {
    connection: rustls::ClientConnection,
    output: Vec<u8>,
}

/// `read_tls`, `process_new_packets`, `reader().read`.
pub struct TheirReader {
    connection: rustls::ServerConnection,
    plaintext: Vec<u8>,
}

impl Seal for Theirs {
    #[inline]
    fn seal(&mut self, plaintext: &[u8]) -> &[u8] {
        self.output.clear();
        self.connection.writer().write_all(plaintext).expect("written");
        while self.connection.wants_write() {
            self.connection.write_tls(&mut self.output).expect("sent");
        }
        &self.output
    }
}

impl Open for TheirReader {
    #[inline]
    fn open(&mut self, wire: &mut [u8], _: usize) -> usize {
        let (mut wire, mut opened) = (&*wire, 0);
        while !wire.is_empty() {
            self.connection.read_tls(&mut wire).expect("read");
            let mut ready = self.connection.process_new_packets().expect("processed").plaintext_bytes_to_read();
            while ready > 0 {
                let read = self.connection.reader().read(&mut self.plaintext).expect("plaintext");
                opened += read;
                ready -= read;
            }
        }
        opened
    }
}

/// rustls with its own buffers: a side that seals and one that opens.
#[must_use]
pub fn theirs(backend: Backend, issued: &Issued) -> (Theirs, TheirReader) {
    let (connection, server) = theirs::Configs::new(backend, Handshake::Ecdsa, issued).run(&mut Vec::new());
    let output = Vec::with_capacity(LONGEST + 256);
    (Theirs { connection, output }, TheirReader { connection: server, plaintext: vec![0; LONGEST] })
}

/// `WriteTraffic::encrypt`.
pub struct TheirsUnbuffered {
    connection: UnbufferedClientConnection,
    output: Vec<u8>,
}

/// `process_tls_records`, `ReadTraffic::next_record`.
pub struct TheirUnbufferedReader {
    connection: UnbufferedServerConnection,
}

impl Seal for TheirsUnbuffered {
    #[inline]
    fn seal(&mut self, plaintext: &[u8]) -> &[u8] {
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = self.connection.process_tls_records(&mut []).state else {
            unreachable!("it is established")
        };
        let length = traffic.encrypt(plaintext, &mut self.output).expect("encrypted");
        &self.output[..length]
    }
}

impl Open for TheirUnbufferedReader {
    #[inline]
    fn open(&mut self, wire: &mut [u8], _: usize) -> usize {
        let (mut at, mut opened) = (0, 0);
        loop {
            let status = self.connection.process_tls_records(&mut wire[at..]);
            let discard = status.discard;
            match status.state.expect("processed") {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        opened += record.expect("a record").payload.len();
                    }
                }
                ConnectionState::WriteTraffic(_) => return opened,
                _ => unreachable!("there is nothing but data"),
            }
            at += discard;
        }
    }
}

/// rustls without buffers: a side that seals and one that opens.
#[must_use]
pub fn theirs_unbuffered(backend: Backend, issued: &Issued) -> (TheirsUnbuffered, TheirUnbufferedReader) {
    let mut wires = [vec![0; 20_000], vec![0; 20_000]];
    let (connection, server) = theirs::Configs::new(backend, Handshake::Ecdsa, issued).run_unbuffered(&mut wires);
    let output = vec![0; LONGEST + 256];
    (TheirsUnbuffered { connection, output }, TheirUnbufferedReader { connection: server })
}
