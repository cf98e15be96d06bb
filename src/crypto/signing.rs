//! Private keys that sign handshakes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Debug};

use crate::decision::Decision;
use crate::message::SignatureScheme;

use super::PublicKey;

/// A private key that signs. [`Backend::load_key`](super::Backend::load_key) makes one from a file; one of your own can sit in
/// a KMS or HSM.
pub trait SigningKey: Debug + Send + Sync {
    /// The public half, which has to be that of the certificate.
    fn public_key(&self) -> PublicKey;

    /// The schemes that the key can sign with, the best first.
    fn schemes(&self) -> &[SignatureScheme];

    /// Signs `message`, which is not hashed yet, with one of [`schemes`](Self::schemes): now, or later by
    /// [`Ask::Sign`](crate::Ask).
    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>>;

    /// Whether its signatures need no check. By default each is verified before it is sent: a single faulty RSA
    /// signature gives the private key away.
    fn is_trusted_to_sign_well(&self) -> bool {
        false
    }
}

/// Why there is no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignError(String);

impl SignError {
    /// An error that says `why`.
    pub fn new(why: impl Into<String>) -> Self {
        SignError(why.into())
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SignError {}

/// Why a private key cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not encoded as its format says, or its numbers don't fit together.
    Malformed(String),
    /// Its type, curve or format is one that the backend cannot sign with.
    Unsupported(String),
    /// An RSA key has fewer bits than allowed, or more.
    RsaKeySize {
        /// Size of the modulus.
        bits: usize,
        /// The fewest that the backend signs with.
        least: usize,
        /// The most that the backend signs with.
        most: usize,
    },
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(detail) => write!(f, "the private key is malformed: {detail}"),
            Self::Unsupported(detail) => write!(f, "the private key is not supported: {detail}"),
            Self::RsaKeySize { bits, least, most } => {
                write!(f, "the private key is an RSA key of {bits} bits; {least} to {most} are supported")
            }
        }
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;
    use alloc::sync::Arc;

    use ed25519_dalek::Signer;
    use pki_types::pem::PemObject;
    use pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;
    use crate::crypto::{Backend, KeyAlgorithm};
    use crate::message::NamedGroup;

    /// What every backend loads.
    const KEYS: [&str; 4] = [
        include_str!("testdata/p256.pkcs8.pem"),
        include_str!("testdata/p384.pkcs8.pem"),
        include_str!("testdata/ed25519.pkcs8.pem"),
        include_str!("testdata/rsa2048.pkcs8.pem"),
    ];

    /// What ring does not load.
    const FURTHER_KEYS: [&str; 2] =
        [include_str!("testdata/p521.pkcs8.pem"), include_str!("testdata/rsa8192.pkcs8.pem")];

    fn load(backend: Backend, pem: &str) -> Result<Arc<dyn SigningKey>, KeyError> {
        backend.load_key(&PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("PEM"))
    }

    /// Each key with each backend that loads it.
    fn keys() -> impl Iterator<Item = (Backend, Arc<dyn SigningKey>)> {
        Backend::ALL.iter().flat_map(|&backend| {
            let further: &[&str] = match backend {
                #[cfg(feature = "ring")]
                Backend::Ring => &[],
                #[cfg(feature = "aws-lc-rs")]
                Backend::AwsLc => &FURTHER_KEYS,
            };
            KEYS.iter().chain(further).map(move |pem| (backend, load(backend, pem).expect("a good key")))
        })
    }

    fn sign(key: &dyn SigningKey, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match key.sign(scheme, message) {
            Decision::Now(signature) => signature,
            Decision::Later => panic!("a key in memory signs at once"),
        }
    }

    #[test]
    fn what_a_key_signs_its_public_half_verifies_whichever_backend_does() {
        for (backend, key) in keys() {
            let public = key.public_key();
            for &scheme in key.schemes() {
                assert!(public.allows(scheme), "{key:?}, {scheme}");
                let signature = sign(&*key, scheme, b"message").expect("a signature");
                for &verifier in Backend::ALL.iter().filter(|verifier| verifies(**verifier, &public)) {
                    let context = format!("{key:?}, {scheme}, by {backend:?} for {verifier:?}");
                    assert!(verifier.verify_schemes().contains(&scheme), "{context}");
                    assert_eq!(public.verify(verifier, scheme, b"message", &signature), Ok(()), "{context}");
                    assert!(public.verify(verifier, scheme, b"massage", &signature).is_err(), "{context}");
                    for position in (0..signature.len()).step_by(1 + signature.len() / 256) {
                        let mut changed = signature.clone();
                        changed[position] ^= 1;
                        let verified = public.verify(verifier, scheme, b"message", &changed);
                        assert!(verified.is_err(), "{context}: byte {position} of the signature");
                    }
                }
            }
        }
    }

