//! tls12.

use std::sync::{Arc, Mutex};

use pki_types::ServerName;
use tls12::message::{CipherSuite, NamedGroup};
use tls12::{
    ClientAuthPolicy, ClientCache, ClientConfig, ClientConnection, Connection, Event, Identity, MemoryStore, Observer,
    PeerCertificatesPolicy, Received, Seen, ServerConfig, ServerConnection, Tickets, WebPkiVerifier,
};

use crate::bare::Lengths;
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

/// The library's own name of a backend.
#[must_use]
pub fn backend(backend: Backend) -> tls12::Backend {
    match backend {
        Backend::Ring => tls12::Backend::Ring,
        Backend::AwsLc => tls12::Backend::AwsLc,
    }
}

impl Configs {
    /// For one kind of handshake. The first one is in full, and its session is what later ones resume. Where sessions are
    /// kept, they are kept as the documentation shows.
    #[must_use]
    pub fn new(backend: Backend, handshake: Handshake, issued: &Issued) -> Configs {
        Configs::with(self::backend(backend), handshake, issued, None, PeerCertificatesPolicy::Kept)
    }

    /// As [`Self::new`]; connections do not keep what the peer has shown.
    #[must_use]
    pub fn without_certificates(backend: Backend, handshake: Handshake, issued: &Issued) -> Configs {
        Configs::with(self::backend(backend), handshake, issued, None, PeerCertificatesPolicy::Dropped)
    }

    fn with(
        backend: tls12::Backend,
        handshake: Handshake,
        issued: &Issued,
        observer: Option<Arc<dyn Observer>>,
        certificates: PeerCertificatesPolicy,
    ) -> Configs {
        let identity = || {
            let key = backend.load_key(&issued.key()).expect("a key");
            Identity::new(vec![issued.leaf.clone()], key).expect("an identity")
        };
        let suites =
            [CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256];
        // The second is for certificates: their curve must be offered (RFC 8422 §5.1.1).
        let groups = [NamedGroup::X25519, NamedGroup::SECP256R1];
        let client = ClientConfig::builder().backend(backend).cipher_suites(&suites).group_names(&groups);
        let mut client = client.roots([issued.root.clone()]).peer_certificates(certificates.clone());
        let server = ServerConfig::builder().backend(backend).cipher_suites(&suites).group_names(&groups);
        let mut server = server.identity(identity()).peer_certificates(certificates);
        if handshake.is_resumed() {
            client = client.sessions(Arc::new(ClientCache::new()));
        }
        match handshake {
            Handshake::Ecdsa | Handshake::Rsa => {}
            Handshake::Mutual => {
                let verifier =
                    WebPkiVerifier::for_clients([issued.root.clone()]).expect("a root").with_backend(backend);
                client = client.identity(identity());
                server = server.client_authentication(ClientAuthPolicy::Required, Arc::new(verifier));
            }
            Handshake::Ticket => {
                let tickets = Tickets::with_random(backend, backend.random()).expect("keys");
                server = server.tickets(Arc::new(tickets));
            }
            Handshake::SessionId => server = server.session_store(Arc::new(MemoryStore::new(10_000))),
        }
        if let Some(observer) = observer {
            server = server.observer(observer);
        }
        Configs { client: client.build().expect("a client"), server: server.build().expect("a server"), handshake }
    }

    /// A handshake from the first allocation on. The buffer is what carries the flights.
    #[must_use]
    pub fn run(&self, buffer: &mut [u8]) -> Pair {
        let name = ServerName::try_from(NAME).expect("a name");
        let mut client = ClientConnection::new(self.client.clone(), name).expect("a client");
        let mut server = ServerConnection::new(self.server.clone());
        while !(client.is_established() && server.is_established()) {
            pass(&mut client, &mut server, buffer);
            pass(&mut server, &mut client, buffer);
        }
        (client, server)
    }

    /// As [`Self::run`] is to be measured: whatever has to be there before is there, and it is what its name says.
    ///
    /// # Panics
    /// If the handshake is not resumed as it should be.
    pub fn prepare(&self, buffer: &mut [u8]) {
        for _ in 0..2 {
            _ = self.run(buffer);
        }
        let (client, server) = self.run(buffer);
        assert_eq!((client.resumed(), server.resumed()), (self.handshake.is_resumed(), self.handshake.is_resumed()));
        assert_eq!(client.key_exchange_group(), (!self.handshake.is_resumed()).then_some(NamedGroup::X25519));
        assert!(client.extended_master_secret());
    }
}

/// Gives `to` all that `from` has queued.
pub fn pass(from: &mut impl Connection, to: &mut impl Connection, buffer: &mut [u8]) {
    let filled = from.write(&[], buffer).expect("written").produced;
    let mut input = buffer.get_mut(..filled).expect("what was filled");
    while !input.is_empty() {
        let Received { consumed, event } = to.read(input).expect("read");
        if let Event::NeedInput { .. } = event {
            break;
        }
        input = input.get_mut(consumed..).expect("what is left");
    }
}

/// Adds up the messages of a handshake.
#[derive(Debug, Default)]
struct Counting(Mutex<Lengths>);

impl Observer for Counting {
    fn message(&self, seen: &Seen<'_>) {
        let Ok(mut lengths) = self.0.lock() else { return };
        match seen.message {
            "ClientHello" => *lengths = Lengths { first_finished: seen.length, ..Lengths::default() },
            // From here on, `second_finished` holds all that came before it.
            "Finished" if lengths.second_finished == 0 => {
                lengths.second_finished = lengths.first_finished + seen.length
            }
            "Finished" | "ChangeCipherSpec" => {}
            message => {
                if message == "NewSessionTicket" {
                    lengths.ticket = seen.length - (4 + 4 + 2);
                }
                // A ticket in a full handshake stands between the two.
                let sum = if lengths.second_finished == 0 {
                    &mut lengths.first_finished
                } else {
                    &mut lengths.second_finished
                };
                *sum += seen.length;
                if message == "ClientKeyExchange" {
                    lengths.key_exchange = lengths.first_finished;
                }
            }
        }
    }
}

/// The lengths of the messages of a handshake.
#[must_use]
pub fn lengths(handshake: Handshake, issued: &Issued) -> Lengths {
    let counting = Arc::new(Counting::default());
    let (backend, kept) = (tls12::Backend::default(), PeerCertificatesPolicy::Kept);
    let configs = Configs::with(backend, handshake, issued, Some(counting.clone()), kept);
    configs.prepare(&mut vec![0; 20_000]);
    *counting.0.lock().expect("counted")
}
