//! What the programs that count allocations share: two sides, their handshake step by step, and what each of them allocates.
//! Calls are counted for each thread.
#![allow(dead_code, reason = "each program uses its part")]

pub(crate) mod bare;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allocation_counter::{AllocationInfo, measure};
use tls12::message::CipherSuite;
use tls12::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use tls12::{
    Backend, ClientAuthPolicy, ClientConfig, ClientConfigBuilder, ClientConnection, ClientSessions, Connection,
    Decision, Event, Identity, Received, ServerConfig, ServerConfigBuilder, ServerConnection, Session, SessionStore,
    WebPkiVerifier,
};

use bare::Bare;

pub(crate) const NAME: &str = "server.example";

/// One for each AEAD.
pub(crate) const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// All that are built.
pub(crate) const BACKENDS: &[Backend] = &[
    #[cfg(feature = "ring")]
    Backend::Ring,
    #[cfg(feature = "aws-lc-rs")]
    Backend::AwsLc,
];

/// A certificate that is its own root, for both sides, and its key on P-256.
pub(crate) struct Credentials {
    pub(crate) backend: Backend,
    pub(crate) certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl Credentials {
    pub(crate) fn new(backend: Backend) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_string()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Credentials { backend, certificate: made.cert.der().clone(), key }
    }

    /// With the certificate so often in its chain.
    pub(crate) fn identity(&self, times: usize) -> Identity {
        let key = PrivateKeyDer::Pkcs8(self.key.clone_key());
        Identity::new(vec![self.certificate.clone(); times], self.backend.load_key(&key).unwrap()).unwrap()
    }

    /// A client with the default verifier.
    pub(crate) fn client(&self) -> ClientConfigBuilder {
        let verifier = WebPkiVerifier::new([self.certificate.clone()]).unwrap().with_backend(self.backend);
        ClientConfig::builder().backend(self.backend).verifier(Arc::new(verifier))
    }

    pub(crate) fn server(&self) -> ServerConfigBuilder {
        ServerConfig::builder().backend(self.backend).identity(self.identity(1))
    }

    /// Both sides, each authenticated to the other.
    pub(crate) fn mutual(&self) -> (ClientConfigBuilder, ServerConfigBuilder) {
        let verifier = WebPkiVerifier::for_clients([self.certificate.clone()]).unwrap().with_backend(self.backend);
        let server = self.server().client_authentication(ClientAuthPolicy::Required, Arc::new(verifier));
        (self.client().identity(self.identity(1)), server)
    }

    /// What the crypto crate and webpki allocate by themselves.
    pub(crate) fn bare(&self) -> Bare {
        Bare::of(self.backend, &self.certificate, &self.key)
    }
}

/// Both sides of a connection, and what each allocated for it so far.
pub(crate) struct Ends {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
    /// Of the client and of the server.
    pub(crate) counted: [AllocationInfo; 2],
}

impl Ends {
    /// Both are established.
    pub(crate) fn established(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Self {
        let name = ServerName::try_from(NAME).unwrap();
        let (mut made, mut served) = (None, None);
        let mut parts = [Vec::new(), Vec::new()];
        parts[0].push(measure(|| made = Some(ClientConnection::new(client.clone(), name.clone()).unwrap())));
        parts[1].push(measure(|| served = Some(ServerConnection::new(server.clone()))));
        let (Some(mut client), Some(mut server)) = (made, served) else { panic!("they were just made") };
        let (mut buffer, mut filled) = (vec![0; 80_000], 0);
        for _ in 0..2 {
            parts[0].push(measure(|| filled = client.write(&[], &mut buffer).unwrap().produced));
            parts[1].push(measure(|| handle(&mut server, &mut buffer[..filled])));
            parts[1].push(measure(|| filled = server.write(&[], &mut buffer).unwrap().produced));
            parts[0].push(measure(|| handle(&mut client, &mut buffer[..filled])));
        }
        assert!(client.is_established() && server.is_established());
        Ends { client, server, counted: parts.map(|parts| sum(&parts)) }
    }
}

/// All parts of the work of one side.
fn sum(parts: &[AllocationInfo]) -> AllocationInfo {
    let sum = |of: fn(&AllocationInfo) -> i64| parts.iter().map(of).sum::<i64>();
    AllocationInfo {
        count_total: parts.iter().map(|part| part.count_total).sum(),
        bytes_total: parts.iter().map(|part| part.bytes_total).sum(),
        count_current: sum(|part| part.count_current),
        bytes_current: sum(|part| part.bytes_current),
        ..AllocationInfo::default()
    }
}

/// Reads all of the input.
pub(crate) fn handle(connection: &mut impl Connection, mut input: &mut [u8]) {
    loop {
        let Received { consumed, event } = connection.read(input).unwrap();
        if let Event::NeedInput { .. } = event {
            return;
        }
        input = &mut input[consumed..];
    }
}

/// Keeps sessions, and counts apart what it allocates for that: in its own map, which is no part of a connection.
#[derive(Debug)]
pub(crate) struct Apart<T> {
    inside: T,
    counted: AtomicU64,
}

impl<T> Apart<T> {
    pub(crate) fn new(inside: T) -> Arc<Self> {
        Arc::new(Apart { inside, counted: AtomicU64::new(0) })
    }

    /// How often it allocated since this was asked last.
    pub(crate) fn take(&self) -> u64 {
        self.counted.swap(0, Ordering::Relaxed)
    }

    fn run<A>(&self, work: impl FnOnce(&T) -> A) -> A {
        let mut done = None;
        let counted = measure(|| done = Some(work(&self.inside)));
        self.counted.fetch_add(counted.count_total, Ordering::Relaxed);
        done.unwrap()
    }
}

impl<T: ClientSessions> ClientSessions for Apart<T> {
    fn find(&self, server_name: &ServerName<'_>, now: UnixTime) -> Option<Arc<Session>> {
        self.run(|inside| inside.find(server_name, now))
    }

    fn put(&self, server_name: &ServerName<'_>, session: Arc<Session>) {
        self.run(|inside| inside.put(server_name, session));
    }

    fn remove(&self, server_name: &ServerName<'_>, session: &Arc<Session>) {
        self.run(|inside| inside.remove(server_name, session));
    }
}

impl<T: SessionStore> SessionStore for Apart<T> {
    fn find(&self, id: &[u8], now: UnixTime) -> Decision<Option<Arc<Session>>> {
        self.run(|inside| inside.find(id, now))
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        self.run(|inside| inside.put(id, session));
    }

    fn remove(&self, id: &[u8]) {
        self.run(|inside| inside.remove(id));
    }
}

/// What stays allocated after `work` of what it allocates, less what it frees, in bytes.
pub(crate) fn held(work: impl FnOnce()) -> i64 {
    measure(work).bytes_current
}
