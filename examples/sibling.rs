//! TLS 1.3 and TLS 1.2 on one port: clients of TLS 1.3 are served by rustls, those of TLS 1.2 alone by this library.
//!
//! ```text
//! cargo run --example sibling -- --port 4433 --write-cert cert.pem
//! curl --cacert cert.pem https://localhost:4433/
//! curl --cacert cert.pem --tls-max 1.2 https://localhost:4433/
//! cargo run --example sibling -- --self-test
//! ```
//!
//! The ClientHello decides. Whoever changes that on the way, to get a client of both versions to the weaker one, is noticed
//! by the client: beside a TLS 1.3 stack our ServerHello is marked (RFC 8446 §4.1.3).

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Parser;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::version::{TLS12, TLS13};
use tls12::message::{ClientHello, ProtocolVersion};
use tls12::pki_types::{CertificateDer, PrivateKeyDer};
use tls12::stream::TlsStream;
use tls12::{Acceptance, Accepted, Acceptor, Backend, Event, Identity, RecordBuffer};

/// Errors that can come out of a thread.
type Problem = Box<dyn Error + Send + Sync>;

/// How long a client may say nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest head of a request, in bytes.
const LONGEST_REQUEST: usize = 8 << 10;

const BY_RUSTLS: &str = "TLS 1.3 by rustls";
const BY_TLS12: &str = "TLS 1.2 by tls12";

/// Serves TLS 1.3 by rustls and TLS 1.2 by tls12 on one port, on this machine alone.
#[derive(Parser)]
struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 4433)]
    port: u16,
    /// Writes the certificate, which is made on the spot, to a PEM file, for clients to trust.
    #[arg(long, value_name = "FILE")]
    write_cert: Option<PathBuf>,
    /// Lets clients of both kinds connect, checks who serves them, and ends.
    #[arg(long)]
    self_test: bool,
}

fn main() -> Result<(), Problem> {
    let options = Options::parse();
    let certified = generate_simple_self_signed(["localhost".to_string()])?;
    let service = Arc::new(Service::new(&certified)?);
    if let Some(file) = &options.write_cert {
        fs::write(file, certified.cert.pem())?;
    }
    let listener = TcpListener::bind(("127.0.0.1", if options.self_test { 0 } else { options.port }))?;
    let address = listener.local_addr()?;
    if options.self_test {
        let server = Arc::clone(&service);
        // It ends with the program.
        thread::spawn(move || server.serve_all(&listener));
        return self_test(&service, address, certified.cert.der());
    }
    println!("https://localhost:{}/", address.port());
    service.serve_all(&listener);
    Ok(())
}

/// The same certificate and key, in two stacks.
struct Service {
    tls12: Arc<tls12::ServerConfig>,
    tls13: Arc<rustls::ServerConfig>,
}

impl Service {
    fn new(CertifiedKey { cert, signing_key }: &CertifiedKey<rcgen::KeyPair>) -> Result<Self, Problem> {
        let key = || PrivateKeyDer::try_from(signing_key.serialize_der());
        let identity = Identity::new(vec![cert.der().clone()], Backend::default().load_key(&key()?)?)?;
        Ok(Service {
            tls12: tls12::ServerConfig::builder().identity(identity).sibling_speaks_tls13(true).build()?,
            tls13: Arc::new(
                rustls::ServerConfig::builder_with_protocol_versions(&[&TLS13])
                    .with_no_client_auth()
                    .with_single_cert(vec![cert.der().clone()], key()?)?,
            ),
        })
    }

    /// One thread for each connection.
    fn serve_all(self: &Arc<Self>, listener: &TcpListener) {
        for socket in listener.incoming() {
            let service = Arc::clone(self);
            thread::spawn(move || {
                if let Err(error) = socket.map_err(Into::into).and_then(|socket| service.serve(socket)) {
                    eprintln!("{error}");
                }
            });
        }
    }

    fn serve(&self, mut socket: TcpStream) -> Result<(), Problem> {
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        let mut buffer = RecordBuffer::new();
        let accepted = accept(&mut socket, &mut buffer)?;
        if speaks_tls13(&accepted.client_hello()) {
            // All bytes as they came; early data may stand behind the hello.
            let mut received = accepted.into_bytes();
            received.extend_from_slice(buffer.unread());
            let transport = Rewound { received: io::Cursor::new(received), socket };
            let connection = rustls::ServerConnection::new(Arc::clone(&self.tls13))?;
            let mut stream = rustls::StreamOwned::new(connection, transport);
            answer(&mut stream, BY_RUSTLS)?;
            stream.conn.send_close_notify();
            stream.flush()?;
            linger(&mut stream.sock.socket)
        } else {
            let connection = accepted.into_connection(Arc::clone(&self.tls12));
            let mut stream = TlsStream::with_received(connection, socket, buffer);
            answer(&mut stream, BY_TLS12)?;
            stream.close()?;
            linger(stream.transport_mut())
        }
    }
}

