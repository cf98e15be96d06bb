//! Cryptography: what TLS 1.2 needs of it, and the traits by which an application brings its own.
//!
//! This is the only room of the house that knows which crate does the work. A [`Backend`] names that crate at run time, and
//! keys and hashes are small enums over the backends, so that the data path has no dynamic dispatch. `aws-lc-rs` has the
//! interface of `ring`: what reads the same for both stands in `mirrored` and is compiled for each, with the crate as
//! `library`; what differs stands in `ring` and `aws_lc`.
//!
//! What an application may replace: [`KeyExchangeGroup`] (a hardware module, or a fixed key to replay a handshake),
//! [`SigningKey`] (a key that lives elsewhere) and [`Random`].

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use pki_types::PrivateKeyDer;

use crate::message::SignatureScheme;

/// The same expression on what an enum over the backends holds.
macro_rules! on_backend {
    ($value:expr, $enum:ident($held:ident) => $does:expr) => {
        match $value {
            #[cfg(feature = "ring")]
            $enum::Ring($held) => $does,
            #[cfg(feature = "aws-lc-rs")]
            $enum::AwsLc($held) => $does,
        }
    };
}

mod aead;
mod asn1;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod certificate_hash;
mod groups;
mod hash;
mod key_source;
mod prf;
mod public_key;
mod random;
#[cfg(feature = "ring")]
mod ring;
mod schedule;
mod secret;
mod signing;
mod suites;
mod values;

#[cfg(feature = "std")]
pub(crate) use aead::AeadKey;
pub(crate) use aead::{AeadAlgorithm, OpenFailed, OpeningKey, SealFailed, SealingKey};
pub(crate) use certificate_hash::server_end_point;
pub use groups::{GroupError, KeyExchange, KeyExchangeGroup};
#[cfg(feature = "webpki")]
pub(crate) use hash::sha1_name;
pub(crate) use hash::{Digest, HashAlgorithm, Hasher, digest, sha256};
pub(crate) use key_source::KeySource;
pub(crate) use prf::Prf;
pub(crate) use public_key::{BadSignature, RSA_BITS, certificate_issuer};
pub use public_key::{KeyAlgorithm, PublicKey};
pub use random::{Random, RandomError};
pub(crate) use schedule::{FinishedLabel, Keys, TrafficKey};
pub use secret::SharedSecret;
pub(crate) use secret::{MasterSecret, equal};
pub use signing::{KeyError, SignError, SigningKey};
pub(crate) use suites::{SUITES, Suite, SuiteAuth};
#[cfg(feature = "webpki")]
pub(crate) use values::{Value, Values};

/// The crate that does the cryptography. By default it is `ring` where that is built, else `aws-lc-rs`.
///
/// Features add up over all crates of a program: `default()` is `ring` as soon as one of them wants it. Who needs `aws-lc-rs` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Backend {
    /// The crate `ring`: feature `ring`.
    #[cfg(feature = "ring")]
    #[default]
    Ring,
    /// The crate `aws-lc-rs`: feature `aws-lc-rs`. It also has P-521, SHA-512 with ECDSA, and larger RSA keys to sign with.
    ///
    /// Before it draws its first randomness in a process it gathers entropy of its own, for about a tenth of a second: a
    /// program to which the first handshake matters draws from [`Backend::random`] when it starts.
    #[cfg(feature = "aws-lc-rs")]
    #[cfg_attr(not(feature = "ring"), default)]
    AwsLc,
}

impl Backend {
    /// All that are built.
    #[cfg(test)]
    pub(crate) const ALL: &[Backend] = &[
        #[cfg(feature = "ring")]
        Backend::Ring,
        #[cfg(feature = "aws-lc-rs")]
        Backend::AwsLc,
    ];

    /// The groups that this backend has, in the order of preference: X25519, P-256, P-384, and P-521 of `aws-lc-rs`.
    #[must_use]
    pub fn key_exchange_groups(self) -> Vec<Arc<dyn KeyExchangeGroup>> {
        match self {
            #[cfg(feature = "ring")]
            Backend::Ring => vec![
                Arc::new(ring::agreement::Group::X25519),
                Arc::new(ring::agreement::Group::P256),
                Arc::new(ring::agreement::Group::P384),
            ],
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => vec![
                Arc::new(aws_lc::agreement::Group::X25519),
                Arc::new(aws_lc::agreement::Group::P256),
                Arc::new(aws_lc::agreement::Group::P384),
                Arc::new(aws_lc::agreement::Group::P521),
            ],
        }
    }

    /// The operating system's source of randomness; `aws-lc-rs` has a generator of its own between, for each thread.
    #[must_use]
    pub fn random(self) -> Arc<dyn Random> {
        match self {
            #[cfg(feature = "ring")]
            Backend::Ring => Arc::new(ring::random::System),
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => Arc::new(aws_lc::random::System),
        }
    }

    /// Loads a private key: RSA (PKCS#8 or PKCS#1, from 2048 bits, to 4096 with `ring` and to 8192 with `aws-lc-rs`), ECDSA on
    /// P-256, P-384 or, with `aws-lc-rs`, P-521 (PKCS#8 or SEC1, with its public key inside), Ed25519 (PKCS#8).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong: a key that cannot be parsed, of another type, or an RSA key of another size.
    pub fn load_key(self, key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, KeyError> {
        match self {
            #[cfg(feature = "ring")]
            Backend::Ring => Ok(Arc::new(ring::signing::Key::load(key)?)),
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => Ok(Arc::new(aws_lc::signing::Key::load(key)?)),
        }
    }

    /// The schemes whose signatures this backend can verify, in the order of preference.
    pub(crate) fn verify_schemes(self) -> &'static [SignatureScheme] {
        match self {
            #[cfg(feature = "ring")]
            Backend::Ring => &ring::SCHEMES,
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => &aws_lc::SCHEMES,
        }
    }

    /// The digest that a scheme signs; `None` for those that sign the message itself.
    pub(crate) fn scheme_digest(self, scheme: SignatureScheme, message: &[u8]) -> Option<Vec<u8>> {
        let mut hasher = Hasher::new(self, HashAlgorithm::of_scheme(scheme)?);
        hasher.update(message);
        Some(hasher.finish().as_ref().to_vec())
    }

    /// The algorithms with which certificates are verified.
    #[cfg(feature = "webpki")]
    pub(crate) fn webpki_algorithms(self) -> &'static [&'static dyn pki_types::SignatureVerificationAlgorithm] {
        match self {
            #[cfg(feature = "ring")]
            Backend::Ring => ring::WEBPKI,
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => aws_lc::WEBPKI,
        }
    }
}
