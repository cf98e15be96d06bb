//! A client that connects its standard input and output with a TLS 1.2 server. What was agreed on and the server's
//! certificate go to standard error.
//!
//! ```text
//! printf 'GET / HTTP/1.0\r\n\r\n' | cargo run --example client -- localhost:4433 --roots roots.pem
//! ```
//!
//! A second call with the same `--session FILE` resumes the session of the first, and with `--key-log FILE` Wireshark can read
//! what goes over the wire. `--verbose` shows each message of the handshake.
//!
//! When its input ends it sends close_notify, and goes on to read until the server closes as well. A server may then leave
//! unsent what it had to say (RFC 5246 §7.2.1): with `--keep-open` it is the one to close. The exit code is 0 if the
//! server closed cleanly; if not it is 1, with the reason on standard error.
//!
//! Both directions run at once in one thread: the socket is non-blocking, and `TlsStream` loses nothing when a read or a
//! write would block. Only standard input, which cannot be non-blocking, has a thread of its own.

#[path = "../common/mod.rs"]
mod common;
mod session_file;

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tls12::dangerous::AcceptAnything;
use tls12::message::{CipherSuite, MaxFragmentLength, NamedGroup};
use tls12::pki_types::ServerName;
use tls12::stream::TlsStream;
use tls12::{
    CertificateView, ClientConfig, ClientConnection, Direction, KeyLogFile, NotResumed, Observer, OcspPolicy,
    RecordSize, Seen, WebPkiVerifier,
};

use session_file::SessionFile;

/// Connects standard input and output with a TLS 1.2 server.
#[derive(Parser)]
struct Options {
    /// The server, such as example.com:443 or [::1]:4433.
    #[arg(value_name = "HOST:PORT")]
    server: String,
    /// PEM file with the root certificates to trust.
    #[arg(long, value_name = "FILE", required_unless_present = "insecure")]
    roots: Option<PathBuf>,
    /// Accept any certificate: whoever is in between can read and change everything.
    #[arg(long, conflicts_with = "roots")]
    insecure: bool,
    /// The name or IP address to ask for and to find in the certificate [default: the host].
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// An application protocol to offer, such as http/1.1; can be repeated, best first.
    #[arg(long, value_name = "PROTOCOL")]
    alpn: Vec<String>,
    /// A cipher suite to offer, by its name in the RFC; can be repeated, best first [default: all].
    #[arg(long, value_name = "SUITE")]
    cipher_suite: Vec<CipherSuite>,
    /// A group to offer: x25519, secp256r1 or secp384r1; can be repeated, best first [default: all].
    #[arg(long, value_name = "GROUP")]
    group: Vec<NamedGroup>,
    /// PEM file with our certificate and the intermediate ones behind it, for a server that asks for one.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// PEM file with its private key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// File to resume a session from and to save it to. It holds secrets: whoever reads it can decrypt the connections.
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// What to make of OCSP responses that the server staples.
    #[arg(long, value_enum, default_value = "check", conflicts_with = "insecure")]
    ocsp: Ocsp,
    /// Bytes of data in the records that we send, 64 to 16384; or "growing", for small ones at first [default: 16384].
    #[arg(long, value_name = "BYTES", value_parser = common::parse_record_size)]
    record_size: Option<RecordSize>,
    /// The most bytes of data in a record to us, 64 to 16384 (RFC 8449).
    #[arg(long, value_name = "BYTES")]
    record_size_limit: Option<u16>,
    /// Asks for records of at most 512, 1024, 2048 or 4096 bytes, both ways (RFC 6066).
    #[arg(long, value_name = "BYTES")]
    max_fragment_length: Option<MaxFragmentLength>,
    /// Appends the master secret to a file, for Wireshark [default: the file that SSLKEYLOGFILE names].
    #[arg(long, value_name = "FILE")]
    key_log: Option<PathBuf>,
    /// Shows each message of the handshake, and more of what was agreed on.
    #[arg(long)]
    verbose: bool,
    /// Say nothing when the input ends, and wait for the server to close.
    #[arg(long)]
    keep_open: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ocsp {
    /// There has to be a good one.
    Require,
    /// One that is there has to be good.
    Check,
    /// Does not ask for them.
    Off,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                // Some errors say their cause themselves.
                let why = error.to_string();
                if !text.contains(&why) {
                    text.push_str(&format!(": {why}"));
                }
                cause = error.source();
            }
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (host, _) = options.server.rsplit_once(':').ok_or("the server has to be given as HOST:PORT")?;
    let name = options.server_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
    let name = ServerName::try_from(name.to_string()).map_err(|_| format!("\"{name}\" is no name of a server"))?;
    let trace = Arc::new(Trace::default());
    let connection = ClientConnection::new(config(options, &trace)?, name)?;

    let socket =
        TcpStream::connect(&options.server).map_err(|error| format!("no connection to {}: {error}", options.server))?;
    let mut stream = TlsStream::new(connection, socket);
    stream.handshake()?;
    describe(stream.connection())?;
    if options.verbose {
        trace.describe(stream.connection());
    }

    stream.transport().set_nonblocking(true)?;
    talk(&mut stream, &read_stdin(), options.keep_open)?;

    // The server has closed; it gets its answer if it still listens.
    stream.transport().set_nonblocking(false)?;
    _ = stream.close();
    Ok(())
}