    /// All but P-521 on ring.
    fn verifies(backend: Backend, key: &PublicKey) -> bool {
        backend.key_exchange_groups().iter().any(|group| group.name() == NamedGroup::SECP521R1)
            || key.algorithm() != KeyAlgorithm::Ecdsa(NamedGroup::SECP521R1)
    }

    #[test]
    fn each_type_of_key_has_its_schemes() {
        let rsa = [0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601].map(SignatureScheme);
        for (_, key) in keys() {
            let expected: &[SignatureScheme] = match key.public_key().algorithm() {
                KeyAlgorithm::Rsa { bits: 2048 | 8192 } => &rsa,
                KeyAlgorithm::Ecdsa(NamedGroup::SECP256R1) => &[SignatureScheme::ECDSA_SECP256R1_SHA256],
                KeyAlgorithm::Ecdsa(NamedGroup::SECP384R1) => &[SignatureScheme::ECDSA_SECP384R1_SHA384],
                KeyAlgorithm::Ecdsa(NamedGroup::SECP521R1) => &[
                    SignatureScheme::ECDSA_SECP521R1_SHA512,
                    SignatureScheme::ECDSA_SECP384R1_SHA384,
                    SignatureScheme::ECDSA_SECP256R1_SHA256,
                ],
                KeyAlgorithm::Ed25519 => &[SignatureScheme::ED25519],
                other => panic!("{other}"),
            };
            assert_eq!(key.schemes(), expected, "{key:?}");
        }
    }

    #[test]
    fn a_key_signs_with_its_own_schemes_alone() {
        for (backend, key) in keys() {
            for code in 0..=u16::MAX {
                let scheme = SignatureScheme(code);
                if !key.schemes().contains(&scheme) && (code < 0x0900 || code % 251 == 0) {
                    assert!(sign(&*key, scheme, b"message").is_err(), "{backend:?}, {key:?}, {scheme}");
                }
            }
        }
    }

    #[test]
    fn a_refused_scheme_is_named_with_the_keys_type() {
        for &backend in Backend::ALL {
            let key = load(backend, include_str!("testdata/ed25519.pkcs8.pem")).expect("a good key");
            let error = sign(&*key, SignatureScheme::RSA_PKCS1_SHA256, b"message");
            let expected = "a key of the type Ed25519 does not sign with rsa_pkcs1_sha256";
            assert_eq!(error.expect_err("no signature").to_string(), expected);
        }
    }

    #[test]
    fn the_same_key_loads_from_each_of_its_formats() {
        let formats = [
            (include_str!("testdata/rsa2048.pkcs8.pem"), include_str!("testdata/rsa2048.pkcs1.pem")),
            (include_str!("testdata/p256.pkcs8.pem"), include_str!("testdata/p256.sec1.pem")),
            (include_str!("testdata/p384.pkcs8.pem"), include_str!("testdata/p384.sec1.pem")),
            (include_str!("testdata/p521.pkcs8.pem"), include_str!("testdata/p521.sec1.pem")),
        ];
        for &backend in Backend::ALL {
            for (a, b) in formats {
                let (a, b) = (load(backend, a), load(backend, b));
                if let (Err(KeyError::Unsupported(_)), Err(KeyError::Unsupported(_))) = (&a, &b) {
                    continue;
                }
                let (a, b) = (a.expect("a good key"), b.expect("a good key"));
                assert_eq!(a.public_key(), b.public_key());
                let scheme = a.schemes()[0];
                let signature = sign(&*a, scheme, b"message").expect("a signature");
                assert_eq!(b.public_key().verify(backend, scheme, b"message", &signature), Ok(()));
            }
            // The first version of PKCS#8, without the public key.
            let ed25519 = load(backend, include_str!("testdata/ed25519.pkcs8.pem")).expect("a good key");
            assert_eq!(ed25519.schemes(), [SignatureScheme::ED25519]);
        }
    }

