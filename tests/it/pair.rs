//! Two connections and the wires between them, with time, randomness and ephemeral keys given: the one simulation that all tests
//! use. Nothing in it is random, so that a failure can be had again.

use std::fmt;
use std::sync::{Arc, Mutex};

use tls12::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use tls12::{
    Ask, Backend, ClientConfig, ClientConfigBuilder, ClientConnection, Connection, Direction, Error, Event, Identity,
    MIN_OUTPUT, Observer, Received, Seen, ServerConfig, ServerConfigBuilder, ServerConnection,
};

pub(crate) use crate::given::{Counted, Ed25519Key, Replayable, Stopped};

/// 2026-01-01 00:00 UTC, in seconds.
pub(crate) const NOW: u64 = 1_767_225_600;

/// The name that the certificates of these tests cover.
pub(crate) const NAME: &str = "server.example";

/// A certificate authority, and certificates by it for [`NAME`].
pub(crate) struct Authority {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Authority {
    /// With a fixed key and serial numbers, so that its certificates are the same each time.
    pub(crate) fn new() -> Self {
        Authority::named("tls12 test root", 99)
    }

    /// Another one, by its own name and the seed of its key.
    pub(crate) fn named(name: &str, seed: u8) -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.serial_number = Some(1.into());
        let key = Ed25519Key::new(seed).pair();
        Authority { issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// A list in which no certificate stands.
    pub(crate) fn revokes_nothing(&self) -> CertificateRevocationListDer<'static> {
        let year = |year| rcgen::date_time_ymd(year, 1, 1);
        let params = rcgen::CertificateRevocationListParams {
            this_update: year(2025),
            next_update: year(2035),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().der().clone()
    }

    /// A certificate for these names, signed by the authority.
    pub(crate) fn certify(&self, names: &[&str], key: &impl rcgen::PublicKeyData) -> CertificateDer<'static> {
        self.certify_with(names, key, |_| {})
    }

    /// A certificate that is different in something.
    pub(crate) fn certify_with(
        &self,
        names: &[&str],
        key: &impl rcgen::PublicKeyData,
        change: impl FnOnce(&mut rcgen::CertificateParams),
    ) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "tls12 test");
        params.serial_number = Some(2.into());
        change(&mut params);
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    /// An identity with a given key of the backend's.
    pub(crate) fn identity_with(
        &self,
        names: &[&str],
        public: &impl rcgen::PublicKeyData,
        private: &PrivateKeyDer<'_>,
    ) -> Identity {
        let key = Backend::default().load_key(private).unwrap();
        Identity::new(vec![self.certify(names, public)], key).unwrap().with_names(names.iter().copied()).unwrap()
    }

    /// An identity whose signatures are the same each time.
    pub(crate) fn replayable(&self, key: Arc<Ed25519Key>) -> Identity {
        let certificate = self.certify(&[NAME], &key.pair());
        Identity::new(vec![certificate], key).unwrap().with_names([NAME]).unwrap()
    }
}

/// Collects what went by.
#[derive(Debug, Default)]
pub(crate) struct Trace(pub(crate) Mutex<Vec<(Direction, &'static str, &'static str)>>);

impl Observer for Trace {
    fn message(&self, seen: &Seen<'_>) {
        self.0.lock().unwrap().push((seen.direction, seen.message, seen.state));
    }
}

/// A client's settings with nothing random in them.
pub(crate) fn client_config(authority: &Authority, seed: u64) -> ClientConfigBuilder {
    let random = Counted::new(seed);
    ClientConfig::builder()
        .roots([authority.root()])
        .random(random.clone())
        .groups(vec![Arc::new(Replayable(random))])
        .clock(Arc::new(Stopped(NOW)))
}

/// A server's settings with nothing random in them but for the identity, which is still to be given.
pub(crate) fn server_config(seed: u64) -> ServerConfigBuilder {
    let random = Counted::new(seed);
    ServerConfig::builder()
        .random(random.clone())
        .groups(vec![Arc::new(Replayable(random))])
        .clock(Arc::new(Stopped(NOW)))
}

/// What a connection did that its application has to know.
#[derive(Debug)]
pub(crate) enum Happened {
    Established,
    Data(Vec<u8>),
    Closed,
    Ask(Ask),
    Waiting,
    Failed(Error),
}

