//! The only place that drives `tls12`.
//! STAND-IN: rustls plays our part until the library has its connections.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use pki_types::{CertificateDer, ServerName};
use rustls::crypto::ring;
use tls12::AlertDescription;
use tls12::message::{CipherSuite, NamedGroup, SignatureScheme};

use crate::cell::{GROUPS, Report, SUITES};
use crate::certs::{Certs, Leaf, NAME};
use crate::net::Socket;

/// What our client asks for.
#[derive(Clone, Debug)]
pub struct ClientSetup {
    /// The roots that it trusts.
    pub roots: Vec<CertificateDer<'static>>,
    /// The server that it wants.
    pub name: ServerName<'static>,
    /// The suites that it offers, in this order.
    pub suites: Vec<CipherSuite>,
    /// The groups that it offers, in this order.
    pub groups: Vec<NamedGroup>,
    /// The signature schemes that it offers, where not the default.
    pub schemes: Option<Vec<SignatureScheme>>,
    /// The application protocols that it offers.
    pub alpn: Vec<&'static str>,
}

impl ClientSetup {
    /// Everything that there is, for the server of `certs`.
    #[must_use]
    pub fn new(certs: &Certs) -> ClientSetup {
        ClientSetup {
            roots: vec![certs.root.certificate.clone()],
            name: ServerName::try_from(NAME).expect("a name"),
            suites: SUITES.to_vec(),
            groups: GROUPS.to_vec(),
            schemes: None,
            alpn: Vec::new(),
        }
    }
}

/// What our server accepts.
pub struct ServerSetup<'a> {
    /// Its certificates.
    pub leaves: Vec<&'a Leaf>,
    /// The suites that it accepts.
    pub suites: Vec<CipherSuite>,
    /// The groups that it accepts.
    pub groups: Vec<NamedGroup>,
    /// The application protocols that it speaks.
    pub alpn: Vec<&'static str>,
}

impl<'a> ServerSetup<'a> {
    /// Everything that there is, with this certificate.
    #[must_use]
    pub fn new(leaf: &'a Leaf) -> ServerSetup<'a> {
        ServerSetup { leaves: vec![leaf], suites: SUITES.to_vec(), groups: GROUPS.to_vec(), alpn: Vec::new() }
    }
}

/// Why a handshake or a connection of ours ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The certificate is for other names.
    WrongName,
    /// The certificate leads to no root of ours.
    UnknownIssuer,
    /// The peer does not speak TLS 1.2.
    Version,
    /// The peer sent this fatal alert.
    PeerAlert(AlertDescription),
    /// The connection ended without a close_notify.
    Truncated,
    /// Anything else.
    Other,
}

/// A failure of ours.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What a check can compare.
    pub cause: Cause,
    /// The whole of it, for a person.
    pub text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Failure> for String {
    fn from(failure: Failure) -> String {
        failure.text
    }
}

trait Stream: Read + Write {
    fn close(&mut self) -> io::Result<()>;
    fn report(&self) -> (Report, Option<SignatureScheme>);
}

/// An established connection of ours.
pub struct Session(Box<dyn Stream>);

impl Session {
    /// What was negotiated, as we see it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.0.report().0
    }

    /// The scheme of the server's signature.
    #[must_use]
    pub fn scheme(&self) -> Option<SignatureScheme> {
        self.0.report().1
    }

    /// Sends close_notify.
    pub fn close(&mut self) -> Result<(), Failure> {
        self.0.close().map_err(|error| failure(&error))
    }

    /// Reads up to the peer's close_notify and throws the data away; a connection that ends without one is a failure.
    pub fn wait_for_close(&mut self) -> Result<(), Failure> {
        io::copy(&mut self.0, &mut io::sink()).map(drop).map_err(|error| failure(&error))
    }
}

impl Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Session {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Our client's handshake over a connected socket.
pub fn client(setup: &ClientSetup, socket: Socket) -> Result<Session, Failure> {
    let mut roots = rustls::RootCertStore::empty();
    for root in &setup.roots {
        roots.add(root.clone()).map_err(|error| io_failure(&error))?;
    }
    let mut config = rustls::ClientConfig::builder_with_provider(provider(&setup.suites, &setup.groups))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(|error| io_failure(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = setup.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connection = rustls::ClientConnection::new(Arc::new(config), setup.name.clone()).map_err(|e| io_failure(&e))?;
    let mut stream = rustls::StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| failure(&error))?;
    }
    Ok(Session(Box::new(stream)))
}

static CERTS: Mutex<()> = Mutex::new(());

/// Our server's handshake over an accepted socket.
pub fn server(setup: &ServerSetup<'_>, socket: Socket) -> Result<Session, Failure> {
    drop(CERTS.lock());
    let leaf = setup.leaves[0];
    let mut config = rustls::ServerConfig::builder_with_provider(provider(&setup.suites, &setup.groups))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .map_err(|error| io_failure(&error))?
        .with_no_client_auth()
        .with_single_cert(leaf.chain.clone(), leaf.key.clone_key())
        .map_err(|error| io_failure(&error))?;
    config.alpn_protocols = setup.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let connection = rustls::ServerConnection::new(Arc::new(config)).map_err(|e| io_failure(&e))?;
    let mut stream = rustls::StreamOwned::new(connection, socket);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|error| failure(&error))?;
    }
    Ok(Session(Box::new(stream)))
}

fn provider(suites: &[CipherSuite], groups: &[NamedGroup]) -> Arc<rustls::crypto::CryptoProvider> {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| suites.iter().any(|ours| ours.0 == u16::from(suite.suite())));
    provider.kx_groups = groups
        .iter()
        .filter_map(|group| ring::ALL_KX_GROUPS.iter().find(|kx| u16::from(kx.name()) == group.0).copied())
        .collect();
    Arc::new(provider)
}

fn io_failure(error: &rustls::Error) -> Failure {
    let cause = match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => Cause::UnknownIssuer,
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. },
        ) => Cause::WrongName,
        rustls::Error::PeerIncompatible(_) => Cause::Version,
        rustls::Error::AlertReceived(alert) => Cause::PeerAlert(AlertDescription(u8::from(*alert))),
        _ => Cause::Other,
    };
    Failure { cause, text: error.to_string() }
}

fn failure(error: &io::Error) -> Failure {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => io_failure(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Failure { cause: Cause::Truncated, text: error.to_string() }
        }
        None => Failure { cause: Cause::Other, text: format!("{error} ({:?})", error.kind()) },
    }
}

fn report_of(connection: &rustls::CommonState) -> Report {
    Report {
        suite: connection.negotiated_cipher_suite().map(|suite| CipherSuite(u16::from(suite.suite()))),
        group: connection.negotiated_key_exchange_group().map(|group| NamedGroup(u16::from(group.name()))),
        extended_master_secret: None,
        alpn: Some(String::from_utf8_lossy(connection.alpn_protocol().unwrap_or_default()).into_owned()),
        server_name: None,
    }
}

impl Stream for rustls::StreamOwned<rustls::ClientConnection, Socket> {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }

    fn report(&self) -> (Report, Option<SignatureScheme>) {
        (report_of(&self.conn), None)
    }
}

impl Stream for rustls::StreamOwned<rustls::ServerConnection, Socket> {
    fn close(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }

    fn report(&self) -> (Report, Option<SignatureScheme>) {
        (report_of(&self.conn), None)
    }
}
