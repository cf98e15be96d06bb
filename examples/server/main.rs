//! A small web server over TLS 1.2, with given certificates or one made on the spot. It serves one page, which says what
//! the browser and it have agreed on.
//!
//! ```text
//! cargo run --example server -- --port 4433 --write-cert cert.pem
//! curl --cacert cert.pem https://localhost:4433/
//! ```
//!
//! Clients resume their sessions by ticket and, those that take none, by session ID. With `--client-ca` they are asked for a
//! certificate:
//!
//! ```text
//! cargo run --example server -- --cert cert.pem --key key.pem --ocsp response.der --client-ca roots.pem --client-auth request
//! openssl s_client -connect localhost:4433 -tls1_2 -status -cert client.pem -key client-key.pem -reconnect
//! ```
//!
//! One thread for each connection; requests have a longest size, and a client that says nothing is not waited for. The
//! address goes to standard output, one line for each connection to standard error.

#[path = "../common/mod.rs"]
mod common;
mod http;

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tls12::stream::TlsStream;
use tls12::{
    Backend, CertificateView, ClientAuthPolicy, Identity, MemoryStore, PeerProof, RecordSize, ServerConfig,
    ServerConnection, Tickets, WebPkiVerifier,
};

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves a small page over HTTP/1.1 and TLS 1.2, on this machine alone.
#[derive(Parser)]
struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4433)]
    port: u16,
    /// PEM file with our certificate and the intermediate ones behind it; can be repeated, and each client is shown the
    /// one that fits [default: one for localhost, made on the spot].
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Vec<PathBuf>,
    /// PEM file with the private key; one for each certificate, in the same order.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Vec<PathBuf>,
    /// File with an OCSP response (DER) to staple; for the certificates in the same order.
    #[arg(long, value_name = "FILE", requires = "cert")]
    ocsp: Vec<PathBuf>,
    /// Writes the certificate that is made on the spot to a PEM file, for clients to trust.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    write_cert: Option<PathBuf>,
    /// PEM file with the root certificates that clients are verified by: asks each for a certificate.
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// What becomes of clients that show none: with "request" they are served all the same.
    #[arg(long, value_enum, default_value = "require", requires = "client_ca")]
    client_auth: ClientAuth,
    /// An application protocol that we speak; can be repeated, best first.
    #[arg(long, value_name = "PROTOCOL", default_values = ["http/1.1", "http/1.0"])]
    alpn: Vec<String>,
    /// Gives out no tickets (RFC 5077).
    #[arg(long)]
    no_tickets: bool,
    /// How many sessions to keep for clients that resume by session ID; 0 for none.
    #[arg(long, value_name = "NUMBER", default_value_t = 1024)]
    sessions: usize,
    /// Bytes of data in the records that we send, 64 to 16384; or "growing", for small ones at first [default: 16384].
    #[arg(long, value_name = "BYTES", value_parser = common::parse_record_size)]
    record_size: Option<RecordSize>,
    /// The most bytes of data in a record to us, 64 to 16384 (RFC 8449).
    #[arg(long, value_name = "BYTES")]
    record_size_limit: Option<u16>,
    /// Ends after so many connections [default: never].
    #[arg(long, value_name = "NUMBER")]
    connections: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ClientAuth {
    Request,
    Require,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let config = config(&options)?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    println!("https://localhost:{}/", listener.local_addr()?.port());

    // The scope waits for the connections that are still open.
    thread::scope(|scope| {
        for _ in 0..options.connections.unwrap_or(usize::MAX) {
            let (socket, client) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    eprintln!("no connection: {error}");
                    thread::sleep(Duration::from_millis(100));
                    continue;
                }
            };
            let config = Arc::clone(&config);
            scope.spawn(move || {
                if let Err(error) = serve(socket, config) {
                    eprintln!("{client}: {error}");
                }
            });
        }
    });
    Ok(())
}

fn config(options: &Options) -> Result<Arc<ServerConfig>, Box<dyn Error>> {
    let mut config = ServerConfig::builder().identities(identities(options)?).alpn_protocols(&options.alpn);
    if let Some(file) = &options.client_ca {
        let policy = match options.client_auth {
            ClientAuth::Request => ClientAuthPolicy::Optional,
            ClientAuth::Require => ClientAuthPolicy::Required,
        };
        let verifier = WebPkiVerifier::for_clients(common::read_certificates(file)?)?;
        config = config.client_authentication(policy, Arc::new(verifier));
    }
    if !options.no_tickets {
        config = config.tickets(Arc::new(Tickets::new()?));
    }
    if options.sessions > 0 {
        config = config.session_store(Arc::new(MemoryStore::new(options.sessions)));
    }
    if let Some(size) = options.record_size {
        config = config.record_size(size);
    }
    if let Some(bytes) = options.record_size_limit {
        config = config.record_size_limit(bytes);
    }
    Ok(config.build()?)
}

