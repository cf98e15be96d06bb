//! Verifiers, resolvers and keys that count how often they were asked, and decide at once or later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tls12::message::{ClientHello, SignatureScheme};
use tls12::{
    Answer, Ask, CertificateError, ClientConfig, Connection, Decision, Identities, Identity, KeyExchangeGroup, Peer,
    PublicKey, ResolveIdentity, ServerConfig, SignError, SigningKey, Verified, VerifyPeer, WebPkiVerifier,
};

use crate::credentials::authority;
use crate::pair::{Counted, Ed25519Key, End, NAME, NOW, Pair, Replayable, Stopped, Trace};

/// Which decisions come late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Late {
    pub(crate) verify: bool,
    pub(crate) identity: bool,
    pub(crate) sign: bool,
}

impl Late {
    pub(crate) const NONE: Late = Late { verify: false, identity: false, sign: false };
    pub(crate) const ALL: Late = Late { verify: true, identity: true, sign: true };

    /// All eight.
    pub(crate) fn combinations() -> impl Iterator<Item = Late> {
        (0..8).map(|bits| Late { verify: bits & 1 != 0, identity: bits & 2 != 0, sign: bits & 4 != 0 })
    }
}

/// Asks the thing inside, or says `Later`; counts both the questions and the answers.
#[derive(Debug)]
pub(crate) struct Decider<T> {
    pub(crate) inside: T,
    later: AtomicBool,
    /// How often the trait was called.
    pub(crate) asked: AtomicU64,
    /// How often the thing inside worked.
    pub(crate) worked: AtomicU64,
}

impl<T> Decider<T> {
    pub(crate) fn new(inside: T, later: bool) -> Arc<Self> {
        let later = AtomicBool::new(later);
        Arc::new(Decider { inside, later, asked: AtomicU64::new(0), worked: AtomicU64::new(0) })
    }

    /// Counts again from nothing.
    pub(crate) fn start_again(&self, later: bool) {
        self.later.store(later, Ordering::Relaxed);
        self.asked.store(0, Ordering::Relaxed);
        self.worked.store(0, Ordering::Relaxed);
    }

    pub(crate) fn decide<A>(&self, work: impl FnOnce(&T) -> A) -> Decision<A> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.later.load(Ordering::Relaxed) { Decision::Later } else { Decision::Now(self.work(work)) }
    }

    /// What the outside does, whenever it does it.
    pub(crate) fn work<A>(&self, work: impl FnOnce(&T) -> A) -> A {
        self.worked.fetch_add(1, Ordering::Relaxed);
        work(&self.inside)
    }

    /// How often it was asked, and how often it worked.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.asked.load(Ordering::Relaxed), self.worked.load(Ordering::Relaxed))
    }
}

pub(crate) fn now<A>(decision: Decision<A>) -> A {
    match decision {
        Decision::Now(answer) => answer,
        Decision::Later => panic!("what is inside decides at once"),
    }
}

impl VerifyPeer for Decider<WebPkiVerifier> {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        self.decide(|verifier| now(verifier.verify(peer)))
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        self.inside.session_binding()
    }

    fn wants_status(&self) -> bool {
        self.inside.wants_status()
    }
}

impl ResolveIdentity for Decider<Identities> {
    fn resolve(&self, hello: &ClientHello<'_>) -> Decision<Option<Arc<Identity>>> {
        self.decide(|identities| now(identities.resolve(hello)))
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        self.inside.session_binding()
    }
}

impl SigningKey for Decider<Ed25519Key> {
    fn public_key(&self) -> PublicKey {
        self.inside.public_key()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.inside.schemes()
    }

    fn sign(&self, _: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        self.decide(|key| Ok(key.signature(message)))
    }
}

