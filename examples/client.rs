//! A client that connects its standard input and output with a TLS 1.2 server. What was agreed on and the server's
//! certificate go to standard error.
//!
//! ```text
//! printf 'GET / HTTP/1.0\r\n\r\n' | cargo run --example client -- localhost:4433 --roots roots.pem
//! ```
//!
//! When its input ends it sends close_notify, and goes on to read until the server closes as well. A server may then leave
//! unsent what it had to say (RFC 5246 §7.2.1): with `--keep-open` it is the one to close. The exit code is 0 if the
//! server closed cleanly; if not it is 1, with the reason on standard error.
//!
//! Both directions run at once in one thread: the socket is non-blocking, and `TlsStream` loses nothing when a read or a
//! write would block. Only standard input, which cannot be non-blocking, has a thread of its own.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use clap::Parser;
use tls12::dangerous::AcceptAnything;
use tls12::message::{CipherSuite, NamedGroup};
use tls12::pki_types::pem::PemObject;
use tls12::pki_types::{CertificateDer, ServerName};
use tls12::stream::TlsStream;
use tls12::{CertificateView, ClientConfig, ClientConnection};

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
    /// Say nothing when the input ends, and wait for the server to close.
    #[arg(long)]
    keep_open: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprint!(": {error}");
                cause = error.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (host, _) = options.server.rsplit_once(':').ok_or("the server has to be given as HOST:PORT")?;
    let name = options.server_name.as_deref().unwrap_or(host.trim_matches(['[', ']']));
    let name = ServerName::try_from(name.to_string()).map_err(|_| format!("\"{name}\" is no name of a server"))?;
    let connection = ClientConnection::new(config(options)?, name)?;

    let socket =
        TcpStream::connect(&options.server).map_err(|error| format!("no connection to {}: {error}", options.server))?;
    let mut stream = TlsStream::new(connection, socket);
    stream.handshake()?;
    describe(stream.connection())?;

    stream.transport().set_nonblocking(true)?;
    talk(&mut stream, &read_stdin(), options.keep_open)?;

    // The server has closed; it gets its answer if it still listens.
    stream.transport().set_nonblocking(false)?;
    _ = stream.close();
    Ok(())
}

fn config(options: &Options) -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let mut config = ClientConfig::builder().alpn_protocols(&options.alpn);
    config = match &options.roots {
        Some(file) => config.roots(read_roots(file)?),
        None => config.verifier(Arc::new(AcceptAnything)),
    };
    if !options.cipher_suite.is_empty() {
        config = config.cipher_suites(&options.cipher_suite);
    }
    if !options.group.is_empty() {
        config = config.group_names(&options.group);
    }
    Ok(config.build()?)
}

fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, Box<dyn Error>> {
    let roots = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    Ok(roots.map_err(|error| format!("{}: {error}", file.display()))?)
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
