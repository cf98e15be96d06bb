//! Drives `tls12`; only [`handover`](crate::handover) does it by itself.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use pki_types::{CertificateDer, ServerName};
use tls12::message::{CipherSuite, MaxFragmentLength, NamedGroup, SignatureScheme};
use tls12::stream::TlsStream;
use tls12::{
    AlertDescription, Backend, CertificateError, ChannelBinding, ClientAuthPolicy, ClientCache, ClientConfig,
    ClientConnection, Connection, Error, Identity, KeyLogFile, MemoryStore, OcspError, Reason, ServerConfig,
    ServerConnection, Tickets, WebPkiVerifier,
};

use crate::capture::Capture;
use crate::cell::{GROUPS, Report, SUITES};
use crate::certs::{Leaf, NAME};
use crate::net::Socket;
use crate::peers::{Lab, Sessions};

/// What our client asks for.
#[derive(Clone)]
pub struct ClientSetup<'a> {
    /// The crate that does its cryptography.
    pub backend: Backend,
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
    /// Whether it keeps sessions and resumes them.
    pub sessions: bool,
    /// The certificate that it shows when it is asked.
    pub identity: Option<&'a Leaf>,
    /// The longest fragments that it asks for.
    pub max_fragment_length: Option<MaxFragmentLength>,
    /// The longest records that it takes, in bytes.
    pub record_size_limit: Option<u16>,
    /// Where is kept what goes over its sockets.
    pub capture: Option<Capture>,
}

impl ClientSetup<'_> {
    /// Everything that there is, for the servers of `lab`.
    #[must_use]
    pub fn new(lab: &Lab) -> Self {
        ClientSetup {
            backend: lab.backend,
            roots: vec![lab.certs.root.certificate.clone()],
            name: ServerName::try_from(NAME).expect("a name"),
            suites: SUITES.to_vec(),
            groups: GROUPS.to_vec(),
            schemes: None,
            alpn: Vec::new(),
            key_log: None,
            sessions: false,
            identity: None,
            max_fragment_length: None,
            record_size_limit: None,
            capture: None,
        }
    }

    /// The configuration; connections that are to share sessions share it.
    pub fn config(&self) -> Result<Arc<ClientConfig>, Failure> {
        let mut builder = ClientConfig::builder()
            .backend(self.backend)
            .roots(self.roots.clone())
            .cipher_suites(&self.suites)
            .group_names(&self.groups)
            .alpn_protocols(self.alpn.iter().map(|name| name.as_bytes()));
        if let Some(schemes) = &self.schemes {
            builder = builder.signature_schemes(schemes);
        }
        if let Some(file) = &self.key_log {
            builder = builder.key_log(Arc::new(KeyLogFile::open(file).map_err(configuration)?));
        }
        if self.sessions {
            // Go 1.19 knows no extended_master_secret.
            builder = builder.dangerous_resumption_without_extended_master_secret(true);
            builder = builder.sessions(Arc::new(ClientCache::new()));
        }
        if let Some(leaf) = self.identity {
            builder = builder.identity(identity(self.backend, leaf)?);
        }
        if let Some(length) = self.max_fragment_length {
            builder = builder.max_fragment_length(length);
        }
        if let Some(limit) = self.record_size_limit {
            builder = builder.record_size_limit(limit);
        }
        builder.build().map_err(configuration)
    }
}

/// What our server accepts.
pub struct ServerSetup<'a> {
    /// The crate that does its cryptography.
    pub backend: Backend,
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
    /// How it lets clients resume sessions.
    pub sessions: Option<Sessions>,
    /// Whether clients are asked for certificates, and the roots that these have to lead to.
    pub clients: Option<(ClientAuthPolicy, Vec<CertificateDer<'static>>)>,
    /// The OCSP response that it staples, in DER.
    pub staple: Option<Vec<u8>>,
    /// The longest records that it takes, in bytes.
    pub record_size_limit: Option<u16>,
    /// Where is kept what goes over its sockets.
    pub capture: Option<Capture>,
}