/// A client and a server whose decisions are counted and may come late; else all is the same each time.
pub(crate) struct Deciding {
    pub(crate) verifier: Arc<Decider<WebPkiVerifier>>,
    pub(crate) resolver: Arc<Decider<Identities>>,
    pub(crate) key: Arc<Decider<Ed25519Key>>,
    pub(crate) client_config: Arc<ClientConfig>,
    pub(crate) server_config: Arc<ServerConfig>,
    pub(crate) trace: Arc<Trace>,
    pub(crate) draws: [Arc<Counted>; 2],
}

impl Deciding {
    pub(crate) fn new(late: Late) -> Self {
        let key = Decider::new(Ed25519Key::new(7), late.sign);
        let certificate = authority().certify(&[NAME], &Ed25519Key::new(7).pair());
        let identity = Identity::new(vec![certificate], key.clone()).unwrap();
        let resolver = Decider::new(Identities::new([identity]), late.identity);
        let verifier = Decider::new(WebPkiVerifier::new([authority().root()]).unwrap(), late.verify);
        let (trace, draws) = (Arc::new(Trace::default()), [Counted::new(1), Counted::new(2)]);
        let clock = Arc::new(Stopped(NOW));
        let group =
            |random: &Arc<Counted>| -> Vec<Arc<dyn KeyExchangeGroup>> { vec![Arc::new(Replayable(random.clone()))] };
        let client = ClientConfig::builder().verifier(verifier.clone()).clock(clock.clone()).observer(trace.clone());
        let client = client.random(draws[0].clone()).groups(group(&draws[0]));
        let server = ServerConfig::builder().resolver(resolver.clone()).clock(clock).observer(trace.clone());
        let server = server.random(draws[1].clone()).groups(group(&draws[1]));
        Deciding {
            client_config: client.build().unwrap(),
            server_config: server.build().unwrap(),
            verifier,
            resolver,
            key,
            trace,
            draws,
        }
    }

    pub(crate) fn pair(&self) -> Pair {
        Pair::new(self.client_config.clone(), self.server_config.clone())
    }

    /// Does what a question asks for.
    pub(crate) fn answer(&self, ask: Ask) -> Answer {
        match ask {
            Ask::Verify(request) => {
                let verdict = self.verifier.work(|verifier| now(verifier.verify(&request.peer())));
                request.respond(verdict)
            }
            Ask::ResolveIdentity(request) => {
                let identity = self.resolver.work(|identities| now(identities.resolve(&request.client_hello())));
                request.respond(identity)
            }
            Ask::Sign(request) => {
                let signature = self.key.work(|key| key.signature(request.message()));
                request.respond(Ok(signature))
            }
            other => panic!("a question that the tests do not know: {other:?}"),
        }
    }

    /// Answers the question of an end, if it has one.
    pub(crate) fn answer_for<C: Connection>(&self, end: &mut End<C>) -> bool {
        let Some(ask) = end.take_ask() else { return false };
        end.connection.answer(self.answer(ask)).unwrap();
        true
    }

    /// Drives the pair, answering each question when the wires are silent, after the connection was read in vain so often.
    pub(crate) fn drive(&self, pair: &mut Pair, patience: usize) {
        loop {
            pair.drive();
            for _ in 0..patience {
                pair.client.read();
                pair.server.read();
            }
            if !self.answer_for(&mut pair.client) && !self.answer_for(&mut pair.server) {
                return;
            }
        }
    }

    /// Each question and each answer: once.
    #[track_caller]
    pub(crate) fn assert_each_ran_once(&self, what: &str) {
        let counts = [self.verifier.counts(), self.resolver.counts(), self.key.counts()];
        assert_eq!(counts, [(1, 1); 3], "{what}: verifier, resolver and key are each asked once and work once");
        let draws = self.draws.each_ref().map(|random| random.draws.load(Ordering::Relaxed));
        assert_eq!(draws, [2, 2], "{what}: each side draws for its hello and its key");
    }

    /// What the observer saw, and forgets it.
    pub(crate) fn take_trace(&self) -> Vec<String> {
        let mut seen = self.trace.0.lock().unwrap();
        seen.drain(..).map(|(way, message, state)| format!("{way:?} {message} in {state}")).collect()
    }
}
