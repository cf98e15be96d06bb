//! Clients and servers, connected in memory, awake and dormant, and how much of the heap each takes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use allocation_counter::measure;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tls12::pki_types::{PrivateKeyDer, ServerName, UnixTime};
use tls12::{
    Backend, ChannelBinding, ClientConfig, ClientConnection, ClientSessions, Connection, Decision, Dormant, Error,
    Event, Identity, PeerCertificatesPolicy, Received, ServerConfig, ServerConnection, Session, SessionStore,
};

use super::Problem;

const NAME: &str = "server.example";

/// Both ends of a connection, in the form in which they are held.
pub(crate) trait Ends: Sized + Send {
    /// The size of the struct, in bytes.
    const CLIENT: usize;
    const SERVER: usize;
    /// The most bytes of an end, struct and heap, but for what has a length of its own.
    const BUDGET: usize;

    /// Puts a connection that was just established into this form.
    fn of(pair: Pair, configs: &Configs, bytes: &mut Bytes) -> Result<Self, Problem>;

    /// Does something with the two while they are awake.
    fn awake(
        &mut self,
        configs: &Configs,
        work: &mut dyn FnMut(&mut Pair) -> Result<(), Problem>,
    ) -> Result<(), Problem>;
}

/// Both ends, awake.
pub(crate) struct Pair {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
}

impl Ends for Pair {
    const CLIENT: usize = size_of::<ClientConnection>();
    const SERVER: usize = size_of::<ServerConnection>();
    const BUDGET: usize = 1600;

    fn of(pair: Pair, _: &Configs, _: &mut Bytes) -> Result<Self, Problem> {
        Ok(pair)
    }

    fn awake(&mut self, _: &Configs, work: &mut dyn FnMut(&mut Pair) -> Result<(), Problem>) -> Result<(), Problem> {
        work(self)
    }
}

/// What a connection that rests says of its session: the store, with the ID, or with the server's name and the session.
const STORED: usize = 64;

/// Bytes of an `Arc` of so many.
fn shared(length: usize) -> usize {
    (2 * size_of::<usize>() + length).next_multiple_of(align_of::<usize>())
}

/// Of names that are kept with a session, in bytes: at most the server's and a digest.
const NAMES: usize = NAME.len() + 32;

/// Bytes of the ID by which a session is resumed.
const ID: usize = 32;

/// Both ends, dormant; `None` while they are awake.
pub(crate) struct Asleep {
    client: Option<Dormant>,
    server: Option<Dormant>,
}

impl Ends for Asleep {
    const CLIENT: usize = size_of::<Dormant>();
    const SERVER: usize = size_of::<Dormant>();
    const BUDGET: usize = 256;

    fn of(Pair { client, server }: Pair, configs: &Configs, bytes: &mut Bytes) -> Result<Self, Problem> {
        // What has a length of its own: the name that was asked for, digests of certificates, and where the session is kept.
        let end_point = |connection: &dyn Fn(ChannelBinding) -> Result<Vec<u8>, Error>| {
            connection(ChannelBinding::TlsServerEndPoint).map_or(0, |digest| digest.len())
        };
        let name = |name: Option<&str>| name.map_or(0, str::len);
        bytes.client.named += STORED + name(client.server_name()) + end_point(&|kind| client.channel_binding(kind));
        bytes.server.named += STORED + name(server.server_name()) + end_point(&|kind| server.channel_binding(kind));
        let client = counted(&mut bytes.client.held, || client.export())?;
        let server = counted(&mut bytes.server.held, || server.export())?;
        for count in [&mut bytes.client, &mut bytes.server] {
            count.held -= unseen(configs.backend);
            count.named -= beyond(configs.backend);
        }
        let digest = |dormant: &Dormant| dormant.peer_certificate_digest().map_or(0, |digest| digest.len());
        bytes.client.named += digest(&client);
        bytes.server.named += digest(&server);
        Ok(Asleep { client: Some(client), server: Some(server) })
    }

    fn awake(
        &mut self,
        configs: &Configs,
        work: &mut dyn FnMut(&mut Pair) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let (Some(client), Some(server)) = (self.client.take(), self.server.take()) else { return Err("awake".into()) };
        let mut pair = Pair {
            client: client.wake::<ClientConnection>(&configs.resuming)?,
            server: server.wake::<ServerConnection>(&configs.server)?,
        };
        work(&mut pair)?;
        let Pair { client, server } = pair;
        *self = Asleep { client: Some(client.export()?), server: Some(server.export()?) };
        Ok(())
    }
}

/// One place for one session, the newest, so that each new one frees another.
type Newest<T> = Mutex<Option<T>>;

fn locked<T>(newest: &Newest<T>) -> MutexGuard<'_, Option<T>> {
    newest.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A client's.
#[derive(Debug)]
struct OfClients {
    newest: Arc<Newest<Arc<Session>>>,
    /// Whether it is offered; if not, each handshake is a full one.
    offers: bool,
}

impl ClientSessions for OfClients {
    fn find(&self, _: &ServerName<'_>, _: UnixTime) -> Option<Arc<Session>> {
        if self.offers { locked(&self.newest).clone() } else { None }
    }

    fn put(&self, _: &ServerName<'_>, session: Arc<Session>) {
        *locked(&self.newest) = Some(session);
    }

    fn remove(&self, _: &ServerName<'_>, _: &Arc<Session>) {
        *locked(&self.newest) = None;
    }
}

/// The server's, with its ID.
#[derive(Debug, Default)]
struct OfServer(Newest<(Vec<u8>, Arc<Session>)>);

