//! What the outside gives to a connection, without anything random in it: bytes, time, ephemeral keys, signatures.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ed25519_dalek::Signer;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use tls12::message::{NamedGroup, SignatureScheme};
use tls12::pki_types::{PrivateKeyDer, UnixTime};
use tls12::{Clock, Decision, PublicKey, SignError, SigningKey};
use tls12::{GroupError, KeyExchange, KeyExchangeGroup, Random, RandomError, SharedSecret};

/// A source of bytes that depends on its seed alone.
#[derive(Debug)]
pub(crate) struct Counted {
    next: AtomicU64,
    pub(crate) draws: AtomicU64,
}

impl Counted {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Counted { next: AtomicU64::new(seed), draws: AtomicU64::new(0) })
    }

    /// Starts again, as if made with this seed.
    pub(crate) fn rewind(&self, seed: u64) {
        self.next.store(seed, Ordering::Relaxed);
        self.draws.store(0, Ordering::Relaxed);
    }

    /// The steps of SplitMix64.
    fn word(&self) -> u64 {
        let mut word = self.next.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

impl Random for Counted {
    fn fill(&self, out: &mut [u8]) -> Result<(), RandomError> {
        self.draws.fetch_add(1, Ordering::Relaxed);
        out.fill_with(|| self.word() as u8);
        Ok(())
    }
}

/// A clock that stands still.
#[derive(Debug)]
pub(crate) struct Stopped(pub(crate) u64);

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(self.0))
    }
}

/// X25519 with keys from a given source: the backend's own would differ each time.
#[derive(Debug)]
pub(crate) struct Replayable(pub(crate) Arc<Counted>);

impl KeyExchangeGroup for Replayable {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError> {
        let mut bytes = [0; 32];
        self.0.fill(&mut bytes).map_err(|_| GroupError)?;
        let secret = x25519_dalek::StaticSecret::from(bytes);
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

/// A key of one's own, whose signatures are deterministic.
#[derive(Debug)]
pub(crate) struct Ed25519Key {
    key: ed25519_dalek::SigningKey,
}

impl Ed25519Key {
    pub(crate) fn new(seed: u8) -> Self {
        Ed25519Key { key: ed25519_dalek::SigningKey::from_bytes(&[seed; 32]) }
    }

    pub(crate) fn signature(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_bytes().to_vec()
    }

    /// The same for rcgen.
    pub(crate) fn pair(&self) -> rcgen::KeyPair {
        let der = PrivateKeyDer::try_from(self.key.to_pkcs8_der().unwrap().as_bytes().to_vec()).unwrap();
        rcgen::KeyPair::try_from(&der).unwrap()
    }
}

impl SigningKey for Ed25519Key {
    fn public_key(&self) -> PublicKey {
        // RFC 8410 §4: the SubjectPublicKeyInfo of an Ed25519 key is a fixed prefix and the key.
        let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        spki.extend_from_slice(self.key.verifying_key().as_bytes());
        PublicKey::from_spki(&spki).unwrap()
    }

    fn schemes(&self) -> &[SignatureScheme] {
        &[SignatureScheme::ED25519]
    }

    fn sign(&self, _: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
        Decision::Now(Ok(self.signature(message)))
    }
}
