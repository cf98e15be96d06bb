//! Connections with nothing random in them, so that a peer that was recorded once fits again.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tls12::message::{CertificateRequest, ClientHello, NamedGroup, SignatureScheme};
use tls12::pki_types::pem::PemObject;
use tls12::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tls12::{
    Answer, Ask, Backend, CertificateError, Clock, Decision, GroupError, Identity, KeyExchange, KeyExchangeGroup,
    KeyLog, Peer, PublicKey, Random, RandomError, ResolveClientIdentity, ResolveIdentity, SharedSecret, SignError,
    SigningKey, Verified, VerifyPeer, WebPkiVerifier, dangerous,
};

use crate::keepers::{Keepers, Keeping, at_once};
use crate::setup::Setup;

/// The answer to a question, as it would have been given at once.
pub fn answer(ask: Ask, setup: Setup, keepers: &Arc<Keepers>) -> Answer {
    let keeping = Keeping::new(setup, keepers);
    match ask {
        Ask::Verify(request) => {
            let verdict = at_once(dangerous::AcceptAnything.verify(&request.peer()));
            request.respond(verdict)
        }
        Ask::ResolveIdentity(request) => {
            // Nothing of the hello may be out of reach.
            let _ = format!("{:?}", request.client_hello());
            request.respond(Some(Arc::new(PARTS.server_later[usize::from(setup.has(Setup::STAPLES))].clone())))
        }
        Ask::ResolveClientIdentity(request) => {
            let usable = PARTS.client_later.usable_for(&request.certificate_request());
            request.respond(usable.then(|| Arc::new(PARTS.client_later.clone())))
        }
        Ask::Sign(request) => {
            let key = [&PARTS.server[0], &PARTS.client].map(Identity::key);
            let key = key.into_iter().find(|key| key.public_key() == request.public_key()).expect("one of ours");
            let signature = at_once(key.sign(request.scheme(), request.message()));
            request.respond(signature)
        }
        Ask::FindSession(request) => {
            let found = keeping.find_id(request.id());
            request.respond(found)
        }
        Ask::OpenTicket(request) => {
            let opened = keeping.open_now(request.ticket(), request.now());
            request.respond(opened)
        }
        Ask::SealTicket(request) => {
            let ticket = keeping.seal_now(request.session(), request.now());
            request.respond(ticket)
        }
        other => panic!("a question that nobody can answer: {other:?}"),
    }
}

pub struct Parts {
    pub root: CertificateDer<'static>,
    pub for_servers: Arc<dyn VerifyPeer>,
    pub for_clients: Arc<dyn VerifyPeer>,
    /// Without and with what is stapled.
    server: [Identity; 2],
    pub client: Identity,
    /// With keys that sign later.
    server_later: [Identity; 2],
    client_later: Identity,
}

impl Parts {
    pub fn server(&self, staples: bool) -> &Identity {
        &self.server[usize::from(staples)]
    }
}

pub static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let root = CertificateDer::from_pem_slice(include_bytes!("../data/root.pem")).expect("a certificate");
    let (server, server_later) =
        identities(include_bytes!("../data/server.pem"), include_bytes!("../data/server.key.pem"));
    let (client, client_later) =
        identities(include_bytes!("../data/client.pem"), include_bytes!("../data/client.key.pem"));
    Parts {
        for_servers: Arc::new(WebPkiVerifier::new([root.clone()]).expect("a verifier")),
        for_clients: Arc::new(WebPkiVerifier::for_clients([root.clone()]).expect("a verifier")),
        root,
        server: both(server),
        server_later: both(server_later),
        client,
        client_later,
    }
});

fn identities(certificate: &[u8], key: &[u8]) -> (Identity, Identity) {
    let certificate = CertificateDer::from_pem_slice(certificate).expect("a certificate");
    let key = Backend::default().load_key(&PrivateKeyDer::from_pem_slice(key).expect("a key")).expect("a key");
    let identity = |key| Identity::new(vec![certificate.clone()], key).expect("an identity");
    (identity(key.clone()), identity(Arc::new(SignsLater(key))))
}