impl<'a> ServerSetup<'a> {
    /// Everything that there is, with this certificate.
    #[must_use]
    pub fn new(lab: &Lab, leaf: &'a Leaf) -> ServerSetup<'a> {
        let (suites, groups) = (SUITES.to_vec(), GROUPS.to_vec());
        ServerSetup {
            backend: lab.backend,
            leaves: vec![leaf],
            suites,
            groups,
            alpn: Vec::new(),
            key_log: None,
            sessions: None,
            clients: None,
            staple: None,
            record_size_limit: None,
            capture: None,
        }
    }

    /// The configuration; connections that are to share sessions share it.
    pub fn config(&self) -> Result<Arc<ServerConfig>, Failure> {
        let mut identities = Vec::new();
        for leaf in &self.leaves {
            let mut identity = identity(self.backend, leaf)?.names_from_certificate().map_err(configuration)?;
            if let Some(response) = &self.staple {
                identity = identity.with_ocsp_response(response.clone()).map_err(configuration)?;
            }
            identities.push(identity);
        }
        let mut builder = ServerConfig::builder()
            .backend(self.backend)
            .identities(identities)
            .cipher_suites(&self.suites)
            .group_names(&self.groups)
            .alpn_protocols(self.alpn.iter().map(|name| name.as_bytes()));
        if let Some(file) = &self.key_log {
            builder = builder.key_log(Arc::new(KeyLogFile::open(file).map_err(configuration)?));
        }
        // As for clients.
        builder = builder.dangerous_resumption_without_extended_master_secret(self.sessions.is_some());
        builder = match self.sessions {
            None => builder,
            Some(Sessions::Ids) => builder.session_store(Arc::new(MemoryStore::new(64))),
            Some(Sessions::Tickets) => {
                let tickets = Tickets::with_random(self.backend, self.backend.random()).map_err(configuration)?;
                builder.tickets(Arc::new(tickets))
            }
        };
        if let Some((policy, roots)) = &self.clients {
            let verifier = WebPkiVerifier::for_clients(roots.clone()).map_err(configuration)?;
            let verifier = verifier.with_backend(self.backend);
            builder = builder.client_authentication(*policy, Arc::new(verifier));
        }
        if let Some(limit) = self.record_size_limit {
            builder = builder.record_size_limit(limit);
        }
        builder.build().map_err(configuration)
    }
}

/// Why a handshake or a connection of ours ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The certificate is for other names.
    WrongName,
    /// The certificate leads to no root of ours.
    UnknownIssuer,
    /// The OCSP response says nothing good.
    Staple(OcspError),
    /// The client shows no certificate.
    NoClientCertificate,
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
    fn peer_certificate(&self) -> Option<CertificateDer<'static>>;
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
                    resumed: Some(connection.resumed()),
                    ..Report::default()
                }
            }

            fn peer_certificate(&self) -> Option<CertificateDer<'static>> {
                let certificates = self.connection().peer_certificates()?;
                certificates.end_entity().map(CertificateDer::into_owned)
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
    /// The peer's certificate.
    pub peer_certificate: Option<CertificateDer<'static>>,
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
        Account {
            report: self.report(),
            scheme: self.scheme(),
            bound: self.bound(),
            peer_certificate: self.0.peer_certificate(),
        }
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
pub fn client(config: &Arc<ClientConfig>, name: &ServerName<'static>, socket: Socket) -> Result<Session, Failure> {
    let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(|error| failure(&error.into()))?;
    Session::establish(connection, socket)
}

/// Our server's handshake over an accepted socket.
pub fn server(config: &Arc<ServerConfig>, socket: Socket) -> Result<Session, Failure> {
    Session::establish(ServerConnection::new(Arc::clone(config)), socket)
}

fn identity(backend: Backend, leaf: &Leaf) -> Result<Identity, Failure> {
    let key = backend.load_key(&leaf.key).map_err(configuration)?;
    Identity::new(leaf.chain.clone(), key).map_err(configuration)
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
        Reason::Certificate(CertificateError::OcspResponse(why)) => Cause::Staple(why.clone()),
        Reason::NoClientCertificate => Cause::NoClientCertificate,
        Reason::Version { .. } | Reason::VersionsWithout12 { .. } => Cause::Version,
        Reason::PeerAlert(alert) => Cause::PeerAlert(*alert),
        Reason::Truncated => Cause::Truncated,
        _ => Cause::Other,
    };
    Failure { cause, text: ours.to_string() }
}
