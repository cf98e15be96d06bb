//! Certificates made for the occasion, and what the identity room makes of them.

#[cfg(feature = "webpki")]
mod authority;
mod client_resolver;
#[cfg(feature = "webpki")]
mod clients;
#[cfg(feature = "webpki")]
mod crl;
#[cfg(feature = "webpki")]
mod delegate;
#[cfg(feature = "webpki")]
mod features;
#[cfg(feature = "webpki")]
mod ocsp;
mod own;
#[cfg(feature = "webpki")]
mod pins;
mod raw_keys;
mod resolver;
#[cfg(feature = "webpki")]
mod staple;
#[cfg(feature = "webpki")]
mod verifier;
#[cfg(feature = "webpki")]
mod view;

use alloc::string::ToString;
use alloc::vec::Vec;

use pki_types::PrivateKeyDer;
use rcgen::{
    CertificateParams, DnType, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    PKCS_RSA_SHA256,
};

use crate::crypto::Backend;
use crate::identity::Identity;

/// The ring crate makes no RSA keys.
const RSA_2048_KEY: &str = include_str!("../../../tests/data/rsa-2048.key.pem");

#[derive(Clone, Copy, Debug)]
enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa2048,
}

fn key(kind: Kind) -> KeyPair {
    match kind {
        Kind::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        Kind::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        Kind::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
        Kind::Rsa2048 => KeyPair::from_pkcs8_pem_and_sign_algo(RSA_2048_KEY, &PKCS_RSA_SHA256),
    }
    .unwrap()
}

fn private_key(key: &KeyPair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::Pkcs8(key.serialize_der().into())
}

/// A certificate for `names` as servers have it.
fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a server");
    params.key_usages = [KeyUsagePurpose::DigitalSignature].into();
    params
}

/// A self-signed identity, as the server's side needs it.
fn identity(kind: Kind, names: &[&str]) -> Identity {
    let key = key(kind);
    let certificate = server(&["a.example"]).self_signed(&key).unwrap();
    let signer = Backend::default().load_key(&private_key(&key)).unwrap();
    let identity = Identity::new([certificate.into()].into(), signer).unwrap();
    identity.with_names(names.iter().copied()).unwrap()
}