/// Reads until the ClientHello is whole.
fn accept(transport: &mut (impl Read + Write), buffer: &mut RecordBuffer) -> Result<Accepted, Problem> {
    let mut acceptor = Acceptor::new();
    loop {
        match buffer.accept(&mut acceptor)? {
            Acceptance::ClientHello(accepted) => return Ok(accepted),
            Acceptance::NeedInput { .. } => {
                if buffer.fill_from(transport)? == 0 {
                    acceptor.end_of_input()?;
                }
            }
            Acceptance::Progress => {}
            // The error comes with the next round.
            Acceptance::Failing => transport.write_all(&acceptor.alert())?,
        }
    }
}

/// RFC 8446 §4.2.1: a client of TLS 1.3 says so in this extension.
fn speaks_tls13(hello: &ClientHello<'_>) -> bool {
    hello.extensions.supported_versions.is_some_and(|versions| versions.contains(ProtocolVersion::TLS_1_3))
}

/// A socket, and what was read from it already.
struct Rewound {
    received: io::Cursor<Vec<u8>>,
    socket: TcpStream,
}

impl Read for Rewound {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.received.read(out)? {
            0 => self.socket.read(out),
            count => Ok(count),
        }
    }
}

impl Write for Rewound {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.socket.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Answers one request, whatever it asks for.
fn answer(stream: &mut (impl Read + Write), by_whom: &str) -> io::Result<()> {
    let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST_REQUEST {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            count => head.extend_from_slice(chunk.get(..count).unwrap_or_default()),
        }
    }
    let length = by_whom.len() + 1;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{by_whom}\n"
    )?;
    stream.flush()
}

/// Ends our direction, and waits a moment for the client to end its own: what was sent last is lost if the socket is
/// closed while input waits.
fn linger(socket: &mut TcpStream) -> Result<(), Problem> {
    socket.shutdown(Shutdown::Write)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if !matches!(socket.read(&mut rest), Ok(1..)) {
            break;
        }
    }
    Ok(())
}

/// Clients of rustls of both kinds, over loopback; and one of both versions that somebody leads to the wrong stack.
fn self_test(service: &Service, address: SocketAddr, root: &CertificateDer<'static>) -> Result<(), Problem> {
    let both = rustls_client(rustls::ALL_VERSIONS, root)?;
    let old = rustls_client(&[&TLS12], root)?;
    for (client, name, version, by_whom) in [
        (&both, "a client of TLS 1.3 and 1.2", rustls::ProtocolVersion::TLSv1_3, BY_RUSTLS),
        (&old, "a client of TLS 1.2 alone", rustls::ProtocolVersion::TLSv1_2, BY_TLS12),
    ] {
        let connection = rustls::ClientConnection::new(Arc::clone(client), "localhost".try_into()?)?;
        let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address)?);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        let found = stream.conn.protocol_version();
        if found != Some(version) || !response.ends_with(&format!("\r\n\r\n{by_whom}\n")) {
            return Err(format!("{name} got {found:?}: {response}").into());
        }
        println!("{name} is served {by_whom}");
    }

    let downgrade = rustls::PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported;
    match led_to_tls12(service, both)? {
        Err(rustls::Error::PeerMisbehaved(problem)) if problem == downgrade => {
            println!("a client of TLS 1.3 and 1.2 that is led to tls12 refuses: {problem:?}");
        }
        other => return Err(format!("a downgrade was not noticed: {other:?}").into()),
    }
    println!("self-test: ok");
    Ok(())
}

fn rustls_client(
    versions: &[&'static rustls::SupportedProtocolVersion],
    root: &CertificateDer<'static>,
) -> Result<Arc<rustls::ClientConfig>, Problem> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone())?;
    let builder = rustls::ClientConfig::builder_with_protocol_versions(versions);
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// What the client makes of our first flight.
fn led_to_tls12(
    service: &Service,
    client: Arc<rustls::ClientConfig>,
) -> Result<Result<rustls::IoState, rustls::Error>, Problem> {
    let mut client = rustls::ClientConnection::new(client, "localhost".try_into()?)?;
    let mut hello = Vec::new();
    client.write_tls(&mut hello)?;
    let accepted = accept(&mut io::Cursor::new(hello), &mut RecordBuffer::new())?;
    let mut server = accepted.into_connection(Arc::clone(&service.tls12));
    while !matches!(server.read(&mut [])?.event, Event::NeedInput { .. }) {}
    let mut flight = Vec::new();
    _ = server.write_vec(&[], &mut flight)?;
    client.read_tls(&mut &flight[..])?;
    Ok(client.process_new_packets())
}