/// How a connection is driven. None of it may change what goes over the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) drain: Drain,
    pub(crate) timing: Timing,
}

/// By what calls the output is fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Drain {
    /// `write` with buffers of so many bytes.
    Pieces(usize),
    /// `write_vec`.
    Vector,
}

/// When the output is fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timing {
    /// When all input is read.
    AtTheEnd,
    /// All of it, after each event.
    EachEvent,
    /// One piece of it after each event, and the rest at the end.
    OnePieceEachEvent,
}

impl Manner {
    pub(crate) const PLAIN: Manner = Manner { drain: Drain::Pieces(20_000), timing: Timing::AtTheEnd };
}

/// One end: a connection, and what was received for it.
pub(crate) struct End<C> {
    pub(crate) connection: C,
    pub(crate) inbox: Vec<u8>,
    /// What it wrote and the wire has not fetched.
    outbox: Vec<u8>,
    /// All bytes that it ever sent.
    pub(crate) sent: Vec<u8>,
    pub(crate) happened: Vec<Happened>,
    pub(crate) manner: Manner,
}

impl<C: Connection> End<C> {
    pub(crate) fn new(connection: C) -> Self {
        End {
            connection,
            inbox: Vec::new(),
            outbox: Vec::new(),
            sent: Vec::new(),
            happened: Vec::new(),
            manner: Manner::PLAIN,
        }
    }

    /// Reads until nothing happens any more. The first error ends it.
    pub(crate) fn read(&mut self) {
        loop {
            let Received { consumed, event } = match self.connection.read(&mut self.inbox) {
                Ok(received) => received,
                Err(error) => {
                    if self.error().is_none() {
                        self.happened.push(Happened::Failed(error));
                    }
                    return;
                }
            };
            let happened = match event {
                Event::Progress | Event::Failing | Event::SendAlert(_) => None,
                Event::NeedInput { missing } => {
                    assert_eq!(consumed, 0, "NeedInput consumes nothing");
                    assert!(missing > 0, "NeedInput needs something");
                    return;
                }
                Event::Established => Some(Happened::Established),
                Event::Data(range) => Some(Happened::Data(self.inbox[range].to_vec())),
                Event::Ask(ask) => Some(Happened::Ask(ask)),
                Event::Waiting => Some(Happened::Waiting),
                Event::Closed if self.closed() => return,
                Event::Closed => Some(Happened::Closed),
            };
            self.inbox.drain(..consumed);
            let stop = matches!(happened, Some(Happened::Ask(_) | Happened::Waiting | Happened::Closed));
            self.happened.extend(happened);
            match self.manner.timing {
                Timing::AtTheEnd => {}
                Timing::EachEvent => self.drain(&[], usize::MAX),
                Timing::OnePieceEachEvent => self.drain(&[], 1),
            }
            if stop {
                return;
            }
        }
    }

    fn has_output(&self) -> bool {
        !self.outbox.is_empty() || self.connection.wants_write()
    }

    /// Writes all that it has to say, and returns it.
    pub(crate) fn write(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.drain(plaintext, usize::MAX);
        std::mem::take(&mut self.outbox)
    }

    /// Calls `write` at most so often, until it produces nothing.
    fn drain(&mut self, plaintext: &[u8], calls: usize) {
        let mut left = plaintext;
        let before = self.outbox.len();
        for _ in 0..calls {
            let sent = match self.manner.drain {
                Drain::Vector => self.connection.write_vec(left, &mut self.outbox),
                Drain::Pieces(size) => {
                    // Records of data need some room.
                    let mut buffer = vec![0; if left.is_empty() { size } else { size.max(MIN_OUTPUT) }];
                    let sent = self.connection.write(left, &mut buffer);
                    let produced = sent.as_ref().map_or(0, |sent| sent.produced);
                    self.outbox.extend_from_slice(&buffer[..produced]);
                    sent
                }
            };
            match sent {
                Ok(sent) if sent.produced > 0 => left = &left[sent.taken..],
                _ => break,
            }
        }
        self.sent.extend_from_slice(&self.outbox[before..]);
    }