fn config(options: &Options, trace: &Arc<Trace>) -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let mut config = ClientConfig::builder().alpn_protocols(&options.alpn);
    // Which configurations may resume each other's sessions: those that trust the same, and are the same to the server.
    let mut context = Vec::new();
    config = match &options.roots {
        Some(file) => {
            let roots = common::read_certificates(file)?;
            context.extend(roots.iter().flat_map(|root| root.to_vec()));
            let policy = match options.ocsp {
                Ocsp::Require => OcspPolicy::Required,
                Ocsp::Check => OcspPolicy::Check,
                Ocsp::Off => OcspPolicy::Ignore,
            };
            context.extend(format!("{policy:?}").bytes());
            config.verifier(Arc::new(WebPkiVerifier::new(roots)?.with_ocsp(policy)))
        }
        None => {
            context.extend(b"insecure");
            config.verifier(Arc::new(AcceptAnything))
        }
    };
    if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
        let identity = common::read_identity(cert, key)?;
        context.extend(identity.chain().iter().flat_map(|certificate| certificate.to_vec()));
        config = config.identity(identity);
    }
    if let Some(file) = &options.session {
        config = config.session_context(&context).sessions(Arc::new(SessionFile::open(file)));
    }
    if !options.cipher_suite.is_empty() {
        config = config.cipher_suites(&options.cipher_suite);
    }
    if !options.group.is_empty() {
        config = config.group_names(&options.group);
    }
    if let Some(size) = options.record_size {
        config = config.record_size(size);
    }
    if let Some(bytes) = options.record_size_limit {
        config = config.record_size_limit(bytes);
    }
    if let Some(length) = options.max_fragment_length {
        config = config.max_fragment_length(length);
    }
    let key_log = match &options.key_log {
        Some(file) => Some(KeyLogFile::open(file).map_err(|error| format!("{}: {error}", file.display()))?),
        None => KeyLogFile::from_environment()?,
    };
    if let Some(key_log) = key_log {
        config = config.key_log(Arc::new(key_log));
    }
    if options.verbose {
        config = config.observer(trace.clone());
    }
    Ok(config.build()?)
}

/// What `--verbose` shows.
#[derive(Debug, Default)]
struct Trace {
    stapled: AtomicBool,
}

impl Observer for Trace {
    fn message(&self, seen: &Seen<'_>) {
        let arrow = match seen.direction {
            Direction::Sent => "->",
            Direction::Received => "<-",
        };
        eprintln!("{arrow} {} ({} bytes)", seen.message, seen.length);
        if seen.message == "CertificateStatus" {
            self.stapled.store(true, Ordering::Relaxed);
        }
    }

    fn not_resumed(&self, _: &[u8; 32], why: &NotResumed) {
        eprintln!("not resumed: {why}");
    }
}

impl Trace {
    /// In the columns of what was agreed on.
    fn describe(&self, connection: &ClientConnection) {
        let yes_or_no = |is_so| if is_so { "yes" } else { "no" };
        let (sent, received) = (connection.max_plaintext_sent(), connection.max_plaintext_received());
        eprintln!("resumed                 {}", yes_or_no(connection.resumed()));
        eprintln!("OCSP response stapled   {}", yes_or_no(self.stapled.load(Ordering::Relaxed)));
        eprintln!("longest records         {sent} bytes to the server, {received} bytes to us");
    }
}

/// What was agreed on, and who the server is.
fn describe(connection: &ClientConnection) -> Result<(), Box<dyn Error>> {
    if let Some(agreed) = connection.agreed() {
        eprintln!("{agreed}");
    }
    if let Some(certificate) = connection.peer_certificates().and_then(|certificates| certificates.end_entity()) {
        eprintln!("certificate:");
        for line in CertificateView::new(&certificate)?.to_string().lines() {
            eprintln!("    {line}");
        }
    }
    Ok(())
}

/// Reads standard input in a thread of its own, no faster than it is taken.
fn read_stdin() -> Receiver<Vec<u8>> {
    fn read(sender: &SyncSender<Vec<u8>>) -> Option<()> {
        loop {
            let mut chunk = vec![0; 16 << 10];
            // An input that cannot be read has ended.
            let length = io::stdin().read(&mut chunk).ok().filter(|length| *length > 0)?;
            chunk.truncate(length);
            sender.send(chunk).ok()?;
        }
    }
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || read(&sender));
    receiver
}

/// Copies both ways until the server closes.
fn talk(
    stream: &mut TlsStream<ClientConnection, TcpStream>,
    input: &Receiver<Vec<u8>>,
    keep_open: bool,
) -> io::Result<()> {
    let mut typed = Vec::new();
    let mut output = vec![0; 16 << 10];
    loop {
        let mut idle = true;

        if typed.is_empty() {
            match input.try_recv() {
                Ok(chunk) => typed = chunk,
                // What does not go out now goes out with the calls of `read` below.
                Err(TryRecvError::Disconnected) if !keep_open => _ = unless_it_blocks(stream.close())?,
                Err(_) => {}
            }
        }
        if !typed.is_empty()
            && let Some(taken) = unless_it_blocks(stream.write(&typed))?
        {
            typed.drain(..taken);
            idle = false;
        }

        match unless_it_blocks(stream.read(&mut output))? {
            Some(0) => return Ok(()),
            Some(length) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(output.get(..length).unwrap_or_default())?;
                stdout.flush()?;
                idle = false;
            }
            None => {}
        }

        if idle {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// `None` if the call has to be made again later.
fn unless_it_blocks<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
}
