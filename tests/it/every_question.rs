//! A client and a server that are asked all that there is to ask, in three kinds of handshake.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tls12::message::CertificateRequest;
use tls12::pki_types::UnixTime;
use tls12::{
    Acceptance, Acceptor, Answer, Ask, Backend, ClientAuthPolicy, ClientConfig, ClientIdentities, Decision, Identities,
    Identity, NewTicket, NotResumed, Observer, OpenedTicket, ResolveClientIdentity, Seen, ServerConfig, Session,
    SessionStore, SigningKey, TicketSealer, Tickets, VerifyPeer, WebPkiVerifier,
};

use crate::credentials::authority;
use crate::deciders::{Decider, now};
use crate::pair::{Counted, Ed25519Key, End, NAME, NOW, Pair, Replayable, Stopped, Trace};
use crate::sessions::{Kept, Refusals, Store};

/// What is decided outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    VerifyServer,
    ClientIdentity,
    ClientSignature,
    /// Chosen behind an acceptor.
    Configuration,
    FindSession,
    OpenTicket,
    SealTicket,
    ServerIdentity,
    ServerSignature,
    VerifyClient,
}

/// The handshakes; in each of them both sides are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// With a ticket that the server declines, and a new one.
    Full,
    /// With a new ticket. Both sides verify again.
    ByTicket,
    /// Both sides verify again.
    ById,
}

impl Handshake {
    pub(crate) const ALL: [Handshake; 3] = [Handshake::Full, Handshake::ByTicket, Handshake::ById];

    /// What is decided in it, each once.
    pub(crate) fn topics(self) -> Vec<Topic> {
        use Topic::*;
        match self {
            Handshake::Full => vec![
                VerifyServer,
                ClientIdentity,
                ClientSignature,
                Configuration,
                OpenTicket,
                SealTicket,
                ServerIdentity,
                ServerSignature,
                VerifyClient,
            ],
            Handshake::ByTicket => vec![VerifyServer, Configuration, OpenTicket, SealTicket, VerifyClient],
            Handshake::ById => vec![VerifyServer, Configuration, FindSession, VerifyClient],
        }
    }
}

/// Opens and seals, each at once or late.
#[derive(Debug)]
pub(crate) struct Sealer {
    open: Arc<Decider<Arc<Tickets>>>,
    seal: Arc<Decider<Arc<Tickets>>>,
}

impl TicketSealer for Sealer {
    fn open(&self, ticket: &[u8], time: UnixTime) -> Decision<Option<OpenedTicket>> {
        self.open.decide(|tickets| now(tickets.open(ticket, time)))
    }

    fn seal(&self, session: &Arc<Session>, time: UnixTime) -> Decision<Option<NewTicket>> {
        self.seal.decide(|tickets| now(tickets.seal(session, time)))
    }
}

impl SessionStore for Decider<Store> {
    fn find(&self, id: &[u8], time: UnixTime) -> Decision<Option<Arc<Session>>> {
        self.decide(|store| now(store.find(id, time)))
    }

    fn put(&self, id: &[u8], session: Arc<Session>) {
        self.inside.put(id, session);
    }

    fn remove(&self, id: &[u8]) {
        self.inside.remove(id);
    }
}

impl ResolveClientIdentity for Decider<ClientIdentities> {
    fn resolve(&self, request: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        self.decide(|identities| now(identities.resolve(request)))
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        self.inside.session_binding()
    }
}

/// Sees the messages of both sides, and what became of sessions.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    trace: Trace,
    pub(crate) refusals: Refusals,
}

impl Observer for Watch {
    fn message(&self, seen: &Seen<'_>) {
        self.trace.message(seen);
    }

    fn not_resumed(&self, client_random: &[u8; 32], why: &NotResumed) {
        self.refusals.not_resumed(client_random, why);
    }

    fn no_ticket(&self, client_random: &[u8; 32], why: &str) {
        self.refusals.no_ticket(client_random, why);
    }
}

/// Both sides, in the middle between a first connection and the one that a test is about.
pub(crate) struct Scene {
    handshake: Handshake,
    verify_server: Arc<Decider<WebPkiVerifier>>,
    client_identities: Arc<Decider<ClientIdentities>>,
    client_key: Arc<Decider<Ed25519Key>>,
    pub(crate) store: Arc<Decider<Store>>,
    sealer: Arc<Sealer>,
    identities: Arc<Decider<Identities>>,
    key: Arc<Decider<Ed25519Key>>,
    verify_client: Arc<Decider<WebPkiVerifier>>,
    pub(crate) kept: Arc<Kept>,
    pub(crate) watch: Arc<Watch>,
    /// The client's, the server's, and that of the tickets.
    draws: [Arc<Counted>; 3],
}

