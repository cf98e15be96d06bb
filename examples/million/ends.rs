//! Clients and servers, connected in memory, and how much of the heap each takes.

use std::sync::{Arc, Mutex, PoisonError};

use allocation_counter::measure;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tls12::pki_types::{PrivateKeyDer, ServerName, UnixTime};
use tls12::{
    Backend, ClientConfig, ClientConnection, ClientSessions, Connection, Error, Event, Identity, MemoryStore,
    PeerCertificatesPolicy, Received, ServerConfig, ServerConnection, Session,
};

use super::Problem;

const NAME: &str = "server.example";

/// Both ends of a connection.
pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

/// The newest session, of whichever client.
#[derive(Debug)]
struct Newest {
    session: Arc<Mutex<Option<Arc<Session>>>>,
    /// Whether it is offered; if not, each handshake is a full one.
    offers: bool,
}

impl ClientSessions for Newest {
    fn find(&self, _: &ServerName<'_>, _: UnixTime) -> Option<Arc<Session>> {
        if self.offers { self.session.lock().unwrap_or_else(PoisonError::into_inner).clone() } else { None }
    }

    fn put(&self, _: &ServerName<'_>, session: Arc<Session>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    fn remove(&self, _: &ServerName<'_>, _: &Arc<Session>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// How many sessions the server keeps: the newest ones.
const SESSIONS: usize = 16;

pub(crate) struct Configs {
    name: ServerName<'static>,
    /// Of the clients that make a session.
    new: Arc<ClientConfig>,
    /// Of those that resume it.
    resuming: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Configs {
    pub(crate) fn new(backend: Backend, policy: &PeerCertificatesPolicy) -> Result<Arc<Self>, Problem> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_string()])?;
        let key = backend.load_key(&PrivateKeyDer::try_from(signing_key.serialize_der())?)?;
        let identity = Identity::new(vec![cert.der().clone()], key)?;
        let session = Arc::default();
        let client = |offers| {
            let sessions = Newest { session: Arc::clone(&session), offers };
            let client = ClientConfig::builder().backend(backend).roots([cert.der().clone()]);
            client.sessions(Arc::new(sessions)).session_context("million").peer_certificates(policy.clone()).build()
        };
        let server = ServerConfig::builder().backend(backend).identity(identity);
        let server = server.session_store(Arc::new(MemoryStore::new(SESSIONS)));
        let server = server.peer_certificates(policy.clone()).build()?;
        let configs =
            Configs { name: ServerName::try_from(NAME)?, new: client(false)?, resuming: client(true)?, server };
        // Fills the store, and what the crypto crate keeps for ever: from now on all that is taken is the connections'.
        let mut wire = vec![0; 20_000];
        for _ in 0..8 * SESSIONS {
            configs.connect(false, &mut wire)?;
        }
        configs.connect(true, &mut wire)?;
        Ok(Arc::new(configs))
    }

    /// A connection that is established, and the bytes of heap that each end holds. `wire` is room for a flight.
    pub(crate) fn connect(&self, resumes: bool, wire: &mut [u8]) -> Result<(Pair, Bytes), Problem> {
        let mut bytes = Bytes::default();
        let config = if resumes { &self.resuming } else { &self.new };
        let client = counted(&mut bytes.client, || ClientConnection::new(Arc::clone(config), self.name.clone()))?;
        let server = counted(&mut bytes.server, || ServerConnection::new(Arc::clone(&self.server)));
        let mut pair = Pair { client, server };
        for _ in 0..2 {
            let filled = counted(&mut bytes.client, || pair.client.write(&[], wire))?.produced;
            counted(&mut bytes.server, || read(&mut pair.server, wire.get_mut(..filled).unwrap_or_default()))?;
            let filled = counted(&mut bytes.server, || pair.server.write(&[], wire))?.produced;
            counted(&mut bytes.client, || read(&mut pair.client, wire.get_mut(..filled).unwrap_or_default()))?;
        }
        match pair.client.is_established() && pair.server.is_established() && pair.client.resumed() == resumes {
            true => Ok((pair, bytes)),
            false => Err("a handshake went another way than it should".into()),
        }
    }
}

/// Reads all that came.
fn read(connection: &mut impl Connection, mut input: &mut [u8]) -> Result<(), Error> {
    loop {
        let Received { consumed, event } = connection.read(input)?;
        if let Event::NeedInput { .. } = event {
            return Ok(());
        }
        input = input.get_mut(consumed..).unwrap_or_default();
    }
}

/// Adds to `bytes` what stays of this work.
fn counted<T>(bytes: &mut i64, work: impl FnOnce() -> T) -> T {
    let mut done = None;
    *bytes += measure(|| done = Some(work())).bytes_current;
    #[allow(clippy::expect_used, reason = "it was called")]
    done.expect("it was called")
}

/// Bytes of heap that the ends of a connection hold.
#[derive(Default)]
pub(crate) struct Bytes {
    client: i64,
    server: i64,
}

/// What the ends of many connections hold, by the kind of their handshakes.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) full: Most,
    pub(crate) resumed: Most,
}

/// The most bytes of heap that any client and any server has, and what all of them have.
#[derive(Default)]
pub(crate) struct Most {
    pub(crate) pairs: usize,
    pub(crate) client: usize,
    pub(crate) server: usize,
    all: usize,
}

impl Held {
    pub(crate) fn count(&mut self, bytes: &Bytes, resumed: bool) {
        // A little less than nothing is none.
        let [client, server] = [bytes.client, bytes.server].map(|bytes| usize::try_from(bytes).unwrap_or(0));
        let most = if resumed { &mut self.resumed } else { &mut self.full };
        most.add(&Most { pairs: 1, client, server, all: client + server });
    }

    pub(crate) fn add(&mut self, other: &Held) {
        self.full.add(&other.full);
        self.resumed.add(&other.resumed);
    }

    pub(crate) fn pairs(&self) -> usize {
        self.full.pairs + self.resumed.pairs
    }

    pub(crate) fn bytes(&self) -> usize {
        self.full.all + self.resumed.all
    }
}

impl Most {
    fn add(&mut self, other: &Most) {
        self.pairs += other.pairs;
        self.client = self.client.max(other.client);
        self.server = self.server.max(other.server);
        self.all += other.all;
    }
}