fn identities(options: &Options) -> Result<Vec<Identity>, Box<dyn Error>> {
    if options.cert.is_empty() {
        return Ok(vec![make_identity(options)?]);
    }
    if options.key.len() != options.cert.len() || options.ocsp.len() > options.cert.len() {
        return Err("give each certificate its key, and at most one OCSP response".into());
    }
    let mut identities = Vec::new();
    for (index, (cert, key)) in options.cert.iter().zip(&options.key).enumerate() {
        let mut identity = common::read_identity(cert, key)?;
        // The only one is shown to all clients, whatever they ask for.
        if options.cert.len() > 1 {
            identity = identity.names_from_certificate()?;
        }
        if let Some(file) = options.ocsp.get(index) {
            identity = identity.with_ocsp_response(common::read(file)?)?;
        }
        identities.push(identity);
    }
    Ok(identities)
}

fn make_identity(options: &Options) -> Result<Identity, Box<dyn Error>> {
    let names = ["localhost", "127.0.0.1"].map(str::to_string);
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names)?;
    if let Some(file) = &options.write_cert {
        fs::write(file, cert.pem())?;
    }
    let key = signing_key.serialize_pem();
    Ok(Identity::from_pem(Backend::default(), cert.pem().as_bytes(), key.as_bytes())?)
}

/// One connection, from its handshake to its end.
fn serve(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_nodelay(true)?;
    let client = socket.peer_addr()?;
    let mut stream = TlsStream::new(ServerConnection::new(config), socket);

    let result = stream.handshake().and_then(|()| {
        let agreed = agreed(stream.connection());
        let lines = agreed.each_ref().map(|(name, value)| format!("{name}: {value}"));
        eprintln!("{client}: {}", lines.join("; "));
        http::answer_requests(&mut stream, &http::page(&agreed))?;
        stream.close()
    });
    // What was sent last is lost if the socket is closed while input waits.
    _ = linger(stream.transport_mut());
    result.map_err(|error| match is_timeout(&error) {
        true => io::Error::new(ErrorKind::TimedOut, "the client is too slow"),
        false => error,
    })
}

/// What a socket's timeout is depends on the operating system.
fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// What was agreed on, for the page and for the log.
fn agreed(connection: &ServerConnection) -> [(&'static str, String); 8] {
    let yes_or_no = |is_so| if is_so { "yes" } else { "no" }.to_string();
    [
        ("Cipher suite", text(connection.cipher_suite())),
        ("Resumed", yes_or_no(connection.resumed())),
        ("Key exchange", text(connection.key_exchange_group())),
        ("Signature", text(connection.signature_scheme())),
        ("Application protocol", text(connection.alpn_protocol().map(<[u8]>::escape_ascii))),
        ("Extended master secret", yes_or_no(connection.extended_master_secret())),
        ("Server name", text(connection.server_name())),
        ("Client", client(connection)),
    ]
}

fn text(value: Option<impl Display>) -> String {
    value.map_or("none".to_string(), |value| value.to_string())
}

/// Who the client is, now or in the session that it resumes.
fn client(connection: &ServerConnection) -> String {
    match connection.peer_proof() {
        Some(PeerProof::Verified(_) | PeerProof::FromSession(_)) => {
            let certificate = connection.peer_certificates().and_then(|certificates| certificates.end_entity());
            let view = certificate.and_then(|certificate| CertificateView::new(&certificate).ok());
            view.map_or("has a certificate that cannot be shown".to_string(), |view| view.subject)
        }
        Some(PeerProof::Declined(_)) => "has no certificate".to_string(),
        _ => "was not asked".to_string(),
    }
}

/// Ends our direction, and waits a moment for the client to end its own.
fn linger(socket: &mut TcpStream) -> io::Result<()> {
    socket.shutdown(Shutdown::Write)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if socket.read(&mut rest)? == 0 {
            break;
        }
    }
    Ok(())
}