/// An identity whose signatures are the same each time.
fn identity(key: &Arc<Decider<Ed25519Key>>) -> Identity {
    Identity::new(vec![authority().certify(&[NAME], &key.inside.pair())], key.clone()).unwrap()
}

impl Scene {
    /// After the first connection, ready for one in which these decisions come late.
    pub(crate) fn new(handshake: Handshake, late: &[Topic]) -> Self {
        let draws = [1, 2, 3].map(Counted::new);
        let tickets = Arc::new(Tickets::with_random(Backend::default(), draws[2].clone()).unwrap());
        let (client_key, key) = (Decider::new(Ed25519Key::new(8), false), Decider::new(Ed25519Key::new(7), false));
        let roots = || [authority().root()];
        let scene = Scene {
            handshake,
            verify_server: Decider::new(WebPkiVerifier::new(roots()).unwrap(), false),
            client_identities: Decider::new(ClientIdentities::new([identity(&client_key)]), false),
            store: Decider::new(Store::default(), false),
            sealer: Arc::new(Sealer { open: Decider::new(tickets.clone(), false), seal: Decider::new(tickets, false) }),
            identities: Decider::new(Identities::new([identity(&key)]), false),
            verify_client: Decider::new(WebPkiVerifier::for_clients(roots()).unwrap(), false),
            kept: Arc::default(),
            watch: Arc::default(),
            client_key,
            key,
            draws,
        };
        let mut first = Pair::new(scene.client_config(), scene.server_config());
        first.drive();
        first.assert_established();
        if handshake == Handshake::Full {
            scene.alter_ticket();
        }
        scene.start_again(late);
        scene
    }

    /// The client's ticket, which stands at the end of its session, no longer opens.
    fn alter_ticket(&self) {
        let mut bytes = self.kept.last().unwrap().to_bytes().to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        *self.kept.0.lock().unwrap() = vec![Session::from_bytes(&bytes).unwrap()];
    }

    fn start_again(&self, late: &[Topic]) {
        self.verify_server.start_again(late.contains(&Topic::VerifyServer));
        self.client_identities.start_again(late.contains(&Topic::ClientIdentity));
        self.client_key.start_again(late.contains(&Topic::ClientSignature));
        self.store.start_again(late.contains(&Topic::FindSession));
        self.sealer.open.start_again(late.contains(&Topic::OpenTicket));
        self.sealer.seal.start_again(late.contains(&Topic::SealTicket));
        self.identities.start_again(late.contains(&Topic::ServerIdentity));
        self.key.start_again(late.contains(&Topic::ServerSignature));
        self.verify_client.start_again(late.contains(&Topic::VerifyClient));
        self.draws.iter().for_each(|random| random.draws.store(0, Ordering::Relaxed));
        self.take_trace();
    }

    fn client_config(&self) -> Arc<ClientConfig> {
        let random = &self.draws[0];
        let client = ClientConfig::builder().verifier(self.verify_server.clone()).clock(Arc::new(Stopped(NOW)));
        let client = client.random(random.clone()).groups(vec![Arc::new(Replayable(random.clone()))]);
        let client = client.identity_resolver(self.client_identities.clone()).sessions(self.kept.clone());
        client
            .session_context("client")
            .alpn_protocols(["h2"])
            .verify_on_resumption(true)
            .observer(self.watch.clone())
            .build()
            .unwrap()
    }

    fn server_config(&self) -> Arc<ServerConfig> {
        let random = &self.draws[1];
        let server = ServerConfig::builder().resolver(self.identities.clone()).clock(Arc::new(Stopped(NOW)));
        let server = server.random(random.clone()).groups(vec![Arc::new(Replayable(random.clone()))]);
        let server = server.client_authentication(ClientAuthPolicy::Required, self.verify_client.clone());
        let server = server.session_context("server").verify_on_resumption(true).observer(self.watch.clone());
        let server = server.session_store(self.store.clone()).alpn_protocols(["h2"]);
        let server = if self.handshake == Handshake::ById { server } else { server.tickets(self.sealer.clone()) };
        server.build().unwrap()
    }

    /// The connection that the test is about. The server's configuration is given by an acceptor if that is late.
    pub(crate) fn pair(&self, late: &[Topic]) -> Pair {
        let mut pair = Pair::new(self.client_config(), self.server_config());
        if late.contains(&Topic::Configuration) {
            let mut hello = pair.client.write(&[]);
            let event = Acceptor::new().read(&mut hello).unwrap().event;
            let Acceptance::ClientHello(accepted) = event else { panic!("a whole ClientHello") };
            pair.server = End::new(accepted.into_connection(self.server_config()));
            pair.server.read();
        }
        pair
    }

