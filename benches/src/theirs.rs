//! rustls: TLS 1.2, the same suites, the same group, certificates and sessions.

use std::sync::Arc;

use pki_types::ServerName;
use rustls::client::{ClientSessionMemoryCache, Resumption, UnbufferedClientConnection};
use rustls::crypto::{CryptoProvider, aws_lc_rs, ring};
use rustls::server::{
    NoServerSessionStorage, ServerSessionMemoryCache, UnbufferedServerConnection, WebPkiClientVerifier,
};
use rustls::unbuffered::ConnectionState;
use rustls::version::TLS12;
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, ConnectionCommon, HandshakeKind, NamedGroup, RootCertStore,
    ServerConfig, ServerConnection, SideData,
};

use crate::certificates::{Issued, NAME};
use crate::{Backend, Handshake};

/// What each connection is made from.
#[derive(Clone, Debug)]
pub struct Configs {
    /// Of clients.
    pub client: Arc<ClientConfig>,
    /// Of servers.
    pub server: Arc<ServerConfig>,
    handshake: Handshake,
}

/// Client and server, established.
pub type Pair = (ClientConnection, ServerConnection);

fn provider(backend: Backend) -> CryptoProvider {
    let mut provider = match backend {
        Backend::Ring => ring::default_provider(),
        Backend::AwsLc => aws_lc_rs::default_provider(),
    };
    let suites =
        [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
    provider.cipher_suites.retain(|suite| suites.contains(&suite.suite()));
    // The second is offered, and not chosen.
    provider.kx_groups.retain(|group| [NamedGroup::X25519, NamedGroup::secp256r1].contains(&group.name()));
    provider
}

impl Configs {
    /// For one kind of handshake. The first one is in full, and its session is what later ones resume. Where sessions are
    /// kept, they are kept as by default; tickets are those of the backend.
    #[must_use]
    pub fn new(backend: Backend, handshake: Handshake, issued: &Issued) -> Configs {
        let provider = Arc::new(provider(backend));
        let mut roots = RootCertStore::empty();
        roots.add(issued.root.clone()).expect("a root");
        let roots = Arc::new(roots);
        let chain = vec![issued.leaf.clone()];

        let client = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS12]);
        let client = client.expect("a version").with_root_certificates(roots.clone());
        let server = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS12]);
        let server = server.expect("a version");
        let (mut client, server) = if handshake == Handshake::Mutual {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().expect("a verifier");
            let client = client.with_client_auth_cert(chain.clone(), issued.key()).expect("a client");
            (client, server.with_client_cert_verifier(verifier))
        } else {
            (client.with_no_client_auth(), server.with_no_client_auth())
        };
        let mut server = server.with_single_cert(chain, issued.key()).expect("a server");
        client.resumption = Resumption::disabled();
        server.session_storage = Arc::new(NoServerSessionStorage {});
        if handshake.is_resumed() {
            client.resumption = Resumption::store(Arc::new(ClientSessionMemoryCache::new(256)));
        }
        match handshake {
            Handshake::Ecdsa | Handshake::Rsa | Handshake::Mutual => {}
            Handshake::Ticket => {
                let ticketer = match backend {
                    Backend::Ring => ring::Ticketer::new(),
                    Backend::AwsLc => aws_lc_rs::Ticketer::new(),
                };
                server.ticketer = ticketer.expect("keys");
            }
            Handshake::SessionId => server.session_storage = ServerSessionMemoryCache::new(256),
        }
        Configs { client: Arc::new(client), server: Arc::new(server), handshake }
    }

    /// A handshake from the first allocation on. The buffer is what carries the flights.
    #[must_use]
    pub fn run(&self, buffer: &mut Vec<u8>) -> Pair {
        let name = ServerName::try_from(NAME).expect("a name");
        let mut client = ClientConnection::new(self.client.clone(), name).expect("a client");
        let mut server = ServerConnection::new(self.server.clone()).expect("a server");
        while client.is_handshaking() || server.is_handshaking() {
            pass(&mut client, &mut server, buffer);
            pass(&mut server, &mut client, buffer);
        }
        (client, server)
    }

    /// As [`Self::run`] is to be measured: whatever has to be there before is there, and it is what its name says.
    ///
    /// # Panics
    /// If the handshake is not resumed as it should be.
    pub fn prepare(&self, buffer: &mut Vec<u8>) {
        for _ in 0..2 {
            _ = self.run(buffer);
        }
        let (client, server) = self.run(buffer);
        let kind = if self.handshake.is_resumed() { HandshakeKind::Resumed } else { HandshakeKind::Full };
        assert_eq!((client.handshake_kind(), server.handshake_kind()), (Some(kind), Some(kind)));
    }
}

/// Handles all that came in, and writes what there is to say; gives how much that is, and whether the connection is established.
macro_rules! turn {
    ($connection:ident, $input:expr, $output:expr) => {{
        let (input, mut at, mut filled): (&mut [u8], _, _) = ($input, 0, 0);
        let established = loop {
            let status = $connection.process_tls_records(&mut input[at..]);
            at += status.discard;
            match status.state.expect("processed") {
                ConnectionState::EncodeTlsData(mut data) => {
                    filled += data.encode(&mut $output[filled..]).expect("encoded");
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::BlockedHandshake => break false,
                ConnectionState::WriteTraffic(_) => break true,
                _ => unreachable!("there is nothing but the handshake"),
            }
        };
        (filled, established)
    }};
}

/// Client and server, established, that have no buffers of their own.
pub type UnbufferedPair = (UnbufferedClientConnection, UnbufferedServerConnection);

impl Configs {
    /// As [`Self::run`], through the interface without buffers. Each of `wires` carries the flights of one direction.
    #[must_use]
    pub fn run_unbuffered(&self, wires: &mut [Vec<u8>; 2]) -> UnbufferedPair {
        let name = ServerName::try_from(NAME).expect("a name");
        let mut client = UnbufferedClientConnection::new(self.client.clone(), name).expect("a client");
        let mut server = UnbufferedServerConnection::new(self.server.clone()).expect("a server");
        let [to_server, to_client] = wires;
        let (mut of_server, mut established) = (0, [false; 2]);
        while established != [true; 2] {
            let of_client;
            (of_client, established[0]) = turn!(client, &mut to_client[..of_server], to_server);
            (of_server, established[1]) = turn!(server, &mut to_server[..of_client], to_client);
        }
        // Whoever spoke last was heard: the other side has nothing to say to it.
        (client, server)
    }
}

/// Gives `to` all that `from` has queued.
fn pass<F: SideData, T: SideData>(from: &mut ConnectionCommon<F>, to: &mut ConnectionCommon<T>, buffer: &mut Vec<u8>) {
    buffer.clear();
    while from.wants_write() {
        from.write_tls(buffer).expect("written");
    }
    let mut input = buffer.as_slice();
    while !input.is_empty() {
        to.read_tls(&mut input).expect("read");
        to.process_new_packets().expect("processed");
    }
}
