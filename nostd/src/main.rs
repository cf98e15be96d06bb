//! The core of `tls12` in a program without `std`, with a panic handler and an allocator of its own: a client and a
//! server in one memory do a whole handshake, say something to each other, and close.
//!
//! `cargo run -p nostd --profile nostd` ends with exit code 0 only if every byte is right. That it links is the proof:
//! a dependency that brought `std` along would define the panic handler a second time.
#![no_std]
#![no_main]

extern crate alloc;

mod heap;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::{c_char, c_int};
use core::time::Duration;

use tls12::message::{CipherSuite, NamedGroup};
use tls12::pki_types::pem::PemObject;
use tls12::pki_types::{CertificateDer, ServerName, UnixTime};
use tls12::{
    Backend, CertificateError, ClientConfig, ClientConnection, Clock, Connection, Decision, Event, Identity, Peer,
    PublicKey, Received, ServerConfig, ServerConnection, Verified, VerifyPeer,
};

const CERTIFICATE: &[u8] = include_bytes!("server.pem");
const KEY: &[u8] = include_bytes!("server.key.pem");

const QUESTION: &[u8] = b"who needs an operating system?";
/// Longer than a record.
static ANSWER: [u8; 40_000] = [42; 40_000];

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(101)
}

// The `alloc` that comes with the toolchain was compiled for unwinding and asks for these, which `std` would bring.
// Nothing unwinds here, so nothing calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(102)
}

fn exit(code: c_int) -> ! {
    unsafe extern "C" {
        fn exit(code: c_int) -> !;
    }
    // SAFETY: the C library's `exit` may be called with any code, and this program has one thread.
    unsafe { exit(code) }
}

// The C runtime, which ring needs for randomness, calls this.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    match run() {
        Ok(()) => 0,
        Err(step) => step.code(),
    }
}

/// What went wrong.
#[derive(Clone, Copy)]
enum Step {
    Configuration,
    Handshake,
    Agreement,
    Data,
    Close,
}

impl Step {
    fn code(self) -> c_int {
        match self {
            Step::Configuration => 2,
            Step::Handshake => 3,
            Step::Agreement => 4,
            Step::Data => 5,
            Step::Close => 6,
        }
    }
}

/// Time stands still at 2026-01-01 00:00 UTC.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600))
    }
}

/// Trusts the one certificate that it was given.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl VerifyPeer for Pinned {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Now(match peer.certificates.end_entity() {
            Some(certificate) if certificate == self.0 => PublicKey::from_certificate(&certificate).map(Verified::new),
            _ => Err(CertificateError::Refused("not the certificate that is pinned".into())),
        })
    }
}

fn run() -> Result<(), Step> {
    let (mut client, mut server) = connections().ok_or(Step::Configuration)?;
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());

    // Two flights of each side; more would be too many.
    for _ in 0..4 {
        talk(&mut client, &[], &mut to_server).ok_or(Step::Handshake)?;
        listen(&mut server, &mut to_server).ok_or(Step::Handshake)?;
        talk(&mut server, &[], &mut to_client).ok_or(Step::Handshake)?;
        listen(&mut client, &mut to_client).ok_or(Step::Handshake)?;
    }
    if !client.is_established() || !server.is_established() {
        return Err(Step::Handshake);
    }
    let suite = Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    let agreed = client.cipher_suite() == suite
        && server.cipher_suite() == suite
        && client.key_exchange_group() == Some(NamedGroup::X25519)
        && server.server_name() == Some("server.example")
        && client.extended_master_secret();
    if !agreed {
        return Err(Step::Agreement);
    }

    talk(&mut client, QUESTION, &mut to_server).ok_or(Step::Data)?;
    if listen(&mut server, &mut to_server).ok_or(Step::Data)?.data != QUESTION {
        return Err(Step::Data);
    }
    talk(&mut server, &ANSWER, &mut to_client).ok_or(Step::Data)?;
    if listen(&mut client, &mut to_client).ok_or(Step::Data)?.data != ANSWER {
        return Err(Step::Data);
    }

    client.close();
    talk(&mut client, &[], &mut to_server).ok_or(Step::Close)?;
    let end = listen(&mut server, &mut to_server).ok_or(Step::Close)?;
    if !end.closed || !end.data.is_empty() || server.end_of_input().is_err() {
        return Err(Step::Close);
    }
    Ok(())
}

fn connections() -> Option<(ClientConnection, ServerConnection)> {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).ok()?;
    let clock = Arc::new(Stopped);
    let client = ClientConfig::builder().verifier(Arc::new(Pinned(certificate))).clock(clock.clone()).build().ok()?;
    let identity = Identity::from_pem(Backend::default(), CERTIFICATE, KEY).ok()?;
    let server = ServerConfig::builder().identity(identity).clock(clock).build().ok()?;
    let name = ServerName::try_from("server.example").ok()?;
    Some((ClientConnection::new(client, name).ok()?, ServerConnection::new(server)))
}

/// Puts all that `connection` has to say behind `wire`, with all of `plaintext`.
fn talk<C: Connection>(connection: &mut C, mut plaintext: &[u8], wire: &mut Vec<u8>) -> Option<()> {
    while connection.wants_write() || !plaintext.is_empty() {
        let mut output = [0; 2000];
        let sent = connection.write(plaintext, &mut output).ok()?;
        wire.extend_from_slice(output.get(..sent.produced)?);
        plaintext = plaintext.get(sent.taken..)?;
    }
    Some(())
}

/// What came.
#[derive(Default)]
struct Heard {
    data: Vec<u8>,
    closed: bool,
}

/// Reads all of `wire`.
fn listen<C: Connection>(connection: &mut C, wire: &mut Vec<u8>) -> Option<Heard> {
    let mut heard = Heard::default();
    loop {
        let Received { consumed, event } = connection.read(wire).ok()?;
        let done = match event {
            Event::Progress | Event::Established => false,
            Event::Data(range) => {
                heard.data.extend_from_slice(wire.get(range)?);
                false
            }
            Event::NeedInput { .. } => true,
            Event::Closed => {
                heard.closed = true;
                true
            }
            _ => return None,
        };
        wire.drain(..consumed);
        if done {
            return Some(heard);
        }
    }
}