fn both(identity: Identity) -> [Identity; 2] {
    let response = include_bytes!("../data/server.ocsp.der").to_vec();
    let stapling = identity.clone().with_ocsp_response(response).expect("a response");
    // Two timestamps, which nobody looks into.
    let scts = [&[0, 9, 0, 2][..], b"an", &[0, 3], b"SCT"].concat();
    [identity, stapling.with_scts(scts).expect("a list")]
}

/// Makes what is made once, so that it is on no connection's bill.
pub fn prepare() {
    LazyLock::force(&PARTS);
    for bit in 0..u32::BITS {
        let setup = Setup(1 << bit);
        let _ = (setup.client(&Keepers::empty(), 0), setup.server(&Keepers::empty(), 0));
    }
}

/// Puts off every decision.
#[derive(Debug)]
pub struct Later;

impl VerifyPeer for Later {
    fn verify(&self, _: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Later
    }

    fn wants_status(&self) -> bool {
        true
    }

    fn wants_scts(&self) -> bool {
        true
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some([1; 32])
    }
}

impl ResolveIdentity for Later {
    fn resolve(&self, _: &ClientHello<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Later
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some([3; 32])
    }
}

impl ResolveClientIdentity for Later {
    fn resolve(&self, _: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Later
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some([2; 32])
    }
}

#[derive(Debug)]
struct SignsLater(Arc<dyn SigningKey>);

impl SigningKey for SignsLater {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        self.0.schemes()
    }

    fn sign(&self, _: SignatureScheme, _: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        Decision::Later
    }
}

/// 2030-01-01 00:00 UTC.
#[derive(Debug)]
pub struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000))
    }
}

/// Bytes that depend on a seed alone: the high bytes of a linear congruential generator.
#[derive(Debug)]
pub struct Counted(AtomicU64);

impl Counted {
    pub fn new(seed: u64) -> Arc<Self> {
        Arc::new(Counted(AtomicU64::new(seed)))
    }

    fn byte(&self) -> u8 {
        let next = |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let state = next(self.0.load(Ordering::Relaxed));
        self.0.store(state, Ordering::Relaxed);
        state.to_be_bytes()[0]
    }
}

impl Random for Counted {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill_with(|| self.byte());
        Ok(())
    }
}

thread_local! {
    /// The master secret that was last made, for a peer that wants to seal what it likes.
    pub static SECRET: Cell<[u8; 48]> = const { Cell::new([0; 48]) };
}

#[derive(Debug)]
pub struct Told;

impl KeyLog for Told {
    fn log(&self, _: &'static str, _: &[u8; 32], secret: &[u8]) {
        SECRET.set(secret.try_into().expect("48 bytes"));
    }
}

/// X25519 with keys from a given source.
#[derive(Debug)]
pub struct Replayable(pub Arc<Counted>);

impl KeyExchangeGroup for Replayable {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError> {
        let mut secret = [0; 32];
        self.0.fill(&mut secret).map_err(|_| GroupError)?;
        let secret = x25519_dalek::StaticSecret::from(secret);
        let public = x25519_dalek::PublicKey::from(&secret).to_bytes();
        Ok(Box::new(ReplayableKey { secret, public }))
    }
}

struct ReplayableKey {
    secret: x25519_dalek::StaticSecret,
    public: [u8; 32],
}

impl KeyExchange for ReplayableKey {
    fn public_key(&self) -> &[u8] {
        &self.public
    }

    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, GroupError> {
        let peer: [u8; 32] = peer.try_into().map_err(|_| GroupError)?;
        let shared = self.secret.diffie_hellman(&x25519_dalek::PublicKey::from(peer));
        SharedSecret::new(shared.as_bytes()).ok_or(GroupError)
    }
}