    /// Does what the client asks for.
    pub(crate) fn answer_client(&self, ask: Ask) -> Answer {
        match ask {
            Ask::Verify(request) => {
                let verdict = self.verify_server.work(|verifier| now(verifier.verify(&request.peer())));
                request.respond(verdict)
            }
            Ask::ResolveClientIdentity(request) => {
                let identity = self.client_identities.work(|all| now(all.resolve(&request.certificate_request())));
                request.respond(identity)
            }
            Ask::Sign(request) => {
                let signature = self.client_key.work(|key| now(key.sign(request.scheme(), request.message())));
                request.respond(signature)
            }
            other => panic!("no question of a client: {other:?}"),
        }
    }

    /// Does what the server asks for.
    pub(crate) fn answer_server(&self, ask: Ask) -> Answer {
        match ask {
            Ask::Verify(request) => {
                let verdict = self.verify_client.work(|verifier| now(verifier.verify(&request.peer())));
                request.respond(verdict)
            }
            Ask::ResolveIdentity(request) => {
                use tls12::ResolveIdentity as _;
                let identity = self.identities.work(|all| now(all.resolve(&request.client_hello())));
                request.respond(identity)
            }
            Ask::Sign(request) => {
                let signature = self.key.work(|key| now(key.sign(request.scheme(), request.message())));
                request.respond(signature)
            }
            Ask::FindSession(request) => {
                let found = self.store.work(|store| now(store.find(request.id(), request.now())));
                request.respond(found)
            }
            Ask::OpenTicket(request) => {
                let opened = self.sealer.open.work(|tickets| now(tickets.open(request.ticket(), request.now())));
                request.respond(opened)
            }
            Ask::SealTicket(request) => {
                let sealed = self.sealer.seal.work(|tickets| now(tickets.seal(request.session(), request.now())));
                request.respond(sealed)
            }
            other => panic!("no question of a server: {other:?}"),
        }
    }

    /// Drives the pair, answering each question when the wires are silent, after the connection was read in vain so often.
    pub(crate) fn drive(&self, pair: &mut Pair, patience: usize) {
        loop {
            pair.drive();
            for _ in 0..patience {
                pair.client.read();
                pair.server.read();
            }
            let (of_client, of_server) = (pair.client.take_ask(), pair.server.take_ask());
            if of_client.is_none() && of_server.is_none() {
                return;
            }
            of_client.into_iter().for_each(|ask| pair.client.connection.answer(self.answer_client(ask)).unwrap());
            of_server.into_iter().for_each(|ask| pair.server.connection.answer(self.answer_server(ask)).unwrap());
        }
    }

    /// Each question that there is in this handshake was asked once and decided once, no other one, and nobody drew more.
    #[track_caller]
    pub(crate) fn assert_each_ran_once(&self, what: &str) {
        let counts = [
            (Topic::VerifyServer, self.verify_server.counts()),
            (Topic::ClientIdentity, self.client_identities.counts()),
            (Topic::ClientSignature, self.client_key.counts()),
            (Topic::FindSession, self.store.counts()),
            (Topic::OpenTicket, self.sealer.open.counts()),
            (Topic::SealTicket, self.sealer.seal.counts()),
            (Topic::ServerIdentity, self.identities.counts()),
            (Topic::ServerSignature, self.key.counts()),
            (Topic::VerifyClient, self.verify_client.counts()),
        ];
        for (topic, counts) in counts {
            let expected = if self.handshake.topics().contains(&topic) { (1, 1) } else { (0, 0) };
            assert_eq!(counts, expected, "{what}: how often {topic:?} was asked and worked");
        }
        let draws = self.draws.each_ref().map(|random| random.draws.load(Ordering::Relaxed));
        let expected = match self.handshake {
            Handshake::Full => [2, 2, 1],
            Handshake::ByTicket => [1, 1, 1],
            Handshake::ById => [1, 1, 0],
        };
        assert_eq!(draws, expected, "{what}: a hello each, a key each, a nonce");
    }

    /// What the observer saw, and forgets it.
    pub(crate) fn take_trace(&self) -> Vec<String> {
        let mut seen = self.watch.trace.0.lock().unwrap();
        let mut all: Vec<_> =
            seen.drain(..).map(|(way, message, state)| format!("{way:?} {message} in {state}")).collect();
        all.extend(self.watch.refusals.take().iter().map(ToString::to_string));
        all.extend(self.watch.refusals.take_tickets());
        all
    }
}
