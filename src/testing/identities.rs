//! Who takes part: keys, certificates, and configurations whose decisions come at once or are put off.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use std::sync::LazyLock;

use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::client::config::ClientConfigBuilder;
use crate::crypto::{
    Backend, GroupError, KeyExchange, KeyExchangeGroup, PublicKey, SharedSecret, SignError, SigningKey,
};
use crate::decision::Decision;
use crate::error::CertificateError;
use crate::identity::dangerous::AcceptAnything;
use crate::identity::{Identities, Identity, Peer, ResolveClientIdentity, ResolveIdentity, Verified, VerifyPeer};
use crate::message::{CertificateRequest, ClientHello, NamedGroup, SignatureScheme};
use crate::server::config::ServerConfigBuilder;
use crate::{ClientConfig, ServerConfig};

pub(super) const BACKEND: Backend = Backend::ALL[0];

/// The host of all identities.
pub(super) const NAME: &str = "server.example";

pub(super) static P256: LazyLock<Identity> = LazyLock::new(|| generated(&rcgen::PKCS_ECDSA_P256_SHA256));
pub(super) static P384: LazyLock<Identity> = LazyLock::new(|| generated(&rcgen::PKCS_ECDSA_P384_SHA384));
pub(super) static ED25519: LazyLock<Identity> = LazyLock::new(|| generated(&rcgen::PKCS_ED25519));
pub(super) static RSA: LazyLock<Identity> = LazyLock::new(|| {
    let pem = include_str!("../crypto/testdata/rsa2048.pkcs8.pem");
    let private = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let pair = rcgen::KeyPair::from_der_and_sign_algo(&private, &rcgen::PKCS_RSA_SHA256).expect("an RSA key");
    identity(&pair, &private)
});

fn generated(algorithm: &'static rcgen::SignatureAlgorithm) -> Identity {
    let pair = rcgen::KeyPair::generate_for(algorithm).expect("a key");
    let private = PrivateKeyDer::try_from(pair.serialize_der()).expect("PKCS#8");
    identity(&pair, &private)
}

fn identity(pair: &rcgen::KeyPair, private: &PrivateKeyDer<'_>) -> Identity {
    let params = rcgen::CertificateParams::new(vec![String::from(NAME)]).expect("a DNS name");
    let certificate: CertificateDer<'static> = params.self_signed(pair).expect("a certificate").der().clone();
    let key = BACKEND.load_key(private).expect("a key of the backend's");
    Identity::new(vec![certificate], key).expect("a key and its certificate")
}

pub(super) fn server_name() -> ServerName<'static> {
    ServerName::try_from(NAME).expect("a DNS name")
}

/// What sessions are bound to where nobody is to be verified or shown. All doubles say so, that one thing alone makes the
/// difference when a session is not resumed.
const UNBOUND: Option<[u8; 32]> = Some([0; 32]);

/// Trusts everybody: who is to be trusted is not what these tests are about.
#[derive(Debug)]
pub(super) struct Trusting {
    pub(super) later: bool,
    pub(super) wants_status: bool,
}

impl VerifyPeer for Trusting {
    fn verify(&self, peer: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        if self.later { Decision::Later } else { AcceptAnything.verify(peer) }
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        UNBOUND
    }

    fn wants_status(&self) -> bool {
        self.wants_status
    }
}

/// Trusts nobody any more: the same as [`Trusting`], which has come to know better.
#[derive(Debug)]
pub(super) struct Refusing;

impl VerifyPeer for Refusing {
    fn verify(&self, _: &Peer<'_>) -> Decision<Result<Verified, CertificateError>> {
        Decision::Now(Err(CertificateError::Revoked))
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        UNBOUND
    }
}

/// The name of X25519 over a secret that is always the same: the order of messages is no matter of what they share, and the
/// order check makes a handshake for each letter that it tries.
#[derive(Debug)]
pub(super) struct Quick;

impl KeyExchangeGroup for Quick {
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }

    fn start(&self) -> Result<Box<dyn KeyExchange>, GroupError> {
        Ok(Box::new(Quick))
    }
}

/// That alone for the key exchange, and the curve of certificates.
pub(super) fn quick_groups() -> Vec<Arc<dyn KeyExchangeGroup>> {
    let others = BACKEND.key_exchange_groups().into_iter().filter(|group| group.name() == NamedGroup::SECP256R1);
    core::iter::once::<Arc<dyn KeyExchangeGroup>>(Arc::new(Quick)).chain(others).collect()
}

impl KeyExchange for Quick {
    fn public_key(&self) -> &[u8] {
        &[9; 32]
    }

    fn complete(self: Box<Self>, _: &[u8]) -> Result<SharedSecret, GroupError> {
        SharedSecret::new(&[5; 32]).ok_or(GroupError)
    }
}

/// A key that takes its time.
#[derive(Debug)]
struct SlowKey(Arc<dyn SigningKey>);

impl SigningKey for SlowKey {
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

/// A resolver that takes its time.
#[derive(Debug)]
pub(super) struct SlowResolver;

impl ResolveIdentity for SlowResolver {
    fn resolve(&self, _: &ClientHello<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Later
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        Some(crate::identity::binding([&*P256].into_iter(), false))
    }
}

impl ResolveClientIdentity for SlowResolver {
    fn resolve(&self, _: &CertificateRequest<'_>) -> Decision<Option<Arc<Identity>>> {
        Decision::Later
    }

    fn session_binding(&self) -> Option<[u8; 32]> {
        UNBOUND
    }
}

/// The same identity, but its signatures are put off.
pub(super) fn slow(identity: &Identity) -> Arc<Identity> {
    let key = SlowKey(Arc::clone(identity.key()));
    Arc::new(Identity::new(identity.chain().to_vec(), Arc::new(key)).expect("the same key"))
}

/// A client's settings, with all orders that there are; `later` puts its decisions off.
pub(super) fn client_config(wants_status: bool, later: bool) -> ClientConfigBuilder {
    let builder = ClientConfig::builder().dangerous_resumption_without_extended_master_secret(true);
    builder.verifier(Arc::new(Trusting { later, wants_status }))
}

/// A server's settings; `later` puts its decisions off.
pub(super) fn server_config(identity: &Identity, later: bool) -> ServerConfigBuilder {
    let resolver: Arc<dyn ResolveIdentity> =
        if later { Arc::new(SlowResolver) } else { Arc::new(Identities::new([identity.clone()])) };
    ServerConfig::builder().dangerous_resumption_without_extended_master_secret(true).resolver(resolver)
}
