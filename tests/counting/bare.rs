//! What the crypto crates and webpki allocate by themselves: the calls that a handshake makes of them, made alone. The C library
//! of aws-lc-rs has its own allocator, and what it takes from that is not seen here.

use allocation_counter::measure;
use tls12::Backend;
use tls12::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

/// How often each part of a handshake allocates within them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bare {
    /// A key pair on X25519, its public key, and the shared secret.
    pub(crate) exchange: u64,
    /// A signature by ECDSA on P-256.
    pub(crate) signing: u64,
    /// A signature like that, verified.
    pub(crate) verifying: u64,
    /// The transcript's hash, two HMAC keys and their use, and the keys of both directions.
    pub(crate) keys: u64,
    /// The key of a ticket exists; this is once open and once seal.
    pub(crate) ticket: u64,
    /// A certificate, its path to one root, and its name.
    pub(crate) path: u64,
}

impl Bare {
    pub(crate) fn of(backend: Backend, certificate: &CertificateDer<'_>, key: &PrivatePkcs8KeyDer<'_>) -> Self {
        // The first calls also fill what a crate keeps for ever.
        for _ in 0..2 {
            _ = Self::count(backend, certificate, key);
        }
        Self::count(backend, certificate, key)
    }

    fn count(backend: Backend, certificate: &CertificateDer<'_>, key: &PrivatePkcs8KeyDer<'_>) -> Self {
        match backend {
            #[cfg(feature = "ring")]
            Backend::Ring => of_ring::count(certificate, key.secret_pkcs8_der()),
            #[cfg(feature = "aws-lc-rs")]
            Backend::AwsLc => of_aws_lc::count(certificate, key.secret_pkcs8_der()),
            _ => panic!("{backend:?}"),
        }
    }
}

fn count(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

/// Where the crates differ: how a key pair is read, and how two keys agree.
macro_rules! calls {
    ($module:ident, $library:ident, |$algorithm:ident, $pkcs8:ident| $pair:expr, |$private:ident, $peer:ident| $agreed:expr) => {
        mod $module {
            use $library::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
            use $library::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, X25519};
            use $library::rand::SystemRandom;
            use $library::signature::{self, EcdsaKeyPair};
            use $library::{digest, hmac};

            use super::*;

            pub(super) fn count(certificate: &CertificateDer<'_>, $pkcs8: &[u8]) -> Bare {
                let rng = SystemRandom::new();
                let other = EphemeralPrivateKey::generate(&X25519, &rng).unwrap();
                let other = other.compute_public_key().unwrap();
                let exchange = super::count(|| {
                    let $private = EphemeralPrivateKey::generate(&X25519, &rng).unwrap();
                    let _public = $private.compute_public_key().unwrap();
                    let $peer = UnparsedPublicKey::new(&X25519, other.as_ref());
                    $agreed.unwrap();
                });

                let $algorithm = &signature::ECDSA_P256_SHA256_ASN1_SIGNING;
                let pair: EcdsaKeyPair = $pair.unwrap();
                let mut signed = None;
                let signing = super::count(|| signed = Some(pair.sign(&rng, b"message").unwrap()));
                let public = signature::KeyPair::public_key(&pair).as_ref().to_vec();
                let signed = signed.unwrap();
                let verifying = super::count(|| {
                    let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_ASN1, &public);
                    key.verify(b"message", signed.as_ref()).unwrap();
                });

                let mut traffic = None;
                let keys = super::count(|| {
                    let mut transcript = digest::Context::new(&digest::SHA256);
                    transcript.update(b"message");
                    _ = transcript.clone().finish();
                    _ = transcript.finish();
                    for secret in [[1; 32], [2; 32]] {
                        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
                        _ = hmac::sign(&key, b"label");
                    }
                    traffic = Some([[1; 16], [2; 16]].map(|key| UnboundKey::new(&AES_128_GCM, &key).unwrap()));
                });

                let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).unwrap());
                let nonce = || Nonce::assume_unique_for_key([0; 12]);
                let mut ticket = [0; 100];
                let ticket = super::count(|| {
                    let tag = key.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut ticket[..84]).unwrap();
                    ticket[84..].copy_from_slice(tag.as_ref());
                    _ = key.open_in_place(nonce(), Aad::empty(), &mut ticket).unwrap();
                });

                let anchor = webpki::anchor_from_trusted_cert(certificate).unwrap();
                let anchors = [anchor];
                let name = ServerName::try_from(super::super::NAME).unwrap();
                let path = super::count(|| {
                    let end_entity = webpki::EndEntityCert::try_from(certificate).unwrap();
                    let algorithms = webpki::$library::ECDSA_P256_SHA256;
                    let usage = webpki::KeyUsage::server_auth();
                    let path =
                        end_entity.verify_for_usage(&[algorithms], &anchors, &[], UnixTime::now(), usage, None, None);
                    _ = path.unwrap();
                    end_entity.verify_is_valid_for_subject_name(&name).unwrap();
                });
                Bare { exchange, signing, verifying, keys, ticket, path }
            }
        }
    };
}

#[cfg(feature = "ring")]
calls!(
    of_ring,
    ring,
    |algorithm, pkcs8| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()),
    |private, peer| agreement::agree_ephemeral(private, &peer, |_| ())
);

#[cfg(feature = "aws-lc-rs")]
calls!(of_aws_lc, aws_lc_rs, |algorithm, pkcs8| EcdsaKeyPair::from_pkcs8(algorithm, pkcs8), |private, peer| {
    agreement::agree_ephemeral(private, peer, (), |_| Ok(()))
});
