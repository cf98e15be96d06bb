//! rustls, in threads of this process.

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, ServerName};
use rustls::crypto::ring;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use rustls::{
    ClientConfig, ClientConnection, CommonState, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned, SupportedProtocolVersion,
};
use tls12::message::{CipherSuite, NamedGroup};

use super::{ClientPeer, Job, Lab, Peer, ServerPeer, Sessions, Versions, Want};
use crate::cell::Report;
use crate::net::{self, Socket};
use crate::ours::Session;
use crate::talk;

pub(super) fn peer() -> Peer {
    Peer {
        name: "rustls 0.23".to_owned(),
        server: Some(Box::new(|_| Ok(Box::new(RustlsServer::new()?)))),
        client: Some(Box::new(|_| Ok(Box::new(RustlsClient)))),
    }
}

/// Certificates, and the common names in them.
type Names = Vec<(CertificateDer<'static>, String)>;

/// A new server for each connection. rustls chooses the group by its own preference, so it is held to the cell's.
struct RustlsServer {
    log: Arc<Mutex<String>>,
    /// What outlives a connection.
    sessions: Arc<ServerSessionMemoryCache>,
    tickets: Arc<dyn ProducesTickets>,
}

impl RustlsServer {
    fn new() -> Result<RustlsServer, String> {
        let tickets = ring::Ticketer::new().map_err(|error| error.to_string())?;
        Ok(RustlsServer { log: Arc::default(), sessions: ServerSessionMemoryCache::new(64), tickets })
    }

    fn serve(listener: &TcpListener, config: ServerConfig, clients: &Names) -> io::Result<()> {
        let socket = net::accept(listener, net::deadline(), &AtomicBool::new(false))?;
        let connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        let name = stream.conn.server_name().unwrap_or_default().to_owned();
        let line = report(&stream.conn);
        let client = stream.conn.peer_certificates().and_then(|chain| chain.first());
        let client = client.and_then(|leaf| clients.iter().find(|(known, _)| known == leaf));
        let client = client.map_or("", |(_, name)| name);
        writeln!(stream, "{line} sni={name} client={client}")?;
        talk::echo_until_closed(&mut stream)?;
        stream.conn.send_close_notify();
        stream.flush()
    }
}

impl ServerPeer for RustlsServer {
    fn port(&mut self, lab: &Lab, want: &Want) -> Result<u16, String> {
        let mut provider = ring::default_provider();
        provider.kx_groups.retain(|group| u16::from(group.name()) == want.cell.group.0);
        let leaf = lab.certs.leaf(want.cell.kind);
        let provider = Arc::new(provider);
        let verifier: Arc<dyn ClientCertVerifier> = if want.client_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(lab.certs.client_root.certificate.clone()).map_err(|error| error.to_string())?;
            let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            builder.build().map_err(|error| error.to_string())?
        } else {
            WebPkiClientVerifier::no_client_auth()
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(want.versions))
            .and_then(|builder| {
                let builder = builder.with_client_cert_verifier(verifier);
                builder.with_single_cert(leaf.chain.clone(), leaf.key.clone_key())
            })
            .map_err(|error| error.to_string())?;
        match want.sessions {
            Sessions::Ids => config.session_storage = Arc::clone(&self.sessions) as Arc<dyn StoresServerSessions>,
            Sessions::Tickets => config.ticketer = Arc::clone(&self.tickets),
        }
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let (listener, port) = net::listen().map_err(|error| error.to_string())?;
        let log = Arc::clone(&self.log);
        let leaves = lab.certs.client_leaves.iter();
        let clients: Names = leaves.map(|leaf| (leaf.chain[0].clone(), leaf.name.clone())).collect();
        // It ends with its connection, at the latest at the deadline.
        thread::spawn(move || {
            if let Err(error) = RustlsServer::serve(&listener, config, &clients) {
                *log.lock().unwrap_or_else(PoisonError::into_inner) += &format!("rustls' server: {error}\n");
            }
        });
        Ok(port)
    }

    fn talk(&mut self, session: &mut Session, payload: &[u8]) -> Result<Report, String> {
        let line = talk::read_line(session)?;
        talk::expect_echo(session, payload, payload)?;
        Ok(Report::parse(&line))
    }

    fn output(&mut self) -> String {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct RustlsClient;

impl RustlsClient {
    fn config(job: &Job<'_>) -> Result<ClientConfig, String> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(job.roots).map_err(|error| error.to_string())?;
        roots.add(root).map_err(|error| error.to_string())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions(job.versions))
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let mut config = match job.identity {
            None => builder.with_no_client_auth(),
            Some(leaf) => builder
                .with_client_auth_cert(leaf.chain.clone(), leaf.key.clone_key())
                .map_err(|error| error.to_string())?,
        };
        config.alpn_protocols = job.alpn.iter().map(|alpn| alpn.as_bytes().to_vec()).collect();
        Ok(config)
    }
}

impl ClientPeer for RustlsClient {
    fn connect(&mut self, _: &Lab, job: &Job<'_>) -> Result<Report, String> {
        RustlsClient::run(&Arc::new(RustlsClient::config(job)?), job)
    }

    fn resumes(&self) -> &'static [Sessions] {
        &Sessions::ALL
    }

    fn connect_twice(&mut self, _: &Lab, job: &Job<'_>) -> Result<Report, String> {
        let config = Arc::new(RustlsClient::config(job)?);
        RustlsClient::run(&config, job)?;
        RustlsClient::run(&config, job)
    }
}

impl RustlsClient {
    fn run(config: &Arc<ClientConfig>, job: &Job<'_>) -> Result<Report, String> {
        let text = |error: io::Error| format!("rustls' client: {error}");
        let name = ServerName::try_from(job.name.to_owned()).map_err(|error| error.to_string())?;
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(|error| error.to_string())?;
        let socket = Socket::connect(job.port, job.deadline).map_err(text)?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(text)?;
        }
        talk::expect_echo(&mut stream, job.payload, job.payload)?;
        // The server closes first; an end without close_notify is an error.
        if stream.read(&mut [0]).map_err(text)? != 0 {
            return Err("data instead of close_notify".to_owned());
        }
        stream.conn.send_close_notify();
        stream.flush().map_err(text)?;
        Ok(Report::parse(&report(&stream.conn)))
    }
}

fn versions(versions: Versions) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    static ONLY_13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match versions {
        Versions::Both => &BOTH,
        Versions::Only13 => &ONLY_13,
    }
}

fn report(connection: &CommonState) -> String {
    let suite = connection.negotiated_cipher_suite().map(|suite| CipherSuite(u16::from(suite.suite())));
    let group = connection.negotiated_key_exchange_group().map(|group| NamedGroup(u16::from(group.name())));
    let alpn = String::from_utf8_lossy(connection.alpn_protocol().unwrap_or_default()).into_owned();
    let (suite, group) = (suite.map_or(0, |suite| suite.0), group.map_or(0, |group| group.0));
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    format!("suite={suite:04x} group={group:04x} alpn={alpn} resumed={resumed}")
}
