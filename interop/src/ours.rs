//! The only place that drives `tls12`.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use pki_types::{CertificateDer, ServerName};
use tls12::message::{CipherSuite, NamedGroup, SignatureScheme};
use tls12::stream::TlsStream;
use tls12::{
    AlertDescription, Backend, CertificateError, ChannelBinding, ClientConfig, ClientConnection, Connection, Error,
    Identity, KeyLogFile, Reason, ServerConfig, ServerConnection,
};

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
    /// Where it logs its keys.
    pub key_log: Option<PathBuf>,
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
            key_log: None,
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
    /// Where it logs its keys.
    pub key_log: Option<PathBuf>,
}

impl<'a> ServerSetup<'a> {
    /// Everything that there is, with this certificate.
    #[must_use]
    pub fn new(leaf: &'a Leaf) -> ServerSetup<'a> {
        let (suites, groups) = (SUITES.to_vec(), GROUPS.to_vec());
        ServerSetup { leaves: vec![leaf], suites, groups, alpn: Vec::new(), key_log: None }
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
    fn report(&self) -> Report;
    fn scheme(&self) -> Option<SignatureScheme>;
    fn export(&self, label: &str) -> Result<Vec<u8>, Error>;
    fn binding(&self, kind: ChannelBinding) -> Result<Vec<u8>, Error>;
}

macro_rules! stream {
    ($connection:ident) => {
        impl Stream for TlsStream<$connection, Socket> {
            fn close(&mut self) -> io::Result<()> {
                TlsStream::close(self)
            }

            fn report(&self) -> Report {
                let connection = self.connection();
                let alpn = connection.alpn_protocol().unwrap_or_default();
                Report {
                    suite: connection.cipher_suite(),
                    group: connection.key_exchange_group(),
                    extended_master_secret: Some(connection.extended_master_secret()),
                    alpn: Some(String::from_utf8_lossy(alpn).into_owned()),
                    server_name: Some(connection.server_name().unwrap_or_default().to_owned()),
                    ..Report::default()
                }
            }

            fn scheme(&self) -> Option<SignatureScheme> {
                self.connection().signature_scheme()
            }

            fn export(&self, label: &str) -> Result<Vec<u8>, Error> {
                let mut out = vec![0; 32];
                self.connection().exporter(label.as_bytes(), None, &mut out)?;
                Ok(out)
            }

            fn binding(&self, kind: ChannelBinding) -> Result<Vec<u8>, Error> {
                self.connection().channel_binding(kind)
            }
        }
    };
}

stream!(ClientConnection);
stream!(ServerConnection);

/// What an application can bind its own authentication to, in hexadecimal; `Err` where it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// `tls-unique` (RFC 5929 §3)
    pub unique: Result<String, String>,
    /// `tls-server-end-point` (RFC 5929 §4)
    pub server_end_point: Result<String, String>,
    /// `tls-exporter` (RFC 9266)
    pub exporter: Result<String, String>,
    /// 32 bytes of keying material under [`LABEL`] (RFC 5705)
    pub material: Result<String, String>,
}

/// The label of [`Bound::material`].
pub const LABEL: &str = "EXPERIMENTAL-interop";

/// A connection as we see it.
#[derive(Clone, Debug)]
pub struct Account {
    /// What was negotiated.
    pub report: Report,
    /// The scheme of the server's signature.
    pub scheme: Option<SignatureScheme>,
    /// Exporters and channel bindings.
    pub bound: Bound,
}

/// An established connection of ours.
pub struct Session(Box<dyn Stream>);

impl Session {
    fn establish<C: Connection + 'static>(connection: C, socket: Socket) -> Result<Session, Failure>
    where
        TlsStream<C, Socket>: Stream,
    {
        let mut stream = TlsStream::new(connection, socket);
        stream.handshake().map_err(|error| failure(&error))?;
        Ok(Session(Box::new(stream)))
    }

    /// What was negotiated, as we see it.
    #[must_use]
    pub fn report(&self) -> Report {
        self.0.report()
    }

    /// The scheme of the server's signature.
    #[must_use]
    pub fn scheme(&self) -> Option<SignatureScheme> {
        self.0.scheme()
    }

    /// Exporters and channel bindings.
    #[must_use]
    pub fn bound(&self) -> Bound {
        let hex = |value: Result<Vec<u8>, Error>| -> Result<String, String> {
            let value = value.map_err(|error| error.to_string())?;
            Ok(value.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        Bound {
            unique: hex(self.0.binding(ChannelBinding::TlsUnique)),
            server_end_point: hex(self.0.binding(ChannelBinding::TlsServerEndPoint)),
            exporter: hex(self.0.binding(ChannelBinding::TlsExporter)),
            material: hex(self.0.export(LABEL)),
        }
    }

    /// All of it.
    #[must_use]
    pub fn account(&self) -> Account {
        Account { report: self.report(), scheme: self.scheme(), bound: self.bound() }
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
    let mut builder = ClientConfig::builder()
        .roots(setup.roots.clone())
        .cipher_suites(&setup.suites)
        .group_names(&setup.groups)
        .alpn_protocols(setup.alpn.iter().map(|name| name.as_bytes()));
    if let Some(schemes) = &setup.schemes {
        builder = builder.signature_schemes(schemes);
    }
    if let Some(file) = &setup.key_log {
        builder = builder.key_log(Arc::new(KeyLogFile::open(file).map_err(configuration)?));
    }
    let config = builder.build().map_err(configuration)?;
    let connection = ClientConnection::new(config, setup.name.clone()).map_err(|error| failure(&error.into()))?;
    Session::establish(connection, socket)
}

/// Our server's handshake over an accepted socket.
pub fn server(setup: &ServerSetup<'_>, socket: Socket) -> Result<Session, Failure> {
    let mut identities = Vec::new();
    for leaf in &setup.leaves {
        let key = Backend::default().load_key(&leaf.key).map_err(configuration)?;
        let identity = Identity::new(leaf.chain.clone(), key).and_then(Identity::names_from_certificate);
        identities.push(identity.map_err(configuration)?);
    }
    let mut builder = ServerConfig::builder()
        .identities(identities)
        .cipher_suites(&setup.suites)
        .group_names(&setup.groups)
        .alpn_protocols(setup.alpn.iter().map(|name| name.as_bytes()));
    if let Some(file) = &setup.key_log {
        builder = builder.key_log(Arc::new(KeyLogFile::open(file).map_err(configuration)?));
    }
    let config = builder.build().map_err(configuration)?;
    Session::establish(ServerConnection::new(config), socket)
}

fn configuration(error: impl fmt::Display) -> Failure {
    Failure { cause: Cause::Other, text: error.to_string() }
}

fn failure(error: &io::Error) -> Failure {
    let Some(ours) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        return Failure { cause: Cause::Other, text: format!("the transport: {error} ({:?})", error.kind()) };
    };
    let cause = match ours.reason() {
        Reason::Certificate(CertificateError::WrongName { .. }) => Cause::WrongName,
        Reason::Certificate(CertificateError::UnknownIssuer { .. }) => Cause::UnknownIssuer,
        Reason::Version { .. } | Reason::VersionsWithout12 { .. } => Cause::Version,
        Reason::PeerAlert(alert) => Cause::PeerAlert(*alert),
        Reason::Truncated => Cause::Truncated,
        _ => Cause::Other,
    };
    Failure { cause, text: ours.to_string() }
}
