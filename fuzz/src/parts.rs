//! Connections with nothing random in them, so that a peer that was recorded once fits again.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use tls12::message::{CipherSuite, ClientHello, NamedGroup, SignatureScheme};
use tls12::pki_types::pem::PemObject;
use tls12::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tls12::{
    Ask, Backend, CertificateError, ClientConfig, ClientConnection, Clock, Decision, ExtendedMasterSecret, Identity,
    Peer, Preference, PublicKey, ResolveIdentity, ServerConfig, ServerConnection, SigningKey, Verified, VerifyPeer,
    WebPkiVerifier, dangerous,
};
use tls12::{GroupError, KeyExchange, KeyExchangeGroup, Random, RandomError, SharedSecret, SignError};

const ROOT: &[u8] = include_bytes!("../data/root.pem");
const CERTIFICATE: &[u8] = include_bytes!("../data/server.pem");
const KEY: &[u8] = include_bytes!("../data/server.key.pem");

/// What the first byte of an input chooses.
#[derive(Clone, Copy)]
pub struct Setup(pub u8);

impl Setup {
    fn has(self, bit: u8) -> bool {
        self.0 & (1 << bit) != 0
    }

    /// The default verifier, and not one that accepts everything.
    fn webpki(self) -> bool {
        self.has(0)
    }

    /// Decisions come later.
    fn later(self) -> bool {
        self.has(1)
    }

    fn extended_master_secret(self) -> ExtendedMasterSecret {
        if self.has(2) { ExtendedMasterSecret::Required } else { ExtendedMasterSecret::Preferred }
    }

    fn alpn(self) -> &'static [&'static str] {
        if self.has(3) { &["h2", "http/1.1"] } else { &[] }
    }

    fn suites(self) -> [CipherSuite; 6] {
        let mut suites = [
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ];
        suites.rotate_left(usize::from(self.0 >> 4 & 3) % 3);
        suites
    }

    fn strict(self) -> bool {
        self.has(6)
    }

    /// Also the groups of the backend, whose keys are random.
    pub fn is_random(self) -> bool {
        self.has(7)
    }

    fn groups(self, random: &Arc<Counted>) -> Vec<Arc<dyn KeyExchangeGroup>> {
        let mut groups: Vec<Arc<dyn KeyExchangeGroup>> = vec![Arc::new(Replayable(random.clone()))];
        if self.is_random() {
            groups.extend(Backend::default().key_exchange_groups().into_iter().skip(1));
        }
        groups
    }

    pub fn client(self) -> ClientConnection {
        let random = Counted::new(1);
        let verifier: Arc<dyn VerifyPeer> = match (self.later(), self.webpki()) {
            (true, _) => Arc::new(Later),
            (false, true) => PARTS.webpki.clone(),
            (false, false) => Arc::new(dangerous::AcceptAnything),
        };
        let config = ClientConfig::builder()
            .verifier(verifier)
            .extended_master_secret(self.extended_master_secret())
            .require_secure_renegotiation(self.strict())
            .alpn_protocols(self.alpn())
            .cipher_suites(&self.suites())
            .groups(self.groups(&random))
            .random(random)
            .clock(Arc::new(Stopped))
            .build()
            .expect("a good configuration");
        ClientConnection::new(config, ServerName::try_from("server.example").expect("a good name")).expect("a client")
    }

    pub fn server(self) -> ServerConnection {
        ServerConnection::new(self.server_config())
    }

    pub fn server_config(self) -> Arc<ServerConfig> {
        let random = Counted::new(2);
        let builder = ServerConfig::builder()
            .extended_master_secret(self.extended_master_secret())
            .require_secure_renegotiation(self.strict())
            .alpn_protocols(self.alpn())
            .cipher_suites(&self.suites())
            .groups(self.groups(&random))
            .preference(if self.has(0) { Preference::Client } else { Preference::Server })
            .random(random)
            .clock(Arc::new(Stopped));
        let builder = match self.later() {
            true => builder.resolver(Arc::new(Later)),
            false => builder.identity(PARTS.identity.clone()),
        };
        builder.build().expect("a good configuration")
    }
}

/// The answer to a question, as it would have been given at once.
pub fn answer(ask: Ask) -> tls12::Answer {
    match ask {
        Ask::Verify(request) => {
            let Decision::Now(verdict) = dangerous::AcceptAnything.verify(&request.peer()) else { unreachable!() };
            request.respond(verdict)
        }
        Ask::ResolveIdentity(request) => {
            // Nothing of the hello may be out of reach.
            let _ = format!("{:?}", request.client_hello());
            request.respond(Some(Arc::new(PARTS.later.clone())))
        }
        Ask::Sign(request) => {
            let Decision::Now(signature) = PARTS.key.sign(request.scheme(), request.message()) else { unreachable!() };
            request.respond(signature)
        }
        other => panic!("a question that nobody can answer: {other:?}"),
    }
}

struct Parts {
    webpki: Arc<WebPkiVerifier>,
    key: Arc<dyn SigningKey>,
    identity: Identity,
    /// With a key that signs later.
    later: Identity,
}

static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let root = CertificateDer::from_pem_slice(ROOT).expect("a certificate");
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
    let key = Backend::default().load_key(&PrivateKeyDer::from_pem_slice(KEY).expect("a key")).expect("a key");
    let later = Identity::new(vec![certificate.clone()], Arc::new(SignsLater(key.clone()))).expect("an identity");
    Parts {
        webpki: Arc::new(WebPkiVerifier::new([root]).expect("a verifier")),
        identity: Identity::new(vec![certificate], key.clone()).expect("an identity"),
        later,
        key,
    }
});

/// Makes what is made once, so that it is on no connection's bill.
pub fn prepare() {
    LazyLock::force(&PARTS);
    for setup in 0..=u8::MAX {
        let _ = (Setup(setup).client(), Setup(setup).server());
    }
}

/// Puts off every decision.
#[derive(Debug)]
struct Later;

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
}

impl ResolveIdentity for Later {
    fn resolve(&self, _: &ClientHello<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Later
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
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000))
    }
}

/// Bytes that depend on a seed alone: the high bytes of a linear congruential generator.
#[derive(Debug)]
pub struct Counted(AtomicU64);

impl Counted {
    fn new(seed: u64) -> Arc<Self> {
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
    /// The pre_master_secret that was last agreed on, for a peer that wants to seal what it likes.
    pub static SHARED: Cell<[u8; 32]> = const { Cell::new([0; 32]) };
}

/// X25519 with keys from a given source.
#[derive(Debug)]
struct Replayable(Arc<Counted>);

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
        SHARED.set(*shared.as_bytes());
        SharedSecret::new(shared.as_bytes()).ok_or(GroupError)
    }
}
