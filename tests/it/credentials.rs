//! Certificates of each kind, with keys of the backend's.

use std::sync::{Arc, OnceLock};

use tls12::message::{CipherSuite, NamedGroup, SignatureScheme};
use tls12::pki_types::PrivateKeyDer;
use tls12::{Backend, Identity, KeyExchangeGroup};

use crate::pair::{Authority, NAME};

/// rcgen with ring makes no RSA keys.
const RSA_2048_KEY: &str = include_str!("../data/rsa-2048.key.pem");

pub(crate) const ECDSA_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

pub(crate) const RSA_SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
];

pub(crate) const GROUPS: [NamedGroup; 3] = [NamedGroup::X25519, NamedGroup::SECP256R1, NamedGroup::SECP384R1];

/// The key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    P256,
    P384,
    Ed25519,
    Rsa2048,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::P256, Kind::P384, Kind::Ed25519, Kind::Rsa2048];

    /// The cipher suites that the key fits.
    pub(crate) fn suites(self) -> [CipherSuite; 3] {
        if self == Kind::Rsa2048 { RSA_SUITES } else { ECDSA_SUITES }
    }

    /// The scheme that the key likes best.
    pub(crate) fn scheme(self) -> SignatureScheme {
        match self {
            Kind::P256 => SignatureScheme::ECDSA_SECP256R1_SHA256,
            Kind::P384 => SignatureScheme::ECDSA_SECP384R1_SHA384,
            Kind::Ed25519 => SignatureScheme::ED25519,
            Kind::Rsa2048 => SignatureScheme::RSA_PSS_RSAE_SHA256,
        }
    }

    /// The key of this kind, the same in a whole run.
    pub(crate) fn key(self) -> &'static rcgen::KeyPair {
        static KEYS: OnceLock<[rcgen::KeyPair; 4]> = OnceLock::new();
        let keys = KEYS.get_or_init(|| {
            [
                rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap(),
                rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
                rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
                rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(RSA_2048_KEY, &rcgen::PKCS_RSA_SHA256).unwrap(),
            ]
        });
        &keys[self as usize]
    }

    pub(crate) fn private_key(self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key().serialize_der().into())
    }
}

/// The authority that every test may share.
pub(crate) fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// An identity for these names, by [`authority`].
pub(crate) fn identity_for(kind: Kind, names: &[&str]) -> Identity {
    authority().identity_with(names, kind.key(), &kind.private_key())
}

/// An identity for [`NAME`].
pub(crate) fn identity(kind: Kind) -> Identity {
    identity_for(kind, &[NAME])
}

/// The groups of the backend, whose keys differ each time.
pub(crate) fn backend_groups() -> Vec<Arc<dyn KeyExchangeGroup>> {
    Backend::default().key_exchange_groups()
}