    #[test]
    fn rsa_keys_of_another_size_than_the_backend_signs_with_are_refused_by_it() {
        for &backend in Backend::ALL {
            let most = match backend {
                #[cfg(feature = "ring")]
                Backend::Ring => 4096,
                #[cfg(feature = "aws-lc-rs")]
                Backend::AwsLc => 8192,
            };
            for (pem, bits) in [
                (include_str!("testdata/rsa1024.pkcs8.pem"), 1024),
                (include_str!("testdata/rsa2047.pkcs8.pem"), 2047),
                (include_str!("testdata/rsa8192.pkcs8.pem"), 8192),
            ] {
                let loaded = load(backend, pem);
                if (2048..=most).contains(&bits) {
                    assert_eq!(loaded.expect("a good key").public_key().algorithm(), KeyAlgorithm::Rsa { bits });
                    continue;
                }
                let error = loaded.expect_err("another size");
                assert_eq!(error, KeyError::RsaKeySize { bits, least: 2048, most });
                assert_eq!(
                    error.to_string(),
                    format!("the private key is an RSA key of {bits} bits; 2048 to {most} are supported")
                );
            }
        }
    }

    #[test]
    fn keys_that_cannot_be_used_say_why() {
        for &backend in Backend::ALL {
            let no_public = load(backend, include_str!("testdata/p256.nopublic.sec1.pem")).expect_err("no public half");
            assert!(no_public.to_string().contains("without its public key"), "{no_public}");
        }
        #[cfg(feature = "ring")]
        {
            let p521 = load(Backend::Ring, include_str!("testdata/p521.pkcs8.pem")).expect_err("ring has no P-521");
            let expected = "the private key is not supported: it is neither RSA, nor on P-256 or P-384, nor Ed25519";
            assert_eq!(p521.to_string(), expected);
        }
    }

    #[test]
    fn damaged_keys_are_malformed() {
        for pem in [
            include_str!("testdata/rsa2048.pkcs8.pem"),
            include_str!("testdata/p256.pkcs8.pem"),
            include_str!("testdata/ed25519.pkcs8.pem"),
        ] {
            let good = PrivateKeyDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            let der = good.secret_der();
            for length in 0..der.len() {
                let cut = PrivatePkcs8KeyDer::from(&der[..length]).into();
                for backend in Backend::ALL {
                    let loaded = backend.load_key(&cut);
                    assert!(matches!(loaded, Err(KeyError::Malformed(_))), "{backend:?}, the first {length} bytes");
                }
            }
        }
    }

    #[test]
    fn an_ec_key_whose_halves_do_not_match_is_malformed() {
        let good = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/p256.sec1.pem")).expect("PEM");
        let mut der = good.secret_der().to_vec();
        der[20] ^= 1;
        let changed = pki_types::PrivateSec1KeyDer::from(der).into();
        for backend in Backend::ALL {
            assert!(matches!(backend.load_key(&changed), Err(KeyError::Malformed(_))), "{backend:?}");
        }
    }

    #[test]
    fn a_key_prints_its_type_and_nothing_secret() {
        for &backend in Backend::ALL {
            let key = load(backend, include_str!("testdata/rsa2048.pkcs8.pem")).expect("a good key");
            assert_eq!(format!("{key:?}"), "SigningKey(RSA 2048 bits)");
        }
    }

    /// Ed25519 by another crate, as an application would bring it.
    struct Dalek(ed25519_dalek::SigningKey);

    impl Debug for Dalek {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Dalek")
        }
    }

    impl SigningKey for Dalek {
        fn public_key(&self) -> PublicKey {
            // RFC 8410 §4: SEQUENCE { SEQUENCE { id-Ed25519 }, BIT STRING { the key } }
            let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
            let spki = [&prefix[..], self.0.verifying_key().as_bytes()].concat();
            PublicKey::from_spki(&spki).expect("a good key")
        }

        fn schemes(&self) -> &[SignatureScheme] {
            &[SignatureScheme::ED25519]
        }

        fn sign(&self, _: SignatureScheme, message: &[u8]) -> Decision<Result<Vec<u8>, SignError>> {
            Decision::Now(
                self.0
                    .try_sign(message)
                    .map(|signature| signature.to_bytes().to_vec())
                    .map_err(|_| SignError::new("no")),
            )
        }
    }

    /// RFC 8032 §7.1, test 2
    #[test]
    fn a_key_from_outside_signs_what_we_verify() {
        let bytes = |hex: &str| hex::decode(hex).expect("hex");
        let secret = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = Dalek(ed25519_dalek::SigningKey::from_bytes(&secret.try_into().expect("32 bytes")));
        let signature = sign(&key, SignatureScheme::ED25519, &[0x72]).expect("a signature");
        assert_eq!(
            hex::encode(&signature),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        for &backend in Backend::ALL {
            assert_eq!(key.public_key().verify(backend, SignatureScheme::ED25519, &[0x72], &signature), Ok(()));
        }
    }
}