impl SessionStore for OfServer {
    fn find(&self, id: &[u8], _: UnixTime) -> Decision<Option<Arc<Session>>> {
        let newest = locked(&self.0);
        Decision::Now(newest.as_ref().filter(|(of, _)| of == id).map(|(_, session)| Arc::clone(session)))
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        *locked(&self.0) = Some((id.to_vec(), session));
    }

    fn remove(&self, _: &[u8]) {
        *locked(&self.0) = None;
    }
}

/// Bytes of heap that an end which is awake has from the C library, which the count does not see: the two keys of `aws-lc-rs`, each an
/// EVP_AEAD_CTX with a prefix for its length.
fn unseen(backend: Backend) -> i64 {
    match backend {
        #[cfg(feature = "aws-lc-rs")]
        Backend::AwsLc => 2 * (584 + 8),
        _ => 0,
    }
}

/// Bytes by which the two keys of an end that is awake are larger than ring's: with the box around each 592 + 40, not 560.
fn beyond(backend: Backend) -> usize {
    match backend {
        #[cfg(feature = "aws-lc-rs")]
        Backend::AwsLc => 2 * (592 + 40 - 560),
        _ => 0,
    }
}

pub(crate) struct Configs {
    backend: Backend,
    name: ServerName<'static>,
    /// Of the clients that make a session.
    new: Arc<ClientConfig>,
    /// Of those that resume it.
    resuming: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Configs {
    pub(crate) fn new(backend: Backend, policy: &PeerCertificatesPolicy) -> Result<Self, Problem> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_string()])?;
        let key = backend.load_key(&PrivateKeyDer::try_from(signing_key.serialize_der())?)?;
        let identity = Identity::new(vec![cert.der().clone()], key)?;
        let newest = Arc::default();
        let client = |offers| {
            let sessions = OfClients { newest: Arc::clone(&newest), offers };
            let client = ClientConfig::builder().backend(backend).roots([cert.der().clone()]);
            client.sessions(Arc::new(sessions)).session_context("million").peer_certificates(policy.clone()).build()
        };
        let server = ServerConfig::builder().backend(backend).identity(identity);
        let server = server.session_store(Arc::new(OfServer::default()));
        let server = server.peer_certificates(policy.clone()).build()?;
        let configs = Configs {
            backend,
            name: ServerName::try_from(NAME)?,
            new: client(false)?,
            resuming: client(true)?,
            server,
        };
        // The first session, and what the crypto crate keeps for ever: from now on all that is taken is the connections'.
        let mut wire = vec![0; 20_000];
        for resumes in [false, true, false, true] {
            configs.connect(resumes, &mut wire)?;
        }
        Ok(configs)
    }

    /// A connection that is established, and the bytes of heap that each end holds. `wire` is room for a flight.
    pub(crate) fn connect(&self, resumes: bool, wire: &mut [u8]) -> Result<(Pair, Bytes), Problem> {
        let count = |named| Count { held: unseen(self.backend), named: beyond(self.backend) + named };
        // A client keeps the session that it made, so as to have it forgotten; a server keeps names, and all that resume its session
        // share theirs.
        let (session, names) =
            (shared(size_of::<Session>()) + ID + shared(NAME.len()), shared(NAME.len()) + shared(NAMES));
        let mut bytes = match resumes {
            true => Bytes { client: count(0), server: count(0) },
            false => Bytes { client: count(session), server: count(names) },
        };
        let config = if resumes { &self.resuming } else { &self.new };
        let client = counted(&mut bytes.client.held, || ClientConnection::new(Arc::clone(config), self.name.clone()))?;
        let server = counted(&mut bytes.server.held, || ServerConnection::new(Arc::clone(&self.server)));
        let mut pair = Pair { client, server };
        for _ in 0..2 {
            let filled = counted(&mut bytes.client.held, || pair.client.write(&[], wire))?.produced;
            counted(&mut bytes.server.held, || read(&mut pair.server, wire.get_mut(..filled).unwrap_or_default()))?;
            let filled = counted(&mut bytes.server.held, || pair.server.write(&[], wire))?.produced;
            counted(&mut bytes.client.held, || read(&mut pair.client, wire.get_mut(..filled).unwrap_or_default()))?;
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

/// What the ends of a connection hold.
pub(crate) struct Bytes {
    client: Count,
    server: Count,
}

struct Count {
    /// Bytes of heap.
    held: i64,
    /// As many of them have a length of their own, or are the backend's.
    named: usize,
}

/// What the ends of many connections hold, by the kind of their handshakes.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) full: Kind,
    pub(crate) resumed: Kind,
}

/// The client and the server that hold most, and what all of them hold.
#[derive(Default)]
pub(crate) struct Kind {
    pub(crate) pairs: usize,
    pub(crate) client: Most,
    pub(crate) server: Most,
    all: usize,
}

/// Of one end, in bytes.
#[derive(Default)]
pub(crate) struct Most {
    pub(crate) heap: usize,
    /// Of them: what has a length of its own, or is the backend's.
    pub(crate) named: usize,
}

impl Held {
    pub(crate) fn count(&mut self, bytes: &Bytes, resumed: bool) {
        let most = |count: &Count| Most { heap: usize::try_from(count.held).unwrap_or(0), named: count.named };
        let (client, server) = (most(&bytes.client), most(&bytes.server));
        let kind = if resumed { &mut self.resumed } else { &mut self.full };
        kind.add(&Kind { pairs: 1, all: client.heap + server.heap, client, server });
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

impl Kind {
    fn add(&mut self, other: &Kind) {
        self.pairs += other.pairs;
        self.client.add(&other.client);
        self.server.add(&other.server);
        self.all += other.all;
    }
}

impl Most {
    fn add(&mut self, other: &Most) {
        self.heap = self.heap.max(other.heap);
        self.named = self.named.max(other.named);
    }
}