    /// Reads, says `says` once it can, and closes after the peer, or as soon as data came if it `closes_first`.
    /// Returns what it wrote.
    pub(crate) fn talk(&mut self, says: &[u8], closes_first: bool) -> Vec<u8> {
        let was_established = self.established();
        self.read();
        let mut out = self.write(if self.established() && !was_established { says } else { &[] });
        if self.closed() || (closes_first && !self.data().is_empty()) {
            self.connection.close();
            out.extend(self.write(&[]));
        }
        out
    }

    /// The data that came, joined.
    pub(crate) fn data(&self) -> Vec<u8> {
        let data = |happened: &Happened| match happened {
            Happened::Data(data) => data.clone(),
            _ => Vec::new(),
        };
        self.happened.iter().flat_map(data).collect()
    }

    pub(crate) fn established(&self) -> bool {
        self.happened.iter().any(|happened| matches!(happened, Happened::Established))
    }

    /// Whether the peer closed.
    pub(crate) fn closed(&self) -> bool {
        self.happened.iter().any(|happened| matches!(happened, Happened::Closed))
    }

    /// The error that it failed with.
    pub(crate) fn error(&self) -> Option<&Error> {
        self.happened.iter().find_map(|happened| match happened {
            Happened::Failed(error) => Some(error),
            _ => None,
        })
    }

    /// The error that it failed with, as a person reads it.
    pub(crate) fn complaint(&self) -> String {
        self.error().map(ToString::to_string).unwrap_or_default()
    }

    /// The question that it asked last, taken out.
    pub(crate) fn take_ask(&mut self) -> Option<Ask> {
        let at = self.happened.iter().rposition(|happened| matches!(happened, Happened::Ask(_)))?;
        match self.happened.remove(at) {
            Happened::Ask(ask) => Some(ask),
            _ => None,
        }
    }
}

/// A client and a server, and the wires between them.
pub(crate) struct Pair {
    pub(crate) client: End<ClientConnection>,
    pub(crate) server: End<ServerConnection>,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("client", &self.client.happened).field("server", &self.server.happened).finish()
    }
}

impl Pair {
    pub(crate) fn new(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Self {
        let name = ServerName::try_from(NAME).unwrap();
        Pair {
            client: End::new(ClientConnection::new(client, name).unwrap()),
            server: End::new(ServerConnection::new(server)),
        }
    }

    /// With the default settings of the tests.
    pub(crate) fn replayable() -> Self {
        let authority = Authority::new();
        let identity = authority.replayable(Arc::new(Ed25519Key::new(7)));
        Pair::new(client_config(&authority, 1).build().unwrap(), server_config(2).identity(identity).build().unwrap())
    }

    /// With these settings, driven until the wires are silent.
    pub(crate) fn driven(client: ClientConfigBuilder, server: ServerConfigBuilder) -> Self {
        let mut pair = Pair::new(client.build().unwrap(), server.build().unwrap());
        pair.drive();
        pair
    }

    /// An established pair with the default settings of the tests.
    pub(crate) fn established() -> Self {
        let mut pair = Pair::replayable();
        pair.drive();
        pair.assert_established();
        pair
    }

    #[track_caller]
    pub(crate) fn assert_established(&self) {
        assert!(self.client.established() && self.server.established(), "both ends get established: {self:?}");
    }

    /// Each end reads what it has and says what it has to say. Returns the bytes that moved.
    pub(crate) fn step(&mut self) -> usize {
        let to_server = self.client.write(&[]);
        self.server.inbox.extend_from_slice(&to_server);
        self.server.read();
        let to_client = self.server.write(&[]);
        self.client.inbox.extend_from_slice(&to_client);
        self.client.read();
        to_server.len() + to_client.len()
    }

    /// Steps until the wires are silent.
    pub(crate) fn drive(&mut self) {
        for _ in 0..100 {
            // What an answer sets in motion is written in the next step.
            if self.step() == 0 && !self.client.has_output() && !self.server.has_output() {
                return;
            }
        }
        panic!("the two never fall silent: {self:?}");
    }

    pub(crate) fn client_says(&mut self, data: &[u8]) {
        let bytes = self.client.write(data);
        self.server.inbox.extend_from_slice(&bytes);
        self.server.read();
    }

    pub(crate) fn server_says(&mut self, data: &[u8]) {
        let bytes = self.server.write(data);
        self.client.inbox.extend_from_slice(&bytes);
        self.client.read();
    }
}
